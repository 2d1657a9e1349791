//! A Kubernetes cluster, from inside or outside of it.
//!
//! A workload is one pod, named after its session, made by server-side apply: asking twice is harmless. What the
//! cluster has of this instance is kept in memory (see [`fleet`]), fed by one watch and by the answers of every call,
//! so that nothing is asked again and again. Claims are made beside the pods and never belong to one.

mod access;
mod claims;
mod examine;
mod faults;
mod fleet;
mod network;
mod pod;
mod reach;
mod state;
mod view;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fail::fail_point;
use futures::stream::BoxStream;
use kube::api::{DeleteParams, ListParams, Preconditions};
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL, WorkloadState, workload_name};
use launchpad_domain::{
    ByteStream, Failure, Finding, InstanceId, Needs, Observed, Reason, Runtime, RuntimeError, RuntimeEvent,
    RuntimeKind, SessionId, Workload, Workspace, WorkspaceName,
};
use tokio::sync::{OnceCell, watch};
use tokio::time::timeout;

use crate::endpoint::{self, Awaited};
use access::Access;
use faults::Fault;
use fleet::Fleet;
use reach::Reach;
use state::Seen;
use view::PodView;

/// By which the API server knows what this program wrote.
const FIELD_MANAGER: &str = "launchpad";
/// Pods that one page of a list holds.
const PAGE: u32 = 500;
/// How long is waited for news of a workload before the API server is asked, while the watch is broken.
const WITHOUT_WATCH: Duration = Duration::from_secs(2);
/// How old a whole list may be that the watch has kept up to date. A watch may be silent and dead: this is the net under
/// it.
const RELIST: Duration = Duration::from_secs(25);

/// What sessions may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionNetwork {
    /// Names and the public internet; nothing of the cluster or of private networks.
    Internet,
    /// Everything but the addresses at which clouds tell machines their secrets.
    Open,
    /// Nothing.
    None,
}

/// How the portal reaches a session's endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectBy {
    /// Inside the cluster by the pod's address, outside by whatever answers.
    Auto,
    /// By the pod's address.
    Address,
    /// Through the API server.
    Forward,
}

/// What an operator decides about sessions on Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesSettings {
    /// Where sessions run.
    pub namespace: String,
    /// What they may reach.
    pub network: SessionNetwork,
    /// How they are reached.
    pub connect: ConnectBy,
}

/// The runtime `kubernetes`.
#[derive(Debug)]
pub struct Kubernetes {
    instance: InstanceId,
    settings: KubernetesSettings,
    access: Arc<Access>,
    fleet: Arc<Fleet>,
    reach: Reach,
    awaited: Awaited,
    /// Whether the sessions' network policy was made by this process.
    network: OnceCell<()>,
}

impl Kubernetes {
    /// The cluster of the kubeconfig (`KUBECONFIG`, `~/.kube/config`), else the one whose pod this is. Nobody is
    /// asked yet.
    pub fn new(instance: InstanceId, settings: KubernetesSettings) -> Self {
        Self {
            instance,
            access: Arc::new(Access::new(settings.namespace.clone())),
            fleet: Arc::new(Fleet::new()),
            reach: Reach::new(settings.connect),
            awaited: Awaited::default(),
            network: OnceCell::new(),
            settings,
        }
    }

    /// What the cluster has of a session; the answer is remembered.
    async fn look(&self, session: SessionId) -> Result<Option<Seen>, RuntimeError> {
        let pods = self.access.pods().await?;
        let found = self.access.call(pods.get_opt(&workload_name(session))).await?;
        match found.and_then(|pod| state::seen(&pod, self.instance)) {
            Some(seen) => self.fleet.learn(seen),
            None => self.fleet.forget(session),
        }
        Ok(self.fleet.get(session))
    }

    /// A session's pods, of which there is one at the most unless somebody copied it.
    async fn pods_of(&self, session: SessionId) -> Result<Vec<PodView>, RuntimeError> {
        let pods = self.access.pods().await?;
        let labels = format!("{},{SESSION_LABEL}={session}", of_instance(self.instance));
        let params = ListParams::default().labels(&labels);
        Ok(self.access.call(pods.list(&params)).await?.items)
    }

    /// The workload as it is now, from memory where the watch is in order.
    async fn find(&self, session: SessionId) -> Result<Option<Seen>, RuntimeError> {
        match self.fleet.get(session) {
            Some(seen) if self.fleet.is_live() => Ok(Some(seen)),
            _ => self.look(session).await,
        }
    }

    /// Waits until the endpoint's container runs at a known address.
    ///
    /// # Errors
    /// The workload is gone, or will not run.
    async fn until_started(
        &self,
        workload: &Workload,
        news: &mut watch::Receiver<Seen>,
    ) -> Result<Seen, RuntimeError> {
        loop {
            let seen = news.borrow_and_update().clone();
            match seen.state {
                WorkloadState::Failed(failure) => return Err(RuntimeError::Refused(failure)),
                WorkloadState::Expired => return Err(RuntimeError::Refused(endpoint::over_time())),
                _ if seen.ip.is_some() && seen.runs(&workload.plan.endpoint.container) => return Ok(seen),
                WorkloadState::Pending(_) | WorkloadState::Running => {}
            }
            match timeout(WITHOUT_WATCH, news.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(gone()),
                Err(_) if self.fleet.is_live() => {}
                Err(_) => drop(self.look(workload.session).await?),
            }
        }
    }

    /// Everything, as the API server has it.
    async fn list_anew(&self) -> Result<Vec<Seen>, RuntimeError> {
        let pods = self.access.pods().await?;
        let mut params = ListParams::default()
            .labels(&of_instance(self.instance))
            .limit(PAGE);
        let before = self.fleet.before();
        let mut all = Vec::new();
        loop {
            let page = self.access.call(pods.list(&params)).await?;
            let seen = page
                .items
                .iter()
                .filter_map(|pod| state::seen(pod, self.instance));
            all.extend(seen);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => break,
            }
        }
        for seen in &all {
            self.fleet.learn(seen.clone());
        }
        self.fleet
            .keep(&all.iter().map(|seen| seen.session).collect(), &before);
        Ok(all)
    }

    async fn remove(&self, pod: PodView) -> Result<(), RuntimeError> {
        let pods = self.access.pods().await?;
        if pod.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let name = pod.metadata.name.unwrap_or_default();
        let params = DeleteParams {
            // Never a namesake that was made in the meantime.
            preconditions: Some(Preconditions {
                uid: pod.metadata.uid,
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match self.access.call(pods.delete(&name, &params)).await {
            Ok(_) | Err(Fault::NotFound(_) | Fault::Conflict(_)) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }
}

#[async_trait]
impl Runtime for Kubernetes {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Kubernetes
    }

    async fn check(&self) -> Result<String, RuntimeError> {
        let version = self.access.version().await?;
        // Somebody may wait for the answer; an account that cannot ask about itself is told by what fails.
        let lacking = timeout(access::CHECK, examine::lacking(&self.access)).await;
        let lacking = lacking.ok().and_then(Result::ok).unwrap_or_default();
        let but = if lacking.is_empty() {
            String::new()
        } else {
            format!("; this account may not {}", lacking.join(", "))
        };
        Ok(format!(
            "Kubernetes {version}, namespace {}{but}",
            self.settings.namespace
        ))
    }

    async fn examine(&self, needs: &Needs) -> Vec<Finding> {
        Box::pin(examine::examine(&self.access, needs)).await
    }

    async fn apply(&self, workload: &Workload) -> Result<Option<String>, RuntimeError> {
        // The policy is there before the first pod.
        self.network
            .get_or_try_init(|| network::apply(&self.access, self.instance, self.settings.network))
            .await?;
        fail_point!("network-made");
        for claim in &workload.plan.claims {
            claims::ensure(&self.access, workload, claim).await?;
            fail_point!("claim-made");
        }
        let pod = pod::apply(&self.access, workload).await?;
        fail_point!("pod-made");
        if let Some(seen) = state::seen(&pod, self.instance) {
            self.fleet.learn(seen);
        }
        Ok(None)
    }

    async fn observe(&self, session: SessionId) -> Result<Option<Observed>, RuntimeError> {
        Ok(self.find(session).await?.map(Seen::into_observed))
    }

    async fn list(&self) -> Result<Vec<Observed>, RuntimeError> {
        let all = match self.fleet.all(RELIST).await {
            Some(all) => all,
            None => self.list_anew().await?,
        };
        // Somebody may have removed it by hand; without it sessions are open to each other.
        if self.network.initialized()
            && let Err(error) = network::apply(&self.access, self.instance, self.settings.network).await
        {
            tracing::warn!(%error, "the network policy of sessions could not be kept");
        }
        // What is on its way out is nobody's workload any more.
        Ok(all
            .into_iter()
            .filter(|seen| !seen.going)
            .map(Seen::into_observed)
            .collect())
    }

    async fn delete(&self, session: SessionId) -> Result<(), RuntimeError> {
        // Asked anew: a pod whose making was cut off may be there without anybody having heard of it.
        for pod in self.pods_of(session).await? {
            self.remove(pod).await?;
        }
        Ok(())
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>, RuntimeError> {
        claims::list(&self.access, self.instance).await
    }

    async fn delete_workspace(&self, name: &WorkspaceName) -> Result<(), RuntimeError> {
        claims::delete(&self.access, self.instance, name).await
    }

    fn watch(&self) -> BoxStream<'static, RuntimeEvent> {
        watching::watch(Arc::clone(&self.access), Arc::clone(&self.fleet), self.instance)
    }

    async fn answered(&self, workload: &Workload, _: Option<&str>) -> Result<(), RuntimeError> {
        self.find(workload.session).await?.ok_or_else(gone)?;
        let mut news = self.fleet.follow(workload.session).ok_or_else(gone)?;
        // Only one whose container runs is asked for, and counts.
        let mut pauses = None;
        loop {
            let seen = self.until_started(workload, &mut news).await?;
            if self
                .reach
                .greets(&self.access, &seen, &workload.plan.endpoint)
                .await
            {
                return Ok(());
            }
            pauses.get_or_insert_with(|| self.awaited.one()).pause().await;
        }
    }

    async fn connect(&self, workload: &Workload) -> Result<Box<dyn ByteStream>, RuntimeError> {
        let known = self.find(workload.session).await?.ok_or_else(gone)?;
        let stream = self
            .reach
            .open(&self.access, &known, workload.plan.endpoint.port)
            .await?;
        // After the connection was made: whoever has the address now had it when the connection was made, or the
        // session's pod has another one.
        let now = self.look(workload.session).await?.ok_or_else(gone)?;
        let same = now.uid == known.uid && now.ip == known.ip && !now.going;
        if same && now.runs(&workload.plan.endpoint.container) {
            return Ok(stream);
        }
        Err(RuntimeError::NoAnswer(format!(
            "pod {} is not what it was when the connection was made",
            workload.name
        )))
    }
}

/// The selector of everything of this instance's.
fn of_instance(instance: InstanceId) -> String {
    format!("{INSTANCE_LABEL}={instance}")
}

fn gone() -> RuntimeError {
    RuntimeError::Refused(Failure::new(Reason::WorkloadGone, "the cluster has no such pod"))
}
