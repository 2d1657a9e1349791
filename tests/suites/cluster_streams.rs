//! The way of a screen's bytes out of a cluster: to the session's own pod, and to no other.

use std::time::{Duration, Instant};

use anyhow::ensure;
use launchpad_tests::{Cluster, FaultProxy, PATIENCE, Seed, desktop};
use serde_json::{Value, json};

use crate::engines::use_a_desktop;
use crate::{PASSWORD, portal};

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_reached_through_the_api_server() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    use_a_desktop(
        portal()
            .seed(Seed::Apps(vec![desktop("desktop")]))
            .in_namespace(&namespace)
            .set("LAUNCHPAD_KUBERNETES__CONNECT", "forward"),
    )
    .await
}

/// Somebody puts another pod with the same name in the place of the session's while the portal hears nothing of the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_the_place_of_a_pod_gets_no_viewer() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    let proxy = FaultProxy::start(namespace.cluster()).await?;
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .in_namespace(&namespace)
        .set("KUBECONFIG", proxy.kubeconfig())
        .set("LAUNCHPAD_KUBERNETES__CONNECT", "forward")
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let session = ada.launch("desktop").await?;
    let running = ada.until(&session.id, "running").await?;
    ensure!(ada.screen(&running).await?.picture().await? > 0, "no picture");

    proxy.silence_watches();
    let name = format!("session-{}", session.id);
    let pod = namespace
        .kubectl(&["get", "pod", &name, "--output=json"], "")
        .await?;
    namespace
        .kubectl(&["delete", "pod", &name, "--grace-period=1", "--wait"], "")
        .await?;
    namespace
        .kubectl(&["create", "--filename=-"], &double(&pod)?.to_string())
        .await?;
    namespace
        .kubectl(
            &["wait", "pod", &name, "--for=condition=Ready", "--timeout=60s"],
            "",
        )
        .await?;
    let deadline = Instant::now() + PATIENCE;
    // Until a list tells the portal that the session's own pod is gone: every try before that must fail as well.
    loop {
        ensure!(
            ada.screen(&running).await.is_err(),
            "a viewer was led to another pod"
        );
        if ada.session(&session.id).await?.status == "failed" {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "nobody noticed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A pod with the same name and screen, of nobody's session. What the cluster adds to a pod is left out.
fn double(pod: &str) -> anyhow::Result<Value> {
    let mut pod: Value = serde_json::from_str(pod)?;
    let metadata = json!({"name": pod["metadata"]["name"]});
    let mut spec = pod["spec"].take();
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("nodeName");
        fields.remove("tolerations");
    }
    Ok(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
}
