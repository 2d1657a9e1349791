//! An engine that does as a test tells it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{
    ByteStream, Clock, Finding, Needs, Observed, Runtime, RuntimeError, RuntimeEvent, RuntimeKind, SessionId,
    Workload, Workspace, WorkspaceName,
};
use tokio::sync::{Notify, broadcast, watch};

use super::{PATIENCE, SystemClock};

/// An engine in memory: applied workloads are pending until the test says otherwise.
#[derive(Debug)]
pub(crate) struct ScriptedEngine {
    workloads: Mutex<BTreeMap<SessionId, WorkloadState>>,
    pub(crate) away: Mutex<Option<String>>,
    pub(crate) refuse: Mutex<Option<RuntimeError>>,
    pub(crate) applied: Mutex<Vec<Workload>>,
    pub(crate) deleted_workspaces: Mutex<Vec<String>>,
    /// Whether workspaces cannot be deleted.
    pub(crate) keeps_workspaces: Mutex<bool>,
    /// Of every session that was applied; they stay until they are deleted.
    workspaces: watch::Sender<BTreeMap<String, Workspace>>,
    answers: Mutex<bool>,
    news: Notify,
    events: broadcast::Sender<RuntimeEvent>,
}

impl ScriptedEngine {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            workloads: Mutex::default(),
            away: Mutex::default(),
            refuse: Mutex::default(),
            applied: Mutex::default(),
            deleted_workspaces: Mutex::default(),
            keeps_workspaces: Mutex::default(),
            workspaces: watch::Sender::default(),
            answers: Mutex::default(),
            news: Notify::new(),
            events: broadcast::Sender::new(64),
        })
    }

    pub(crate) fn workloads(&self) -> Vec<SessionId> {
        self.workloads.lock().unwrap().keys().copied().collect()
    }

    /// Sets how a workload is; a workload that nobody applied may be put there too.
    pub(crate) fn put(&self, id: SessionId, state: WorkloadState) {
        self.workloads.lock().unwrap().insert(id, state);
        let _ = self.events.send(RuntimeEvent::Changed(id));
    }

    pub(crate) fn remove(&self, id: SessionId) {
        self.workloads.lock().unwrap().remove(&id);
        let _ = self.events.send(RuntimeEvent::Changed(id));
    }

    /// From now on every endpoint answers.
    pub(crate) fn answer(&self) {
        *self.answers.lock().unwrap() = true;
        self.news.notify_waiters();
    }

    /// Waits until every workspace has been deleted.
    pub(crate) async fn until_no_workspace(&self) {
        let mut workspaces = self.workspaces.subscribe();
        let gone = workspaces.wait_for(BTreeMap::is_empty);
        tokio::time::timeout(PATIENCE, gone)
            .await
            .expect("the workspaces go")
            .unwrap();
    }

    fn here(&self) -> Result<(), RuntimeError> {
        self.away
            .lock()
            .unwrap()
            .clone()
            .map_or(Ok(()), |cause| Err(RuntimeError::Away(cause)))
    }

    fn seen(id: SessionId, state: &WorkloadState) -> Observed {
        Observed {
            session: id,
            name: format!("session-{id}"),
            address: Some("127.0.0.1:1".into()),
            state: state.clone(),
            trouble: None,
        }
    }
}

#[async_trait]
impl Runtime for ScriptedEngine {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Podman
    }
    async fn check(&self) -> Result<String, RuntimeError> {
        self.here().map(|()| "scripted".to_owned())
    }
    async fn examine(&self, _: &Needs) -> Vec<Finding> {
        Vec::new()
    }
    async fn apply(&self, workload: &Workload) -> Result<Option<String>, RuntimeError> {
        self.here()?;
        if let Some(error) = self.refuse.lock().unwrap().clone() {
            return Err(error);
        }
        self.applied.lock().unwrap().push(workload.clone());
        for claim in &workload.plan.claims {
            let workspace = Workspace {
                name: claim.name.parse().unwrap(),
                user: Some(workload.user),
                app: Some(workload.app.clone()),
                session: None,
                size: Some(claim.size.clone()),
                created_at: SystemClock.now(),
            };
            self.workspaces.send_modify(|workspaces| {
                workspaces.entry(claim.name.clone()).or_insert(workspace);
            });
        }
        self.workloads
            .lock()
            .unwrap()
            .entry(workload.session)
            .or_insert(WorkloadState::Pending(launchpad_domain::Stage::Starting));
        let _ = self.events.send(RuntimeEvent::Changed(workload.session));
        Ok(None)
    }
    async fn observe(&self, id: SessionId) -> Result<Option<Observed>, RuntimeError> {
        self.here()?;
        Ok(self
            .workloads
            .lock()
            .unwrap()
            .get(&id)
            .map(|state| Self::seen(id, state)))
    }
    async fn list(&self) -> Result<Vec<Observed>, RuntimeError> {
        self.here()?;
        Ok(self
            .workloads
            .lock()
            .unwrap()
            .iter()
            .map(|(id, state)| Self::seen(*id, state))
            .collect())
    }
    async fn delete(&self, id: SessionId) -> Result<(), RuntimeError> {
        self.here()?;
        self.workloads.lock().unwrap().remove(&id);
        let _ = self.events.send(RuntimeEvent::Changed(id));
        Ok(())
    }
    async fn workspaces(&self) -> Result<Vec<Workspace>, RuntimeError> {
        self.here()?;
        Ok(self.workspaces.borrow().values().cloned().collect())
    }
    async fn delete_workspace(&self, name: &WorkspaceName) -> Result<(), RuntimeError> {
        self.here()?;
        if *self.keeps_workspaces.lock().unwrap() {
            return Err(RuntimeError::Away("not now".into()));
        }
        self.deleted_workspaces.lock().unwrap().push(name.to_string());
        self.workspaces.send_modify(|workspaces| {
            workspaces.remove(name.as_str());
        });
        Ok(())
    }
    fn watch(&self) -> BoxStream<'static, RuntimeEvent> {
        let receiver = self.events.subscribe();
        let events = futures::stream::unfold(receiver, |mut receiver| async move {
            match receiver.recv().await {
                Ok(event) => Some((event, receiver)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((RuntimeEvent::Missed, receiver)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        });
        futures::stream::once(async { RuntimeEvent::Missed })
            .chain(events)
            .boxed()
    }
    async fn answered(&self, _: &Workload, _: Option<&str>) -> Result<(), RuntimeError> {
        loop {
            let news = self.news.notified();
            if *self.answers.lock().unwrap() {
                return Ok(());
            }
            news.await;
        }
    }
    async fn connect(&self, _: &Workload) -> Result<Box<dyn ByteStream>, RuntimeError> {
        Err(RuntimeError::NoAnswer("nobody listens in these tests".into()))
    }
}
