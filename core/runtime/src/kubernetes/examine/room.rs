//! Whether there is room for sessions: what quotas leave, and a storage class for workspaces.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, ResourceQuota, VolumeResourceRequirements,
};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{ListParams, PostParams};
use launchpad_domain::{Finding, Quantity, RuntimeError};

use super::super::access::Access;
use super::super::faults::Fault;
use super::not_seen;

const QUOTA: &str = "quota";
const STORAGE: &str = "storage class";

/// How much of every quota is used. One that is used up keeps the next session from starting.
pub(super) async fn quota(access: &Access) -> Finding {
    let quotas = match list_quotas(access).await {
        Ok(quotas) => quotas,
        Err(error) => return not_seen(QUOTA, &error, access.namespace()),
    };
    let mut lines = Vec::new();
    let mut full = Vec::new();
    for quota in quotas {
        let name = quota.metadata.name.unwrap_or_default();
        let status = quota.status.unwrap_or_default();
        let used = status.used.unwrap_or_default();
        for (what, resource::Quantity(hard)) in status.hard.unwrap_or_default() {
            let used = used
                .get(&what)
                .map_or("0", |resource::Quantity(used)| used.as_str());
            lines.push(format!("{what}: {used} of {hard}"));
            if is_used_up(used, &hard) {
                full.push((name.clone(), what));
            }
        }
    }
    if lines.is_empty() {
        return Finding::ok(QUOTA, "none");
    }
    let told = lines.join("\n");
    match full.first() {
        None => Finding::ok(QUOTA, told),
        Some((name, what)) => Finding::wrong(
            QUOTA,
            format!("{what} is used up\n{told}"),
            format!(
                "kubectl --namespace {} edit resourcequota {name}",
                access.namespace()
            ),
        ),
    }
}

async fn list_quotas(access: &Access) -> Result<Vec<ResourceQuota>, RuntimeError> {
    let quotas: Api<ResourceQuota> = access.api().await?;
    Ok(access.call(quotas.list(&ListParams::default())).await?.items)
}

/// Nothing at all is no quantity of ours, neither as a limit nor as what is used.
fn is_used_up(used: &str, hard: &str) -> bool {
    match (used.parse::<Quantity>(), hard.parse::<Quantity>()) {
        (_, Err(_)) => true,
        (Err(_), Ok(_)) => false,
        (Ok(used), Ok(hard)) => used >= hard,
    }
}

/// Whether workspaces get a volume: of the named classes, or of whatever the cluster gives claims that name none.
pub(super) async fn storage(access: &Access, classes: &BTreeSet<String>) -> Finding {
    if classes.is_empty() {
        return match default_class(access).await {
            Ok(Some(class)) => Finding::ok(STORAGE, format!("{class}, the cluster's default")),
            Ok(None) => Finding::wrong(
                STORAGE,
                "the cluster has no default, and none is configured: workspaces get no volume",
                "kubectl get storageclass, and set workspaces.storage_class to one of them",
            ),
            Err(error) => not_seen(STORAGE, &error, access.namespace()),
        };
    }
    let told = classes.iter().cloned().collect::<Vec<_>>().join(", ");
    match missing_classes(access, classes).await {
        Ok(Some(missing)) if missing.is_empty() => Finding::ok(STORAGE, told),
        Ok(Some(missing)) => Finding::wrong(
            STORAGE,
            format!("there is no {}", missing.join(", ")),
            "kubectl get storageclass, and set workspaces.storage_class and storage_classes to what there is",
        ),
        // Classes belong to no namespace, and the shipped role looks at nothing beyond its own.
        Ok(None) => Finding::ok(
            STORAGE,
            format!("{told}; whether it is there this account may not see"),
        ),
        Err(error) => not_seen(STORAGE, &error, access.namespace()),
    }
}

/// What the cluster makes of a claim that names no class, without making the claim.
async fn default_class(access: &Access) -> Result<Option<String>, RuntimeError> {
    let claims: Api<PersistentVolumeClaim> = access.api().await?;
    let claim = PersistentVolumeClaim {
        metadata: ObjectMeta {
            generate_name: Some("launchpad-probe-".to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), resource::Quantity("1Mi".to_owned()))].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    };
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let made = access.call(claims.create(&params, &claim)).await?;
    Ok(made.spec.and_then(|spec| spec.storage_class_name))
}

/// Those of the classes that are not there; `None` where the account may not look.
async fn missing_classes(
    access: &Access,
    classes: &BTreeSet<String>,
) -> Result<Option<Vec<String>>, RuntimeError> {
    let known: Api<StorageClass> = access.everywhere().await?;
    let mut missing = Vec::new();
    for class in classes {
        match access.call(known.get(class)).await {
            Ok(_) => {}
            Err(Fault::NotFound(_)) => missing.push(class.clone()),
            Err(Fault::Away(message)) if message.contains("forbidden") => return Ok(None),
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(Some(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_used_up_when_nothing_is_left() {
        for (used, hard, full) in [
            ("0", "10", false),
            ("9", "10", false),
            ("10", "10", true),
            ("15Gi", "100Gi", false),
            ("102400Mi", "100Gi", true),
            ("0", "0", true),
        ] {
            assert_eq!(is_used_up(used, hard), full, "{used} of {hard}");
        }
    }
}
