//! Podman on this machine, as root or as an ordinary user, through its command line.
//!
//! A workload is one pod with a network of its own (see [`apply`]). Exactly one port is published, the endpoint's,
//! on 127.0.0.1. The pod and its volumes are found again by what derives from the session id, so that a repeat is
//! harmless and a restart of the portal loses nothing.

mod abilities;
mod apply;
mod claims;
mod command;
mod document;
mod events;
mod faults;
mod images;
mod listing;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use fail::fail_point;
use futures::stream::BoxStream;
use launchpad_domain::{
    ByteStream, Clock, Finding, InstanceId, Needs, Observed, Runtime, RuntimeError, RuntimeEvent,
    RuntimeKind, SessionId, Workload, Workspace, WorkspaceName,
};
use tokio::sync::{Mutex, MutexGuard, OnceCell, broadcast};

use crate::endpoint::{self, Awaited, Probe};
use abilities::Abilities;
use command::{Call, Cli};

/// Number of locks over which sessions are spread; two that share one wait for each other's `kube play`.
const LOCKS: usize = 64;

/// Stage notices that a slow watcher may fall behind before it is told that it missed some.
const NOTICES: usize = 1_024;

/// Seconds that the containers of a deleted session get to end by themselves.
const GRACE_SECONDS: &str = "5";

/// The runtime `podman`.
#[derive(Debug)]
pub struct Podman {
    cli: Cli,
    instance: InstanceId,
    clock: Arc<dyn Clock>,
    stages: broadcast::Sender<RuntimeEvent>,
    locks: Vec<Mutex<()>>,
    abilities: OnceCell<Abilities>,
    awaited: Awaited,
}

impl Podman {
    /// Podman as found in the search path, for this instance's workloads. Nothing is started or checked yet.
    pub fn new(instance: InstanceId, clock: Arc<dyn Clock>) -> Self {
        Self::with_program(instance, clock, PathBuf::from("podman"))
    }

    /// The same with another program than the `podman` of the search path.
    pub fn with_program(instance: InstanceId, clock: Arc<dyn Clock>, program: PathBuf) -> Self {
        Self {
            cli: Cli::new(program),
            instance,
            clock,
            stages: broadcast::channel(NOTICES).0,
            locks: (0..LOCKS).map(|_| Mutex::default()).collect(),
            abilities: OnceCell::new(),
            awaited: Awaited::default(),
        }
    }

    async fn abilities(&self) -> Result<&Abilities, RuntimeError> {
        self.abilities.get_or_try_init(|| Abilities::ask(&self.cli)).await
    }

    /// Makes `apply` and `delete` of one session wait for each other.
    async fn lock(&self, session: SessionId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        session.hash(&mut hasher);
        let shard = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or_default();
        self.locks[shard].lock().await
    }

    /// Removes the session's pods, then the volumes that only they used. The caller holds the lock.
    async fn remove(&self, session: SessionId) -> Result<(), RuntimeError> {
        for pod in listing::pods(&self.cli, self.instance, Some(session)).await? {
            // `pod rm --force` alone takes seconds longer than an orderly stop before it.
            self.cli
                .run(Call::slow(&[
                    "pod",
                    "stop",
                    "--ignore",
                    "--time",
                    GRACE_SECONDS,
                    &pod.id,
                ]))
                .await?;
            fail_point!("pod-ended");
            let removed = self
                .cli
                .run(Call::slow(&["pod", "rm", "--force", "--ignore", &pod.id]))
                .await?;
            if !removed.succeeded {
                return Err(RuntimeError::Away(removed.complaint()));
            }
        }
        document::remove_scratch(&self.cli, session).await
    }
}

#[async_trait]
impl Runtime for Podman {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Podman
    }

    async fn check(&self) -> Result<String, RuntimeError> {
        // Asked anew: this is the question whether the engine answers now.
        let abilities = Abilities::ask(&self.cli).await?;
        let words = abilities.describe();
        // Somebody else may have been faster, with the same answer.
        let _ = self.abilities.set(abilities);
        Ok(words)
    }

    async fn examine(&self, needs: &Needs) -> Vec<Finding> {
        match self.check().await {
            Ok(words) => vec![
                Finding::ok("engine", words),
                images::examine(&self.cli, needs).await,
            ],
            Err(error) => vec![Finding::wrong(
                "engine",
                error.to_string(),
                "podman info tells more",
            )],
        }
    }

    async fn apply(&self, workload: &Workload) -> Result<Option<String>, RuntimeError> {
        self.bring_up(workload).await
    }

    async fn observe(&self, session: SessionId) -> Result<Option<Observed>, RuntimeError> {
        let found = listing::observe(&self.cli, self.instance, Some(session), self.clock.now()).await?;
        Ok(found.into_iter().next())
    }

    async fn list(&self) -> Result<Vec<Observed>, RuntimeError> {
        listing::observe(&self.cli, self.instance, None, self.clock.now()).await
    }

    async fn delete(&self, session: SessionId) -> Result<(), RuntimeError> {
        let _alone = self.lock(session).await;
        self.remove(session).await
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>, RuntimeError> {
        claims::list(&self.cli, self.instance).await
    }

    async fn delete_workspace(&self, name: &WorkspaceName) -> Result<(), RuntimeError> {
        claims::delete(&self.cli, self.instance, name).await
    }

    fn watch(&self) -> BoxStream<'static, RuntimeEvent> {
        events::watch(self.cli.clone(), self.instance, self.stages.subscribe())
    }

    async fn answered(&self, workload: &Workload, address: Option<&str>) -> Result<(), RuntimeError> {
        let mut probe = Probe::new(workload.plan.endpoint.kind, &self.awaited);
        if address.is_some() && probe.answers_within_a_look(address).await {
            return Ok(());
        }
        loop {
            let address = endpoint::address_of(self.observe(workload.session).await?)?;
            if probe.answers_within_a_look(address.as_deref()).await {
                return Ok(());
            }
        }
    }

    async fn connect(&self, workload: &Workload) -> Result<Box<dyn ByteStream>, RuntimeError> {
        // Asked anew each time: a remembered port may belong to another session by now.
        let address = endpoint::address_of(self.observe(workload.session).await?)?;
        let address =
            address.ok_or_else(|| RuntimeError::NoAnswer("its port is not published yet".to_owned()))?;
        Ok(Box::new(endpoint::connect(&address).await?))
    }
}
