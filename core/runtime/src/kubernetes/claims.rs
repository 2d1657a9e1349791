//! Workspaces: claims with the instance's label. No pod ever owns one, so none goes with a pod.

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use launchpad_domain::{Claim, ClaimScope, Failure, InstanceId, Reason, RuntimeError, Workload};

use super::FIELD_MANAGER;
use super::access::Access;
use super::faults::Fault;
use super::pod::MANAGED_BY;

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
    if !is_of(&found, workload.instance) {
        return Err(RuntimeError::Refused(Failure::new(
            Reason::EngineRefused,
            format!("claim {} is there already and is not this portal's", claim.name),
        )));
    }
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
    let mut labels = vec![
        (INSTANCE_LABEL.to_owned(), workload.instance.to_string()),
        (MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned()),
    ];
    if claim.scope == ClaimScope::Session {
        labels.push((SESSION_LABEL.to_owned(), workload.session.to_string()));
    }
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(claim.name.clone()),
            labels: Some(labels.into_iter().collect()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), Quantity(claim.size.clone()))].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

fn is_of(claim: &PersistentVolumeClaim, instance: InstanceId) -> bool {
    let labels = claim.metadata.labels.as_ref();
    labels.is_some_and(|labels| labels.get(INSTANCE_LABEL) == Some(&instance.to_string()))
}

/// Deletes a workspace, if it is one of this instance's.
pub(super) async fn delete(access: &Access, instance: InstanceId, name: &str) -> Result<(), RuntimeError> {
    let claims: Api<PersistentVolumeClaim> = access.api().await?;
    let Some(found) = access.call(claims.get_opt(name)).await? else {
        return Ok(());
    };
    if !is_of(&found, instance) {
        return Ok(());
    }
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: found.metadata.uid,
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match access.call(claims.delete(name, &params)).await {
        Ok(_) | Err(Fault::NotFound(_)) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}
