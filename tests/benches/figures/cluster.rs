//! Launches on Kubernetes, against a bare client of the same API server in the same run; and the ways to a pod.
//!
//! Only on the test cluster of this machine: its API server, its node and the portal share two cores here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Config};
use launchpad_tests::blaster::Viewer;
use launchpad_tests::{Cluster, Namespace, PATIENCE, Seed, app, derive_image, desktop, simulate};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::memory::Memory;
use crate::relay::{IDLER, SCREEN, flood, processor_seconds_per_gb};
use crate::table::{Sample, Table, short};
use crate::{PASSWORD, portal};

const LAUNCHES: usize = 40;
const STORM: usize = 1_000;
const NODES: u32 = 20;
/// Requests that the bare client has under way at one time, as the portal has.
pub(crate) const AT_ONCE: usize = 32;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    if !cluster.is_on_this_machine() {
        eprintln!("not measured: another cluster's node is not this machine");
        return Ok(());
    }
    one_by_one(table, cluster).await?;
    relay(table, cluster).await
}

/// A thousand at once.
pub(crate) async fn measure_storm(table: &mut Table) -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    if !cluster.is_on_this_machine() {
        eprintln!("not measured: another cluster has no simulated nodes");
        return Ok(());
    }
    simulate(NODES).await?;
    let measured = storms(table, cluster).await;
    simulate(0).await?;
    measured
}

/// A client that knows nothing of portals.
pub(crate) async fn bare_client(cluster: &Cluster, namespace: &Namespace<'_>) -> anyhow::Result<Api<Pod>> {
    let file = Kubeconfig::read_from(cluster.kubeconfig())?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Api::namespaced(Client::try_from(config)?, namespace.name()))
}

/// When a pod was first seen, and when it was ready, by one watch for everybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments {
    made: HashMap<String, SystemTime>,
    started: HashMap<String, (SystemTime, String)>,
    ready: HashMap<String, SystemTime>,
}

pub(crate) struct Observer {
    moments: watch::Receiver<Moments>,
    task: JoinHandle<()>,
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Observer {
    /// Watches these pods until it is dropped.
    pub(crate) fn start(pods: Api<Pod>) -> Self {
        let (sender, moments) = watch::channel(Moments::default());
        let task = tokio::spawn(async move {
            let mut events = Box::pin(watcher(pods, watcher::Config::default()));
            while let Some(event) = events.next().await {
                if let Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) = event {
                    sender.send_modify(|moments| moments.note(&pod));
                }
            }
        });
        Self { moments, task }
    }

    /// How many pods have been ready.
    pub(crate) fn ready(&self) -> usize {
        self.moments.borrow().ready()
    }

    /// Waits until something holds, and answers it.
    pub(crate) async fn until<T>(&mut self, holds: impl Fn(&Moments) -> Option<T>) -> anyhow::Result<T> {
        let patience = tokio::time::timeout(5 * PATIENCE, async {
            loop {
                let found = holds(&self.moments.borrow_and_update());
                if let Some(found) = found {
                    return Ok(found);
                }
                self.moments.changed().await?;
            }
        });
        patience.await?
    }
}

impl Moments {
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    fn note(&mut self, pod: &Pod) {
        let now = SystemTime::now();
        let name = pod.metadata.name.clone().unwrap_or_default();
        self.made.entry(name.clone()).or_insert(now);
        let Some(status) = &pod.status else { return };
        let containers = status.container_statuses.as_deref().unwrap_or_default();
        let running = containers
            .iter()
            .any(|one| one.name == "vnc" && one.state.as_ref().is_some_and(|state| state.running.is_some()));
        if let (true, Some(ip)) = (running, &status.pod_ip) {
            self.started.entry(name.clone()).or_insert((now, ip.clone()));
        }
        let ready = status
            .conditions
            .iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        if ready {
            self.ready.entry(name).or_insert(now);
        }
    }
}

/// The same pod as the portal's, as near as it matters.
fn pod(name: &str) -> Value {
    let container = |name: &str, image: &str| {
        json!({
            "name": name,
            "image": image,
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"},
                "limits": {"cpu": "2", "memory": "2Gi", "ephemeral-storage": "5Gi"}},
            "volumeMounts": [{"name": "x11", "mountPath": "/tmp/.X11-unix"}, {"name": format!("tmp-{name}"), "mountPath": "/tmp"}],
        })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 5,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "x11", "emptyDir": {}}, {"name": "tmp-vnc", "emptyDir": {}}, {"name": "tmp-app", "emptyDir": {}}],
            "containers": [container("vnc", "localhost/launchpad/vnc-sidecar:1"), container("app", "localhost/launchpad/desktop:1")],
        },
    })
}

async fn make(pods: &Api<Pod>, name: &str) -> anyhow::Result<()> {
    let params = PatchParams::apply("launchpad-bench");
    pods.patch(name, &params, &Patch::Apply(pod(name))).await?;
    Ok(())
}

async fn one_by_one(table: &mut Table, cluster: &Cluster) -> anyhow::Result<()> {
    let namespace = cluster.namespace().await?;
    let pods = bare_client(cluster, &namespace).await?;
    let mut observer = Observer::start(pods.clone());
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .in_namespace(&namespace)
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    // The first of each makes connections and, for the portal, the network policy.
    make(&pods, "bare-first").await?;
    pods.delete("bare-first", &kube::api::DeleteParams::default().grace_period(0))
        .await?;
    let first = ada.launch("desktop").await?;
    ada.until(&first.id, "running").await?;
    ada.end(&first.id).await?;

    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    let (mut bare_up, mut ours_up, mut page) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..LAUNCHES {
        let name = format!("bare-{number}");
        let begin = SystemTime::now();
        make(&pods, &name).await?;
        let made = observer.until(|moments| moments.made.get(&name).copied()).await?;
        bare.push(made.duration_since(begin)?);
        bare_up.push(until_greeted(&mut observer, &name).await?.duration_since(begin)?);
        pods.delete(&name, &kube::api::DeleteParams::default().grace_period(0))
            .await?;

        let click = SystemTime::now();
        let session = ada.launch("desktop").await?;
        let name = format!("session-{}", session.id);
        let made = observer.until(|moments| moments.made.get(&name).copied()).await?;
        ours.push(made.duration_since(click)?);
        let up = until_greeted(&mut observer, &name).await?;
        let running = ada.until(&session.id, "running").await?;
        let ran: SystemTime = running.updated_at.into();
        ours_up.push(ran.duration_since(click)?);
        page.push(ran.duration_since(up).unwrap_or_default());
        ada.end(&session.id).await?;
        portal.engine()?.until_empty().await?;
    }
    let (bare, ours) = (Sample::new(bare), Sample::new(ours));
    table.add(
        "Kubernetes: a bare client, until its pod is an object",
        "",
        bare.describe(),
    );
    table.add(
        "Kubernetes: from the click until the pod is an object",
        "p95 <= bare + 15 ms",
        format!(
            "{}; p95 {} more",
            ours.describe(),
            short(ours.quantile(95).saturating_sub(bare.quantile(95)))
        ),
    );
    table.add(
        "Kubernetes: a bare pod, until its screen greets",
        "",
        Sample::new(bare_up).describe(),
    );
    table.add(
        "Kubernetes: from the click until it runs",
        "",
        Sample::new(ours_up).describe(),
    );
    table.add(
        "Kubernetes: from the endpoint's first answer until it runs",
        "p95 <= 25 ms",
        Sample::new(page).describe(),
    );
    Ok(())
}

/// When the pod's screen first greeted, tried every millisecond.
async fn until_greeted(observer: &mut Observer, name: &str) -> anyhow::Result<SystemTime> {
    let (_, ip) = observer
        .until(|moments| moments.started.get(name).cloned())
        .await?;
    let deadline = Instant::now() + PATIENCE;
    let mut greeting = [0; 4];
    while Instant::now() < deadline {
        if let Ok(mut stream) = TcpStream::connect((ip.as_str(), 5900)).await
            && stream.read_exact(&mut greeting).await.is_ok()
        {
            return Ok(SystemTime::now());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    anyhow::bail!("the screen of {name} never greeted")
}

/// A namespace whose pods go to nodes that have no machine.
pub(crate) async fn simulated(cluster: &Cluster) -> anyhow::Result<Namespace<'_>> {
    let namespace = cluster.namespace().await?;
    cluster
        .kubectl(
            &[
                "annotate",
                "namespace",
                namespace.name(),
                "scheduler.alpha.kubernetes.io/node-selector=launchpad.dev/simulated=true",
                r#"scheduler.alpha.kubernetes.io/defaultTolerations=[{"key": "launchpad.dev/simulated", "operator": "Exists"}]"#,
            ],
            "",
        )
        .await?;
    Ok(namespace)
}

async fn storms(table: &mut Table, cluster: &Cluster) -> anyhow::Result<()> {
    let bare = bare_storm(cluster).await?;
    table.add(
        "Kubernetes: 1,000 pods at once by a bare client",
        "",
        format!(
            "all made after {}, all ready after {}",
            short(bare.0),
            short(bare.1)
        ),
    );
    let namespace = simulated(cluster).await?;
    let pods = bare_client(cluster, &namespace).await?;
    let mut observer = Observer::start(pods.clone());
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .in_namespace(&namespace)
        .set("LAUNCHPAD_SESSIONS__PER_USER", "1000")
        .set("LAUNCHPAD_POD_READY_TIMEOUT", "900")
        .set("LAUNCHPAD_KUBERNETES__CONNECT", "address")
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let begin = SystemTime::now();
    let mut clicks: FuturesUnordered<_> = (0..STORM)
        .map(|_| {
            let (ada, gate) = (ada.clone(), Arc::clone(&gate));
            async move {
                let _permit = gate.acquire().await?;
                ada.launch("desktop").await
            }
        })
        .collect();
    let mut acknowledged = 0;
    while let Some(launched) = clicks.next().await {
        launched?;
        acknowledged += 1;
    }
    let answered = begin.elapsed()?;
    let (made, ready) = until_all(&mut observer, acknowledged).await?;
    let there = pods.list(&kube::api::ListParams::default()).await?.items.len();
    table.add(
        "Kubernetes: 1,000 launches at once by the portal",
        "0 lost, 0 twice, <= 1.05 of the bare client",
        format!(
            "{acknowledged} answered after {}, {there} pods, all made after {}, all ready after {}: {:.2} of the bare \
             client; {}",
            short(answered),
            short(made.duration_since(begin)?),
            short(ready.duration_since(begin)?),
            ready.duration_since(begin)?.as_secs_f64() / bare.1.as_secs_f64(),
            Memory::most(portal.process_id().context("the portal runs")?)?,
        ),
    );
    Ok(())
}

async fn until_all(observer: &mut Observer, count: usize) -> anyhow::Result<(SystemTime, SystemTime)> {
    let last = |times: &HashMap<String, SystemTime>| {
        (times.len() >= count)
            .then(|| times.values().max().copied())
            .flatten()
    };
    let made = observer.until(|moments| last(&moments.made)).await?;
    let ready = observer.until(|moments| last(&moments.ready)).await?;
    Ok((made, ready))
}

async fn bare_storm(cluster: &Cluster) -> anyhow::Result<(Duration, Duration)> {
    let namespace = simulated(cluster).await?;
    let pods = bare_client(cluster, &namespace).await?;
    let mut observer = Observer::start(pods.clone());
    let gate = Semaphore::new(AT_ONCE);
    let begin = SystemTime::now();
    let mut asked: FuturesUnordered<_> = (0..STORM)
        .map(|number| {
            let (pods, gate) = (&pods, &gate);
            async move {
                let _permit = gate.acquire().await?;
                make(pods, &format!("bare-{number}")).await
            }
        })
        .collect();
    while let Some(made) = asked.next().await {
        made?;
    }
    drop(asked);
    let (made, ready) = until_all(&mut observer, STORM).await?;
    drop(observer);
    namespace.remove().await?;
    Ok((made.duration_since(begin)?, ready.duration_since(begin)?))
}

async fn relay(table: &mut Table, cluster: &Cluster) -> anyhow::Result<()> {
    derive_image(
        IDLER,
        "localhost/launchpad/desktop:1",
        &["/bin/sleep", "infinity"],
        &[],
    )?;
    crate::relay::derive_screen()?;
    for image in [IDLER, SCREEN] {
        cluster.import(image).await?;
    }
    for way in ["address", "forward"] {
        let namespace = cluster.namespace().await?;
        let portal = portal()
            .seed(Seed::Apps(vec![app("bench", "container", "", IDLER)]))
            .in_namespace(&namespace)
            .set("LAUNCHPAD_VNC_SIDECAR_IMAGE", SCREEN)
            .set("LAUNCHPAD_KUBERNETES__CONNECT", way)
            .start()
            .await?;
        let ada = portal.account("ada", "user", PASSWORD).await?;
        let session = ada.launch("bench").await?;
        let session = ada.until(&session.id, "running").await?;
        let path = session.websocket_url.context("a running session has a screen")?;
        let token = ada.token().context("a script has a token")?;
        let mut viewer = Viewer::through_portal(&portal.url(), &path, token).await?;
        let measured = flood(&mut viewer, portal.process_id()).await?;
        ensure!(measured.rate > 0.0, "nothing came");
        table.add(
            &format!("Kubernetes: relay of 1 GiB, {way}"),
            "",
            format!(
                "{:.0} MB/s, {:.2} processor seconds per GB",
                measured.rate,
                processor_seconds_per_gb(&measured)
            ),
        );
        ada.end(&session.id).await?;
        portal.engine()?.until_empty().await?;
    }
    Ok(())
}
