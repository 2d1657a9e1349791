//! The pod of a session.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{Patch, PatchParams};
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use launchpad_domain::{Failure, Reason, RuntimeError, Workload};

use super::FIELD_MANAGER;
use super::access::Access;
use super::faults::Fault;

/// By which whoever looks at the cluster finds everything that Launchpad runs.
pub(super) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "launchpad");

/// How often a pod is asked for when others change the quota at the same time.
const TRIES: u32 = 8;

/// Makes the pod, or leaves the session's own as it is.
///
/// # Errors
/// The cluster refuses it, something else has its name, or the API server is away.
pub(super) async fn apply(access: &Access, workload: &Workload) -> Result<Pod, RuntimeError> {
    let pods = access.pods().await?;
    let pod = write(workload);
    let params = PatchParams::apply(FIELD_MANAGER);
    let mut tries = 0;
    let made = loop {
        tries += 1;
        match access
            .call(pods.patch(&workload.name, &params, &Patch::Apply(&pod)))
            .await
        {
            Ok(made) => break made,
            // The quota is written by every pod at once: the loser asks again.
            Err(Fault::Conflict(message)) if message.contains("resourcequotas") && tries < TRIES => {
                tokio::time::sleep(Duration::from_millis(10 << tries)).await;
            }
            Err(fault) => break existing(access, &pods, workload, fault).await?,
        }
    };
    if is_of(&made, workload) {
        return Ok(made);
    }
    Err(RuntimeError::Refused(Failure::new(
        Reason::EngineRefused,
        format!(
            "there is a pod {} already that is not this session's",
            workload.name
        ),
    )))
}

/// A pod that is there already cannot be changed, and need not be.
async fn existing(
    access: &Access,
    pods: &Api<Pod>,
    workload: &Workload,
    fault: Fault,
) -> Result<Pod, RuntimeError> {
    if !matches!(fault, Fault::Conflict(_) | Fault::Refused(_)) {
        return Err(fault.into());
    }
    match access.call(pods.get_opt(&workload.name)).await? {
        Some(pod) => Ok(pod),
        None => Err(fault.into()),
    }
}

fn is_of(pod: &Pod, workload: &Workload) -> bool {
    let label = |name: &str| pod.metadata.labels.as_ref()?.get(name).cloned();
    label(INSTANCE_LABEL) == Some(workload.instance.to_string())
        && label(SESSION_LABEL) == Some(workload.session.to_string())
}

/// The names of the claims that a pod mounts.
pub(super) fn claims_of(spec: &PodSpec) -> Vec<String> {
    let volumes = spec.volumes.iter().flatten();
    volumes
        .filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.clone()))
        .collect()
}

fn write(workload: &Workload) -> Pod {
    let labels = [
        (INSTANCE_LABEL, workload.instance.to_string()),
        (SESSION_LABEL, workload.session.to_string()),
        (MANAGED_BY.0, MANAGED_BY.1.to_owned()),
    ];
    Pod {
        metadata: ObjectMeta {
            name: Some(workload.name.clone()),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
            ..ObjectMeta::default()
        },
        spec: Some(workload.plan.pod.clone()),
        ..Pod::default()
    }
}
