//! What becomes of sessions while a part of the cluster stands still. Each test has the whole cluster for itself.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use launchpad_tests::{Alone, Cluster, Namespace, PATIENCE, Portal, Screen};

use crate::cluster_faults::{Trial, cluster};

/// Launches while a part stands still.
const LAUNCHES: usize = 3;

/// A trial on a cluster of its own.
struct Place {
    alone: Alone<'static>,
    namespace: Namespace<'static>,
    trial: Trial,
    screen: Screen,
}

impl Place {
    async fn get() -> anyhow::Result<Option<Self>> {
        let Some(cluster) = cluster().await? else {
            return Ok(None);
        };
        let alone = cluster.alone().await?;
        let namespace = alone.namespace().await?;
        let trial = Trial::begin(&namespace, cluster.kubeconfig()).await?;
        let screen = trial.screen().await?;
        Ok(Some(Self {
            alone,
            namespace,
            trial,
            screen,
        }))
    }

    /// The stream by the pod's address goes on.
    async fn streams(&mut self) -> anyhow::Result<()> {
        ensure!(self.screen.picture().await? > 0, "the stream stopped");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_stands_still_is_waited_for() -> anyhow::Result<()> {
    is_waited_for("kube-apiserver").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clusters_database_that_stands_still_is_waited_for() -> anyhow::Result<()> {
    is_waited_for("etcd").await
}

/// Without this part the API server answers nothing that counts.
async fn is_waited_for(part: &str) -> anyhow::Result<()> {
    let Some(mut place) = Place::get().await? else {
        return Ok(());
    };
    let stopped = place.alone.stop(part).await?;
    for _ in 0..LAUNCHES {
        place.trial.launch().await?;
    }
    until_away(&place.trial.portal).await?;
    place.streams().await?;
    drop(stopped);
    place.trial.finish().await
}

/// Waits until the portal says that its engine does not answer.
async fn until_away(portal: &Portal) -> anyhow::Result<()> {
    let stranger = portal.stranger()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = stranger.get("/readyz").await?.expect(200)?;
        if told.body.contains("does not answer") {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "nobody noticed: {}", told.body);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_starts_nothing_for_a_while_is_waited_for() -> anyhow::Result<()> {
    let Some(mut place) = Place::get().await? else {
        return Ok(());
    };
    let stopped = place.alone.stop("kubelet").await?;
    for _ in 0..LAUNCHES {
        place.trial.launch().await?;
    }
    for session in &place.trial.acknowledged {
        place.trial.portal.engine()?.until_pod_of(session).await?;
    }
    // Ended while nobody on the machine hears of it.
    let ended = place.trial.acknowledged.pop().context("several were launched")?;
    place.trial.ada.end(&ended).await?;
    place.streams().await?;
    drop(stopped);
    place.trial.finish().await
}

/// Its pods go on for as long as the cluster leaves them there; once it gives the machine up, their sessions are over.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_not_ready_keeps_its_sessions_until_it_is_given_up() -> anyhow::Result<()> {
    let Some(mut place) = Place::get().await? else {
        return Ok(());
    };
    let stopped = place.alone.stop("kubelet").await?;
    let cluster = place.namespace.cluster();
    let node = cluster.kubectl(&["get", "nodes", "--output=name"], "").await?;
    let node = node.trim().trim_start_matches("node/");
    cluster
        .kubectl(
            &[
                "wait",
                "node",
                node,
                "--for=condition=Ready=Unknown",
                "--timeout=120s",
            ],
            "",
        )
        .await?;
    place.streams().await?;
    let session = place.trial.acknowledged[0].clone();
    let running = place.trial.ada.session(&session).await?;
    ensure!(running.status == "running", "{running:?}");

    taint(cluster, &[node, "launchpad.dev/given-up=yes:NoExecute"]).await?;
    let told = place.trial.ada.until(&session, "failed").await;
    drop(stopped);
    // Whatever was told: the other tests need the machine.
    taint(cluster, &[node, "launchpad.dev/given-up-"]).await?;
    cluster
        .kubectl(
            &["wait", "node", node, "--for=condition=Ready", "--timeout=60s"],
            "",
        )
        .await?;
    let failed = told?;
    ensure!(failed.reason == Some("node_lost".into()), "{failed:?}");
    place.trial.portal.engine()?.until_empty().await
}

/// A taint that no pod tolerates, or its end.
async fn taint(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<()> {
    let arguments: Vec<&str> = ["taint", "node"].iter().chain(arguments).copied().collect();
    cluster.kubectl(&arguments, "").await.map(drop)
}
