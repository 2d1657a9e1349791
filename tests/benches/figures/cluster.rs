//! Launches on Kubernetes, against a bare client of the same API server in the same run; and the ways to a pod.
//!
//! Only on the test cluster of this machine: its API server, its node and the portal share two cores here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Config};
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use launchpad_domain::{InstanceId, SessionId};
use launchpad_tests::blaster::Viewer;
use launchpad_tests::{Cluster, Namespace, PATIENCE, Portal, Seed, app, derive_image, desktop, simulate};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::memory::Memory;
use crate::relay::{IDLER, SCREEN, flood, processor_seconds_per_gb};
use crate::table::{Sample, Table, short};
use crate::{PASSWORD, portal, processor};

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

/// When a pod was first seen, when it was ready, and when it was gone, by one watch for everybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments {
    made: HashMap<String, SystemTime>,
    started: HashMap<String, (SystemTime, String)>,
    ready: HashMap<String, SystemTime>,
    gone: HashSet<String>,
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
                match event {
                    Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => {
                        sender.send_modify(|moments| moments.note(&pod));
                    }
                    Ok(watcher::Event::Delete(pod)) => sender.send_modify(|moments| {
                        moments.gone.extend(pod.metadata.name);
                    }),
                    _ => {}
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

/// The pods that the portal makes, for the bare client to make the same.
struct Same(PodSpec);

impl Same {
    /// As the session's.
    async fn as_of(portal: &Portal, session: &str) -> anyhow::Result<Self> {
        let store = portal.store().await?;
        let id = session.parse().map_err(anyhow::Error::msg)?;
        let session = store.sessions().get(id).await?.context("it was launched")?;
        store.close().await?;
        let plan = session.plan.context("its pod was made by a plan")?;
        Ok(Self(plan.pod.clone()))
    }

    async fn make(&self, pods: &Api<Pod>, name: &str) -> anyhow::Result<()> {
        // Of no instance that there is: no portal takes it for its own.
        let labels = [
            (INSTANCE_LABEL, InstanceId::new().to_string()),
            (SESSION_LABEL, SessionId::new().to_string()),
            ("app.kubernetes.io/managed-by", "launchpad".to_owned()),
        ];
        let pod = Pod {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
                ..ObjectMeta::default()
            },
            spec: Some(self.0.clone()),
            ..Pod::default()
        };
        let params = PatchParams::apply("launchpad-bench");
        pods.patch(name, &params, &Patch::Apply(pod)).await?;
        Ok(())
    }
}

/// Deletes a pod, and waits until its node has ended it: what comes next must not be measured beside that.
async fn remove(pods: &Api<Pod>, observer: &mut Observer, name: &str) -> anyhow::Result<()> {
    pods.delete(name, &DeleteParams::default()).await?;
    observer.until(|moments| moments.gone.get(name).cloned()).await?;
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
    let first = ada.launch("desktop").await?;
    ada.until(&first.id, "running").await?;
    let same = Same::as_of(&portal, &first.id).await?;
    ada.end(&first.id).await?;
    portal.engine()?.until_empty().await?;
    same.make(&pods, "bare-first").await?;
    remove(&pods, &mut observer, "bare-first").await?;

    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    let (mut bare_up, mut ours_up, mut page) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..LAUNCHES {
        let name = format!("bare-{number}");
        let begin = SystemTime::now();
        same.make(&pods, &name).await?;
        let made = observer.until(|moments| moments.made.get(&name).copied()).await?;
        bare.push(made.duration_since(begin)?);
        bare_up.push(until_greeted(&mut observer, &name).await?.duration_since(begin)?);
        remove(&pods, &mut observer, &name).await?;

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

/// The bare client goes before and after, since neither the first nor the second has the same API server.
async fn storms(table: &mut Table, cluster: &Cluster) -> anyhow::Result<()> {
    let same = one_of_a_storm(cluster).await?;
    let first = bare_storm(cluster, &same).await?;
    let ours = storm(cluster).await?;
    let second = bare_storm(cluster, &same).await?;
    let described = [first, second]
        .map(|(made, ready)| format!("all made after {}, all ready after {}", short(made), short(ready)));
    table.add(
        "Kubernetes: 1,000 pods at once by a bare client, before and after",
        "",
        described.join("; "),
    );
    let bare = (first.1 + second.1) / 2;
    table.add(
        "Kubernetes: 1,000 launches at once by the portal",
        "0 lost, 0 twice, <= 1.05 of the bare client",
        format!(
            "{}: {:.2} of the bare client; {}",
            ours.described,
            ours.ready.as_secs_f64() / bare.as_secs_f64(),
            ours.memory,
        ),
    );
    Ok(())
}

struct Storm {
    described: String,
    ready: Duration,
    memory: String,
}

async fn portal_for_storms(namespace: &Namespace<'_>) -> anyhow::Result<Portal> {
    portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .in_namespace(namespace)
        .set("LAUNCHPAD_SESSIONS__PER_USER", STORM.to_string())
        .set("LAUNCHPAD_POD_READY_TIMEOUT", "900")
        .set("LAUNCHPAD_KUBERNETES__CONNECT", "address")
        .start()
        .await
}

async fn one_of_a_storm(cluster: &Cluster) -> anyhow::Result<Same> {
    let namespace = simulated(cluster).await?;
    let mut observer = Observer::start(bare_client(cluster, &namespace).await?);
    let portal = portal_for_storms(&namespace).await?;
    let session = portal
        .account("ada", "user", PASSWORD)
        .await?
        .launch("desktop")
        .await?;
    until_all(&mut observer, 1).await?;
    let same = Same::as_of(&portal, &session.id).await?;
    drop((portal, observer));
    namespace.remove().await?;
    Ok(same)
}

async fn storm(cluster: &Cluster) -> anyhow::Result<Storm> {
    let namespace = simulated(cluster).await?;
    let pods = bare_client(cluster, &namespace).await?;
    let mut observer = Observer::start(pods.clone());
    let portal = portal_for_storms(&namespace).await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let process = portal.process_id().context("the portal runs")?;
    let spent_before = processor::seconds(process)?;
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
    let ready = ready.duration_since(begin)?;
    let spent = processor::seconds(process)? - spent_before;
    let memory = Memory::most(process)?;
    drop((portal, observer));
    namespace.remove().await?;
    Ok(Storm {
        described: format!(
            "{acknowledged} answered after {}, {there} pods, all made after {}, all ready after {}, \
             {spent:.1} s of a processor by the portal",
            short(answered),
            short(made.duration_since(begin)?),
            short(ready),
        ),
        ready,
        memory,
    })
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

async fn bare_storm(cluster: &Cluster, same: &Same) -> anyhow::Result<(Duration, Duration)> {
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
                same.make(pods, &format!("bare-{number}")).await
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
