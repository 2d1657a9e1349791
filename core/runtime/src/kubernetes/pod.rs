//! The pod of a session.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Affinity, Pod, PodAffinity, PodAffinityTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Api;
use kube::api::{Patch, PatchParams};
use launchpad_domain::runtime::{APP_LABEL, INSTANCE_LABEL, SESSION_LABEL, USER_LABEL};
use launchpad_domain::{Claim, ClaimAccess, Failure, Reason, RuntimeError, Workload};

use super::FIELD_MANAGER;
use super::access::Access;
use super::faults::Fault;
use super::view::PodView;

/// By which whoever looks at the cluster finds everything that Launchpad runs.
pub(super) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "launchpad");

/// How often a pod is asked for when others change the quota at the same time.
const TRIES: u32 = 8;

/// Makes the pod, or leaves the session's own as it is.
///
/// # Errors
/// The cluster refuses it, something else has its name, or the API server is away.
pub(super) async fn apply(access: &Access, workload: &Workload) -> Result<PodView, RuntimeError> {
    let pods = access.pods().await?;
    let params = PatchParams::apply(FIELD_MANAGER);
    let mut tries = 0;
    let made = loop {
        tries += 1;
        // Written once it is its turn: of a thousand that wait, none holds a pod.
        let patch = async {
            pods.patch(&workload.name, &params, &Patch::Apply(write(workload)))
                .await
        };
        match access.call(patch).await {
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
    pods: &Api<PodView>,
    workload: &Workload,
    fault: Fault,
) -> Result<PodView, RuntimeError> {
    if !matches!(fault, Fault::Conflict(_) | Fault::Refused(_)) {
        return Err(fault.into());
    }
    match access.call(pods.get_opt(&workload.name)).await? {
        Some(pod) => Ok(pod),
        None => Err(fault.into()),
    }
}

fn is_of(pod: &PodView, workload: &Workload) -> bool {
    let label = |name: &str| pod.metadata.labels.as_ref()?.get(name).cloned();
    label(INSTANCE_LABEL) == Some(workload.instance.to_string())
        && label(SESSION_LABEL) == Some(workload.session.to_string())
}

fn write(workload: &Workload) -> Pod {
    let mut labels: BTreeMap<String, String> = [
        (INSTANCE_LABEL, workload.instance.to_string()),
        (SESSION_LABEL, workload.session.to_string()),
        (MANAGED_BY.0, MANAGED_BY.1.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let mut spec = workload.plan.pod.clone();
    if workload.plan.claims.iter().any(is_shared_on_one_machine) {
        let owner = [
            (INSTANCE_LABEL, workload.instance.to_string()),
            (USER_LABEL, workload.user.to_string()),
            (APP_LABEL, workload.app.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        labels.extend(owner.clone());
        spec.affinity = Some(beside(owner.into()));
    }
    Pod {
        metadata: ObjectMeta {
            name: Some(workload.name.clone()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        ..Pod::default()
    }
}

/// Whether several sessions may mount it, but only from where the first one is.
fn is_shared_on_one_machine(claim: &Claim) -> bool {
    claim.is_for_many() && claim.access != Some(ClaimAccess::ReadWriteMany)
}

/// On the machine of the pods with these labels, if there are any.
fn beside(labels: BTreeMap<String, String>) -> Affinity {
    let term = PodAffinityTerm {
        label_selector: Some(LabelSelector {
            match_labels: Some(labels),
            ..LabelSelector::default()
        }),
        topology_key: "kubernetes.io/hostname".to_owned(),
        ..PodAffinityTerm::default()
    };
    Affinity {
        pod_affinity: Some(PodAffinity {
            required_during_scheduling_ignored_during_execution: Some(vec![term]),
            ..PodAffinity::default()
        }),
        ..Affinity::default()
    }
}
