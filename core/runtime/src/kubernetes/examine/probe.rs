//! Short pods that look at something. They leave nothing: each is deleted at its end, and by the cluster itself where
//! this program ends before.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::wait::await_condition;
use launchpad_domain::{InstanceId, RuntimeError};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::access::Access;
use super::super::pod::MANAGED_BY;

/// The label of everything that a probe makes.
pub(super) const PROBE_LABEL: &str = "launchpad.dev/probe";
/// Seconds after which the cluster ends a probe that nobody ends.
const LIFETIME: u32 = 180;

/// A pod that looks at something.
pub(super) struct Probe {
    pods: Api<Pod>,
    /// What the cluster answered when it was made.
    pub(super) pod: Pod,
}

impl Probe {
    /// Starts a pod of these containers, which get what the *restricted* profile and a session's limits ask for.
    ///
    /// # Errors
    /// The cluster refuses it, or does not answer.
    pub(super) async fn start(
        access: &Access,
        containers: Vec<Value>,
        volumes: Value,
    ) -> Result<Self, RuntimeError> {
        let pods = access.api().await?;
        let pod = json!({
            "metadata": {
                "generateName": "launchpad-probe-",
                // Its own, so that a policy can be about this pod alone.
                "labels": {PROBE_LABEL: InstanceId::new().to_string(), MANAGED_BY.0: MANAGED_BY.1},
            },
            "spec": {
                "restartPolicy": "Never",
                "activeDeadlineSeconds": LIFETIME,
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": containers.into_iter().map(hardened).collect::<Vec<_>>(),
                "volumes": volumes,
            },
        });
        let pod: Pod = serde_json::from_value(pod)
            .map_err(|error| RuntimeError::Away(format!("a probe cannot be written down: {error}")))?;
        let pod = access.call(pods.create(&PostParams::default(), &pod)).await?;
        Ok(Self { pods, pod })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.pod.metadata.name.as_deref().unwrap_or_default()
    }

    /// The value of its label.
    pub(super) fn label(&self) -> &str {
        let labels = self.pod.metadata.labels.as_ref();
        labels
            .and_then(|labels| labels.get(PROBE_LABEL))
            .map_or("", String::as_str)
    }

    /// Waits until the pod is as wanted, and answers how it was last: as wanted, or not within this time.
    ///
    /// # Errors
    /// The API server does not answer.
    pub(super) async fn until(
        &self,
        wanted: fn(&Pod) -> bool,
        patience: Duration,
    ) -> Result<Pod, RuntimeError> {
        let condition = move |pod: Option<&Pod>| pod.is_none_or(wanted);
        match timeout(
            patience,
            await_condition(self.pods.clone(), self.name(), condition),
        )
        .await
        {
            Ok(Ok(Some(pod))) => Ok(pod),
            Ok(Ok(None)) => Err(RuntimeError::Away("somebody deleted the probe".to_owned())),
            Ok(Err(error)) => Err(RuntimeError::Away(format!(
                "the probe cannot be watched: {error}"
            ))),
            Err(_) => Ok(self
                .pods
                .get(self.name())
                .await
                .unwrap_or_else(|_| self.pod.clone())),
        }
    }

    /// Ends it.
    pub(super) async fn end(self, access: &Access) {
        let now = DeleteParams::default().grace_period(0);
        if let Err(fault) = access.call(self.pods.delete(self.name(), &now)).await {
            let error = RuntimeError::from(fault);
            tracing::warn!(%error, pod = self.name(), "a probe is left to the cluster, which ends it");
        }
    }
}

fn hardened(mut container: Value) -> Value {
    container["imagePullPolicy"] = json!("IfNotPresent");
    container["securityContext"] = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
    });
    container["resources"] = json!({
        "requests": {"cpu": "10m", "memory": "32Mi"},
        "limits": {"cpu": "500m", "memory": "256Mi"},
    });
    container
}
