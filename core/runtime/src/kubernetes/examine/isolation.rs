//! Whether the cluster enforces network policies. One that does not ignores them and says nothing, and then every session can
//! look at every other's screen.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::PostParams;
use launchpad_domain::{Finding, Needs, RuntimeError};
use serde_json::json;

use super::super::access::Access;
use super::not_seen;
use super::probe::{PROBE_LABEL, Probe};

const POLICIES: &str = "network policies";
/// How long a pod may take to come up, its image fetched.
const PATIENCE: Duration = Duration::from_mins(1);
/// Tries to connect, once a second, while the policy makes its way to the nodes.
const TRIES: u32 = 10;

/// What came of trying to connect to a pod that a policy closes.
enum Outcome {
    Kept,
    Connected,
    Untold(String),
}

/// Starts a screen that a policy closes to everybody, and a neighbour that tries to look at it.
pub(super) async fn examine(access: &Access, needs: &Needs) -> Finding {
    if needs.sidecar_image.is_empty() {
        return Finding::missing(
            POLICIES,
            "not tried: no VNC sidecar is configured to try it with",
            "set sessions.sidecar_image",
        );
    }
    match Box::pin(look(access, &needs.sidecar_image)).await {
        Ok(Outcome::Kept) => Finding::ok(POLICIES, "enforced: a pod that a policy closes is closed"),
        Ok(Outcome::Connected) => Finding::wrong(
            POLICIES,
            "not enforced: every session can look at every other's screen, and into the cluster",
            "install a network plugin that enforces NetworkPolicies, such as Calico or Cilium",
        ),
        Ok(Outcome::Untold(why)) => Finding::missing(
            POLICIES,
            format!("it cannot be told whether they are enforced: {why}"),
            format!("kubectl --namespace {} get events", access.namespace()),
        ),
        Err(error) => not_seen(POLICIES, &error, access.namespace()),
    }
}

async fn look(access: &Access, image: &str) -> Result<Outcome, RuntimeError> {
    let volumes = json!([{"name": "x11", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]);
    let screen = json!({
        "name": "screen",
        "image": image,
        "env": [{"name": "DISPLAY", "value": ":0"}, {"name": "HOME", "value": "/tmp"}],
        // Asked by the node itself, which no policy keeps out: that it listens is known without connecting.
        "readinessProbe": {"tcpSocket": {"port": 5900}, "periodSeconds": 1},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "x11", "mountPath": "/tmp/.X11-unix"}],
    });
    let screen = Probe::start(access, vec![screen], volumes).await?;
    let outcome = Box::pin(look_at(access, &screen, image)).await;
    // With the policy, which belongs to it.
    screen.end(access).await;
    outcome
}

async fn look_at(access: &Access, screen: &Probe, image: &str) -> Result<Outcome, RuntimeError> {
    close(access, screen).await?;
    let seen = screen.until(is_ready_or_over, PATIENCE).await?;
    let address = seen.status.as_ref().and_then(|status| status.pod_ip.clone());
    let (true, Some(address)) = (is_ready(&seen), address) else {
        return Ok(Outcome::Untold(format!(
            "a pod of {image} does not listen on port 5900"
        )));
    };
    // Succeeds only if it could connect every time, and also the last.
    let script = format!(
        "for i in $(seq {TRIES}); do timeout 3 bash -c 'exec 3<>/dev/tcp/{address}/5900' || exit 1; sleep 1; done"
    );
    let neighbour = json!({"name": "neighbour", "image": image, "command": ["/bin/bash", "-c", script]});
    let neighbour = Probe::start(access, vec![neighbour], json!([])).await?;
    let ended = neighbour.until(is_over, PATIENCE).await;
    neighbour.end(access).await;
    Ok(match exit_code(&ended?) {
        Some(0) => Outcome::Connected,
        Some(1) => Outcome::Kept,
        _ => Outcome::Untold(format!("a pod of {image} cannot run bash")),
    })
}

/// Closes the screen to everybody.
async fn close(access: &Access, screen: &Probe) -> Result<(), RuntimeError> {
    let policies: Api<NetworkPolicy> = access.api().await?;
    let policy = json!({
        "metadata": {
            "name": screen.name(),
            "labels": {PROBE_LABEL: screen.label()},
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Pod", "name": screen.name(), "uid": screen.pod.metadata.uid,
            }],
        },
        "spec": {
            "podSelector": {"matchLabels": {PROBE_LABEL: screen.label()}},
            "policyTypes": ["Ingress"],
            "ingress": [],
        },
    });
    let policy: NetworkPolicy = serde_json::from_value(policy)
        .map_err(|error| RuntimeError::Away(format!("a policy cannot be written down: {error}")))?;
    access
        .call(policies.create(&PostParams::default(), &policy))
        .await?;
    Ok(())
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn is_ready_or_over(pod: &Pod) -> bool {
    is_ready(pod) || is_over(pod)
}

fn exit_code(pod: &Pod) -> Option<i32> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let ended = statuses.first()?.state.as_ref()?.terminated.as_ref()?;
    Some(ended.exit_code)
}
