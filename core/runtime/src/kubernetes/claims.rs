//! Workspaces: claims with the instance's label and their owner's. No pod ever owns one, so none goes with a pod.

use std::collections::BTreeMap;

use chrono::DateTime;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use launchpad_domain::runtime::INSTANCE_LABEL;
use launchpad_domain::{Claim, InstanceId, RuntimeError, Workload, Workspace, WorkspaceName};

use super::FIELD_MANAGER;
use super::access::Access;
use super::faults::Fault;
use super::of_instance;
use super::pod::MANAGED_BY;
use crate::owned;

/// Makes the workspace, or finds it again.
///
/// # Errors
/// It is somebody else's, it is being deleted, or the cluster refuses it.
pub(super) async fn ensure(access: &Access, workload: &Workload, claim: &Claim) -> Result<(), RuntimeError> {
    let claims: Api<PersistentVolumeClaim> = access.api().await?;
    let found = match access.call(claims.get_opt(&claim.name)).await? {
        Some(found) => found,
        None => make(access, &claims, workload, claim).await?,
    };
    owned::check(labels(&found), workload, claim)?;
    if found.metadata.deletion_timestamp.is_some() {
        return Err(RuntimeError::Away(format!(
            "claim {} is being deleted",
            claim.name
        )));
    }
    Ok(())
}

async fn make(
    access: &Access,
    claims: &Api<PersistentVolumeClaim>,
    workload: &Workload,
    claim: &Claim,
) -> Result<PersistentVolumeClaim, RuntimeError> {
    let wanted = write(workload, claim);
    let params = PatchParams::apply(FIELD_MANAGER);
    let made = access
        .call(claims.patch(&claim.name, &params, &Patch::Apply(&wanted)))
        .await;
    match made {
        Err(Fault::Conflict(_)) => Ok(access.call(claims.get(&claim.name)).await?),
        made => Ok(made?),
    }
}

fn write(workload: &Workload, claim: &Claim) -> PersistentVolumeClaim {
    let mut labels = owned::labels(workload, claim);
    labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(claim.name.clone()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![claim.access.unwrap_or_default().as_str().to_owned()]),
            storage_class_name: claim.storage_class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), Quantity(claim.size.clone()))].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

fn labels(claim: &PersistentVolumeClaim) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    claim.metadata.labels.as_ref().unwrap_or(&NONE)
}

/// Every workspace of this instance.
pub(super) async fn list(access: &Access, instance: InstanceId) -> Result<Vec<Workspace>, RuntimeError> {
    let claims: Api<PersistentVolumeClaim> = access.api().await?;
    let params = ListParams::default().labels(&of_instance(instance));
    let listed = access.call(claims.list(&params)).await?;
    Ok(listed.items.iter().filter_map(workspace).collect())
}

fn workspace(claim: &PersistentVolumeClaim) -> Option<Workspace> {
    let made = claim.metadata.creation_timestamp.as_ref()?;
    let requests = claim
        .spec
        .as_ref()
        .and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
    let size = requests.and_then(|requests| requests.get("storage"));
    owned::workspace(
        claim.metadata.name.as_deref()?,
        labels(claim),
        size.map(|Quantity(size)| size.clone()),
        DateTime::from_timestamp(made.0.as_second(), 0)?,
    )
}

/// Deletes a workspace, if it is one of this instance's.
pub(super) async fn delete(
    access: &Access,
    instance: InstanceId,
    name: &WorkspaceName,
) -> Result<(), RuntimeError> {
    let claims: Api<PersistentVolumeClaim> = access.api().await?;
    let Some(found) = access.call(claims.get_opt(name.as_str())).await? else {
        return Ok(());
    };
    if labels(&found).get(INSTANCE_LABEL) != Some(&instance.to_string()) {
        return Ok(());
    }
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: found.metadata.uid,
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match access.call(claims.delete(name.as_str(), &params)).await {
        Ok(_) | Err(Fault::NotFound(_)) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}
