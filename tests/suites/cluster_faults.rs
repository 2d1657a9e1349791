//! What goes wrong with clusters: an API server that is slow, refuses, forgets to answer or is gone, watches that break, and
//! pods that the cluster will not run or keep. Nothing is lost, orphaned, doubled or stuck, and each reason is its own.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use launchpad_tests::{
    Client, Cluster, Fault, FaultProxy, Namespace, Portal, Recipe, Screen, Seed, app, derive_image, desktop,
    until_whole,
};
use reqwest::Method;
use serde_json::json;

use crate::{PASSWORD, portal};

const DESKTOP: &str = "localhost/launchpad/desktop:1";

/// A portal with one session that runs.
pub(crate) struct Trial {
    pub(crate) portal: Portal,
    pub(crate) ada: Client,
    pub(crate) acknowledged: Vec<String>,
}

impl Trial {
    /// It reaches its cluster by this kubeconfig.
    pub(crate) async fn begin(namespace: &Namespace<'_>, kubeconfig: &Path) -> anyhow::Result<Self> {
        let portal = portal()
            .seed(Seed::Apps(vec![desktop("desktop")]))
            .in_namespace(namespace)
            .set("KUBECONFIG", kubeconfig)
            .set("LAUNCHPAD_SESSIONS__PER_USER", "50")
            .start()
            .await?;
        let ada = portal.account("ada", "user", PASSWORD).await?;
        let first = ada.launch("desktop").await?;
        ada.until(&first.id, "running").await?;
        Ok(Self {
            portal,
            ada,
            acknowledged: vec![first.id],
        })
    }

    /// The screen of the session that ran before.
    pub(crate) async fn screen(&self) -> anyhow::Result<Screen> {
        let running = self.ada.session(&self.acknowledged[0]).await?;
        self.ada.screen(&running).await
    }

    /// Launches while something is wrong: taken, or refused because the engine is away.
    pub(crate) async fn launch(&mut self) -> anyhow::Result<()> {
        let answer = self
            .ada
            .send_json(Method::POST, "/api/sessions", &json!({"app_id": "desktop"}))
            .await?;
        match answer.status.as_u16() {
            201 => {
                let id = answer.json()?["id"]
                    .as_str()
                    .context("a session has an id")?
                    .to_owned();
                self.acknowledged.push(id);
            }
            503 => {}
            _ => drop(answer.expect(201)?),
        }
        Ok(())
    }

    /// All that was taken runs, and is whole; then all of it ends, and nothing is left.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        for id in &self.acknowledged {
            self.ada.until(id, "running").await?;
        }
        until_whole(&self.portal, &self.acknowledged).await?;
        for id in &self.acknowledged {
            self.ada.end(id).await?;
        }
        until_whole(&self.portal, &self.acknowledged).await?;
        self.portal.engine()?.until_empty().await
    }
}

/// The cluster whose pods are reached by their addresses, so that the proxy need not carry screens.
pub(crate) async fn cluster() -> anyhow::Result<Option<&'static Cluster>> {
    let cluster = Cluster::get().await?;
    if !cluster.is_on_this_machine() {
        eprintln!("not tried: the proxy carries no port-forward, and these pods are elsewhere");
    }
    Ok(cluster.is_on_this_machine().then_some(cluster))
}

async fn survives(fault: Fault, times: usize) -> anyhow::Result<()> {
    let Some(cluster) = cluster().await? else {
        return Ok(());
    };
    let namespace = cluster.namespace().await?;
    let proxy = FaultProxy::start(cluster).await?;
    let mut trial = Trial::begin(&namespace, proxy.kubeconfig()).await?;
    let mut screen = trial.screen().await?;
    proxy.set(Some(fault));
    for _ in 0..3 {
        trial.launch().await?;
    }
    proxy.until_done(times).await?;
    ensure!(
        screen.picture().await? > 0,
        "a stream by the pod's address stopped"
    );
    proxy.set(None);
    trial.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_api_server_only_takes_longer() -> anyhow::Result<()> {
    survives(Fault::Slow(Duration::from_millis(700)), 6).await
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_asked_again() -> anyhow::Result<()> {
    survives(Fault::Answer(429), 10).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_api_server_is_waited_out() -> anyhow::Result<()> {
    survives(Fault::Answer(500), 4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_for_a_moment_is_waited_for() -> anyhow::Result<()> {
    survives(Fault::Answer(403), 4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_without_an_answer_is_found_and_not_done_twice() -> anyhow::Result<()> {
    survives(Fault::NoAnswer, 3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_gone_is_waited_for() -> anyhow::Result<()> {
    survives(Fault::Away, 4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_break_lose_nothing() -> anyhow::Result<()> {
    let Some(cluster) = cluster().await? else {
        return Ok(());
    };
    let namespace = cluster.namespace().await?;
    let proxy = FaultProxy::start(cluster).await?;
    let mut trial = Trial::begin(&namespace, proxy.kubeconfig()).await?;
    for fault in [None, Some(Fault::Expired)] {
        proxy.set(fault);
        proxy.cut_watches();
        if fault.is_some() {
            proxy.until_done(1).await?;
        }
        trial.launch().await?;
        proxy.set(None);
    }
    trial.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_says_nothing_is_noticed() -> anyhow::Result<()> {
    let Some(cluster) = cluster().await? else {
        return Ok(());
    };
    let namespace = cluster.namespace().await?;
    let proxy = FaultProxy::start(cluster).await?;
    let mut trial = Trial::begin(&namespace, proxy.kubeconfig()).await?;
    proxy.silence_watches();
    trial.launch().await?;
    for id in &trial.acknowledged {
        trial.ada.until(id, "running").await?;
    }
    let first = trial.acknowledged.remove(0);
    trial.portal.engine()?.remove_by_hand(&first)?;
    let failed = trial.ada.until(&first, "failed").await?;
    ensure!(failed.reason == Some("workload_gone".into()), "{failed:?}");
    proxy.let_watches_speak();
    trial.finish().await
}

/// One app that does not come up, or does not stay, and why.
async fn told(recipe: Recipe, namespace: &Namespace<'_>, expected: &str) -> anyhow::Result<()> {
    let portal = recipe.in_namespace(namespace).start().await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let session = ada.launch("app").await?;
    let failed = ada.until(&session.id, "failed").await?;
    ensure!(failed.reason == Some(expected.into()), "{failed:?}");
    until_whole(&portal, &[session.id]).await
}

fn one(launch_type: &str, image: &str) -> Recipe {
    portal().seed(Seed::Apps(vec![app("app", launch_type, "", image)]))
}

/// One whose launch is not waited for long.
fn hasty(launch_type: &str) -> Recipe {
    one(launch_type, DESKTOP).set("LAUNCHPAD_POD_READY_TIMEOUT", "5")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_used_up_is_told() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    namespace
        .kubectl(&["create", "quota", "none", "--hard=pods=0"], "")
        .await?;
    until_quota(&namespace).await?;
    told(one("container", DESKTOP), &namespace, "over_quota").await
}

/// The quota holds once its controller has counted.
async fn until_quota(namespace: &Namespace<'_>) -> anyhow::Result<()> {
    namespace
        .kubectl(
            &[
                "wait",
                "resourcequota/none",
                "--for=jsonpath={.status.hard.pods}=0",
                "--timeout=60s",
            ],
            "",
        )
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_the_cluster_is_told() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    let limits = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]}});
    namespace
        .kubectl(&["create", "--filename=-"], &limits.to_string())
        .await?;
    told(one("container", DESKTOP), &namespace, "admission_refused").await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_on_any_machine_is_told() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    let nowhere = "scheduler.alpha.kubernetes.io/node-selector=launchpad.dev/nowhere=true";
    namespace
        .cluster()
        .kubectl(&["annotate", "namespace", namespace.name(), nowhere], "")
        .await?;
    told(hasty("container"), &namespace, "unschedulable").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_not_reached_is_told() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    let recipe = one("container", "127.0.0.1:9/nobody/app:1").set("LAUNCHPAD_POD_READY_TIMEOUT", "8");
    told(recipe, &namespace, "image_pull").await
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_memory_is_told() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    let greedy = "localhost/launchpad-tests/greedy:1";
    derive_image(greedy, DESKTOP, &["/usr/bin/tail", "/dev/zero"], &[])?;
    namespace.cluster().import(greedy).await?;
    let recipe = one("container", greedy).set("LAUNCHPAD_SESSIONS__MEMORY", "96Mi");
    told(recipe, &namespace, "out_of_memory").await
}

/// A portal in this namespace with one session that runs, and that session's pod.
async fn running(
    namespace: &Namespace<'_>,
    launch_type: &str,
) -> anyhow::Result<(Portal, Client, String, String)> {
    let portal = one(launch_type, DESKTOP).in_namespace(namespace).start().await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let session = ada.launch("app").await?;
    ada.until(&session.id, "running").await?;
    let pod = portal.engine()?.pods_of(&session.id)?.pop().context("no pod")?;
    Ok((portal, ada, session.id, pod))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eviction_is_told() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    let (portal, ada, session, pod) = running(&namespace, "container").await?;
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", namespace.name());
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    namespace
        .kubectl(&["create", "--raw", &path, "--filename=-"], &eviction.to_string())
        .await?;
    let failed = ada.until(&session, "failed").await?;
    ensure!(failed.reason == Some("evicted".into()), "{failed:?}");
    until_whole(&portal, &[session]).await
}

/// One that never ends, because somebody keeps it from ending: its session is over all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_never_ends_holds_nobody_up() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    let (portal, ada, session, pod) = running(&namespace, "container").await?;
    let held = r#"{"metadata": {"finalizers": ["launchpad.dev/held-by-a-test"]}}"#;
    namespace
        .kubectl(&["patch", "pod", &pod, "--patch", held], "")
        .await?;
    ada.end(&session).await?;
    let again = ada.launch("app").await?;
    ada.until(&again.id, "running").await?;
    until_whole(&portal, &[session, again.id]).await?;
    let released = r#"{"metadata": {"finalizers": null}}"#;
    namespace
        .kubectl(&["patch", "pod", &pod, "--type=merge", "--patch", released], "")
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_the_cluster_ends_at_its_own_deadline_has_expired() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    let (portal, ada, session, pod) = running(&namespace, "container").await?;
    let sooner = r#"{"spec": {"activeDeadlineSeconds": 1}}"#;
    namespace
        .kubectl(&["patch", "pod", &pod, "--patch", sooner], "")
        .await?;
    ada.until(&session, "expired").await?;
    until_whole(&portal, &[session]).await
}
