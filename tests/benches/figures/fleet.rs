//! Five thousand sessions that run: how soon a portal that starts knows what became of them all, and what they cost while
//! nothing happens.
//!
//! Their pods are on simulated nodes, where no screen answers: the rows are made `running` while no portal looks.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use launchpad_domain::Status;
use launchpad_tests::{Client, Cluster, Fault, FaultProxy, Portal, Seed, desktop, simulate};

use crate::cluster::{AT_ONCE, Observer, bare_client, simulated};
use crate::memory::Memory;
use crate::table::{Sample, Table, short};
use crate::{PASSWORD, portal, processor};

const FLEET: usize = 5_000;
/// Launched together by one person, who may have no more; all of them are ready before the next.
const BATCH: usize = 1_000;
/// Pods that go while no portal looks.
const GONE: usize = 50;
const STARTS: usize = 3;
const NODES: u32 = 25;
/// How long nothing happens.
const STEADY: Duration = Duration::from_mins(1);

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    if !cluster.is_on_this_machine() {
        eprintln!("not measured: another cluster has no simulated nodes");
        return Ok(());
    }
    simulate(NODES).await?;
    let measured = fleet(table, cluster).await;
    simulate(0).await?;
    measured
}

async fn fleet(table: &mut Table, cluster: &Cluster) -> anyhow::Result<()> {
    let namespace = simulated(cluster).await?;
    let pods = bare_client(cluster, &namespace).await?;
    let mut observer = Observer::start(pods);
    let folder = tempfile::tempdir()?;
    // Read at every start.
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::copy(cluster.kubeconfig(), &kubeconfig)?;
    let mut portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .in_namespace(&namespace)
        .set("KUBECONFIG", &kubeconfig)
        .set("LAUNCHPAD_SESSIONS__PER_USER", BATCH.to_string())
        .set("LAUNCHPAD_POD_READY_TIMEOUT", "900")
        .set("LAUNCHPAD_KUBERNETES__CONNECT", "address")
        .start()
        .await?;
    // Sees everybody's sessions.
    let root = portal.account("root", "admin", PASSWORD).await?;
    while observer.ready() < FLEET {
        // Some are ready before the last is launched.
        let wanted = observer.ready() + BATCH;
        let name = format!("person-{wanted}");
        launch(&portal.account(&name, "user", PASSWORD).await?).await?;
        observer
            .until(|moments| (moments.ready() >= wanted).then_some(()))
            .await?;
        portal.kill().await?;
        make_running(&portal).await?;
        portal.start_again().await?;
    }
    reconcile(table, &mut portal, &root).await?;
    steady(table, &portal).await?;

    let proxy = FaultProxy::start(cluster).await?;
    portal.kill().await?;
    std::fs::copy(proxy.kubeconfig(), &kubeconfig)?;
    portal.start_again().await?;
    tokio::time::sleep(STEADY / 2).await;
    // Nothing is wrong with it: it only counts.
    proxy.set(Some(Fault::Slow(Duration::ZERO)));
    tokio::time::sleep(STEADY).await;
    table.add(
        "Kubernetes: 5,000 sessions, requests to the API server in a minute",
        "(written down)",
        proxy.done().to_string(),
    );
    Ok(())
}

async fn launch(person: &Client) -> anyhow::Result<()> {
    stream::iter(0..BATCH)
        .map(|_| person.launch("desktop"))
        .buffer_unordered(AT_ONCE)
        .try_for_each(async |_| Ok(()))
        .await
}

async fn make_running(portal: &Portal) -> anyhow::Result<()> {
    let store = portal.store().await?;
    let now: DateTime<Utc> = SystemTime::now().into();
    for session in store.sessions().all(FLEET as u64).await? {
        if session.status == Status::Creating {
            let day = now + TimeDelta::days(1);
            store
                .sessions()
                .set_running(session.id, Some("10.0.0.1"), day, now)
                .await?;
        }
    }
    Ok(store.close().await?)
}

/// From the start of the program until it has found every pod that went meanwhile, among all that stayed.
async fn reconcile(table: &mut Table, portal: &mut Portal, root: &Client) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for start in 0..STARTS {
        portal.kill().await?;
        let all = portal.store().await?.sessions().all(FLEET as u64).await?;
        let gone: Vec<String> = all
            .iter()
            .filter(|session| session.status == Status::Running)
            .skip(start)
            .step_by(FLEET / GONE)
            .map(|session| session.id.to_string())
            .collect();
        for session in &gone {
            portal.engine()?.remove_by_hand(session)?;
        }
        let begin = Instant::now();
        portal.start_again().await?;
        for session in &gone {
            root.until(session, "failed").await?;
        }
        times.push(begin.elapsed());
    }
    let all = portal.store().await?.sessions().all(FLEET as u64).await?;
    let running = all
        .iter()
        .filter(|session| session.status == Status::Running)
        .count();
    ensure!(running > FLEET - STARTS * (GONE + 1), "{running} of {FLEET} run");
    table.add(
        "Kubernetes: 5,000 sessions, from a start until every lost pod is found",
        "<= 5 s",
        Sample::new(times).describe(),
    );
    Ok(())
}

async fn steady(table: &mut Table, portal: &Portal) -> anyhow::Result<()> {
    let id = portal.process_id().context("the portal runs")?;
    tokio::time::sleep(STEADY / 2).await;
    let (spent, begin) = (processor::seconds(id)?, Instant::now());
    tokio::time::sleep(STEADY).await;
    let share = (processor::seconds(id)? - spent) / begin.elapsed().as_secs_f64();
    table.add(
        "Kubernetes: 5,000 sessions while nothing happens",
        "<= 5 % of a core",
        format!(
            "{:.1} % of a core over {}, {}",
            100.0 * share,
            short(STEADY),
            Memory::of(id)?.describe()
        ),
    );
    Ok(())
}
