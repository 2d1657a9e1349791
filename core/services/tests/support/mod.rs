//! Real services on a real SQLite file, with an engine and a launch type that do as a test tells them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::BoxStream;
use launchpad_domain::Grants;
use launchpad_domain::launch_types::{CleanupWish, EventAction, FieldOptions, Readiness};
use launchpad_domain::plugins::{Approval, CallRecord, LogLine, PluginReport, Tried};
use launchpad_domain::policy::PodLimits;
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{
    Actor, App, AppDraft, Branding, ByteStream, Clock, FieldProblem, Finding, Form, HookContext, HookError,
    LaunchType, LaunchTypeId, LaunchTypes, Needs, Observed, Opens, PlannedBy, Plugins, Role, Runtime,
    RuntimeError, RuntimeEvent, RuntimeKind, Session, SessionEvent, SessionId, Status, Viewer, Workload,
    Workspace, WorkspaceName,
};
use launchpad_services::{
    FetchRules, LaunchRequest, Parts, Peering, PluginSupport, ServiceError, Services, SessionSettings,
};
use launchpad_store::Store;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The clock of these tests is the system's.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

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
    pub(crate) workspaces: Mutex<BTreeMap<String, Workspace>>,
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
            workspaces: Mutex::default(),
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
            let mut workspaces = self.workspaces.lock().unwrap();
            workspaces.entry(claim.name.clone()).or_insert(workspace);
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
        Ok(self.workspaces.lock().unwrap().values().cloned().collect())
    }
    async fn delete_workspace(&self, name: &WorkspaceName) -> Result<(), RuntimeError> {
        self.here()?;
        if *self.keeps_workspaces.lock().unwrap() {
            return Err(RuntimeError::Away("not now".into()));
        }
        self.workspaces.lock().unwrap().remove(name.as_str());
        self.deleted_workspaces.lock().unwrap().push(name.to_string());
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

/// Four launch types: `link` opens the app's URL, `box` plans a pod from the app's image, `desk` the same with a workspace
/// of the user's, `telling` the same with every other hook.
#[derive(Debug, Default)]
pub(crate) struct ScriptedLaunchTypes {
    /// What `telling` was told of, in order.
    pub(crate) told: Mutex<Vec<SessionEvent>>,
    /// What it does when it is told of an event.
    pub(crate) actions: Mutex<BTreeMap<SessionEvent, Result<EventAction, HookError>>>,
    /// What it says when it is asked whether it is ready; ready after that.
    pub(crate) waits: Mutex<Vec<Result<Readiness, HookError>>>,
    pub(crate) wish: Mutex<CleanupWish>,
}

fn launch_type(id: &str, opens: Opens) -> LaunchType {
    LaunchType {
        id: id.parse().unwrap(),
        name: id.into(),
        description: String::new(),
        version: "1.0.0".into(),
        opens,
        digest: "abc".into(),
        has_params: false,
        grants: Grants(["pvc".to_owned(), "secret-ref:token".to_owned()].into()),
    }
}

#[async_trait]
impl LaunchTypes for ScriptedLaunchTypes {
    fn list(&self) -> Vec<LaunchType> {
        vec![
            launch_type("box", Opens::Pod),
            launch_type("desk", Opens::Pod),
            launch_type("link", Opens::Url),
            launch_type("telling", Opens::Pod),
        ]
    }
    fn get(&self, id: &LaunchTypeId) -> Result<LaunchType, HookError> {
        self.list()
            .into_iter()
            .find(|known| known.id == *id)
            .ok_or_else(|| HookError::UnknownLaunchType {
                id: id.to_string(),
                known: vec!["box".into(), "link".into()],
            })
    }
    fn params_form(&self, _: &LaunchTypeId) -> Result<Form, HookError> {
        Ok(Form::default())
    }
    fn settings_form(&self, _: &LaunchTypeId) -> Result<Form, HookError> {
        Ok(Form::default())
    }
    fn check_app(&self, app: &App) -> Result<Vec<FieldProblem>, HookError> {
        self.get(&app.launch_type).map(|_| Vec::new())
    }
    fn check_params(&self, _: &LaunchTypeId, _: &Map<String, Value>) -> Result<Vec<FieldProblem>, HookError> {
        Ok(Vec::new())
    }
    async fn validate(&self, _: &LaunchTypeId, _: HookContext) -> Result<Vec<FieldProblem>, HookError> {
        Ok(Vec::new())
    }
    async fn plan(&self, id: &LaunchTypeId, context: HookContext) -> Result<Value, HookError> {
        if id.as_str() == "link" {
            return Ok(json!({"schema": 1, "url": context.app.url}));
        }
        let privileged = context.app.id == "greedy";
        let claims = match id.as_str() {
            "telling" => json!([{"name": "work", "size": "1Gi", "scope": "session"}]),
            "desk" => json!([{"name": "work", "size": "1Gi", "shared": context.app.id == "shared"}]),
            _ => json!([]),
        };
        Ok(json!({
            "schema": 1,
            "pod": {"containers": [{"name": "vnc", "image": context.app.container_image,
                                    "env": [{"name": "TOKEN", "value": "launchpad-secret:token"}],
                                    "securityContext": {"privileged": privileged}}]},
            "claims": claims,
            "endpoint": {"kind": "vnc", "container": "vnc", "port": 5900},
        }))
    }
    async fn options(&self, _: &LaunchTypeId, _: HookContext) -> Result<Vec<FieldOptions>, HookError> {
        Ok(Vec::new())
    }
    async fn ready(&self, _: &PlannedBy, context: HookContext) -> Result<Readiness, HookError> {
        assert!(context.session.unwrap().address.is_some());
        self.waits.lock().unwrap().pop().unwrap_or(Ok(Readiness::Ready))
    }
    fn subscribed(&self, planned_by: &PlannedBy) -> Vec<SessionEvent> {
        if planned_by.id.as_str() == "telling" {
            SessionEvent::ALL.to_vec()
        } else {
            Vec::new()
        }
    }
    async fn on_event(
        &self,
        planned_by: &PlannedBy,
        context: HookContext,
    ) -> Result<Vec<EventAction>, HookError> {
        assert_eq!(planned_by.digest.as_deref(), Some("abc"));
        let event = context.event.unwrap().name;
        self.told.lock().unwrap().push(event);
        let action = self.actions.lock().unwrap().get(&event).cloned();
        action.into_iter().collect()
    }
    async fn cleanup(&self, _: &PlannedBy, _: HookContext) -> Result<Option<CleanupWish>, HookError> {
        Ok(Some(self.wish.lock().unwrap().clone()))
    }
}

/// Nothing is installed that an administrator could deal with.
#[derive(Debug)]
struct NoPlugins;

#[async_trait]
impl Plugins for NoPlugins {
    fn reports(&self) -> Vec<PluginReport> {
        Vec::new()
    }
    fn calls(&self, _: &LaunchTypeId) -> Result<Vec<CallRecord>, HookError> {
        Ok(Vec::new())
    }
    fn lines(&self, _: &LaunchTypeId) -> Result<Vec<LogLine>, HookError> {
        Ok(Vec::new())
    }
    async fn try_hook(&self, _: &LaunchTypeId, _: &str, _: Value) -> Result<Tried, HookError> {
        Err(HookError::Denied("not here".into()))
    }
    fn switch(&self, _: &LaunchTypeId, _: bool) -> Result<(), HookError> {
        Ok(())
    }
    async fn approve(&self, _: Approval) {}
    async fn reload(&self) {}
}

pub(crate) struct Portal {
    pub(crate) services: Arc<Services>,
    pub(crate) engine: Arc<ScriptedEngine>,
    pub(crate) viewer: Viewer,
    stop: CancellationToken,
    manager: JoinHandle<()>,
    peering: JoinHandle<Result<(), ServiceError>>,
}

pub(crate) struct Timeouts {
    pub(crate) ready: chrono::Duration,
    pub(crate) session: chrono::Duration,
    pub(crate) idle: chrono::Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            ready: chrono::Duration::seconds(60),
            session: chrono::Duration::minutes(10),
            idle: chrono::Duration::minutes(10),
        }
    }
}

impl Portal {
    /// Starts a portal on the database in `folder`; a second one there takes up what the first left.
    pub(crate) async fn start(folder: &Path, engine: Arc<ScriptedEngine>, timeouts: Timeouts) -> Self {
        Self::start_with(folder, engine, timeouts, Arc::default()).await
    }

    /// The same with launch types that the test has set up.
    pub(crate) async fn start_with(
        folder: &Path,
        engine: Arc<ScriptedEngine>,
        timeouts: Timeouts,
        launch_types: Arc<ScriptedLaunchTypes>,
    ) -> Self {
        let url = folder.join("launchpad.db").to_str().unwrap().parse().unwrap();
        let store = Store::open(&url).await.unwrap();
        let secrets = folder.join("secrets");
        std::fs::create_dir_all(&secrets).unwrap();
        std::fs::write(secrets.join("token"), "hush").unwrap();
        let support = PluginSupport::new(store.clone(), Some(secrets), FetchRules::default());
        let (services, manager) = Services::new(Parts {
            store: store.clone(),
            launch_types: launch_types.clone(),
            plugins: Arc::new(NoPlugins),
            plugin_support: Arc::new(support),
            runtime: Some(engine.clone()),
            clock: Arc::new(SystemClock),
            branding: Branding::parse("", "#000000", "#ffffff", "Test").unwrap(),
            default_launch_type: "link".parse().unwrap(),
            sessions: SessionSettings {
                timeout: timeouts.session,
                ready_timeout: timeouts.ready,
                cleanup_interval: Duration::from_secs(30),
                idle_after: timeouts.idle,
                per_user: 3,
                sidecar_image: "localhost/vnc:1".into(),
                pod_limits: PodLimits::default(),
                origins: true,
            },
        });
        let stop = CancellationToken::new();
        let manager = tokio::spawn(manager.run(stop.clone()));
        let peering = Peering::new(store.peers(&url), services.clone());
        let peering = tokio::spawn(peering.run(stop.clone()));
        let account = match services.accounts.list().await.unwrap().pop() {
            Some(account) => account,
            None => services
                .accounts
                .create(&Actor::command_line(), "ada", Role::User, None)
                .await
                .unwrap(),
        };
        let viewer = Viewer {
            id: account.id,
            name: account.name,
            role: account.role,
        };
        Self {
            services,
            engine,
            viewer,
            stop,
            manager,
            peering,
        }
    }

    /// Ends the process's part: nothing is told to the engine.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.manager.await.unwrap();
        self.peering.await.unwrap().unwrap();
    }

    /// The same process when its session manager has ended.
    pub(crate) async fn without_manager(self) -> Self {
        self.stop.cancel();
        self.manager.await.unwrap();
        Self {
            manager: tokio::spawn(async {}),
            ..self
        }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::viewer(&self.viewer)
    }

    pub(crate) async fn add_app(&self, id: &str, launch_type: &str) {
        let draft = AppDraft {
            id: id.into(),
            name: id.to_uppercase(),
            url: "https://wiki.example/".into(),
            container_image: "localhost/desktop:1".into(),
            launch_type: launch_type.into(),
            ..AppDraft::default()
        };
        self.services
            .catalogue
            .create(&self.actor(), draft)
            .await
            .unwrap();
    }

    pub(crate) async fn launch(&self, app: &str) -> Session {
        let request = LaunchRequest {
            app_id: app.parse().unwrap(),
            params: Map::new(),
        };
        self.services
            .sessions
            .launch(&self.actor(), &self.viewer, request)
            .await
            .unwrap()
    }

    /// Waits, by the sessions' own changes, until the session is as wanted.
    pub(crate) async fn until(&self, id: SessionId, wanted: impl Fn(&Session) -> bool) -> Session {
        let look = async {
            let mut changes = self.services.sessions.changes();
            loop {
                let session = self.services.sessions.get(id).await.unwrap();
                if wanted(&session) {
                    return session;
                }
                let _ = changes.recv().await;
            }
        };
        if let Ok(session) = tokio::time::timeout(Duration::from_secs(20), look).await {
            return session;
        }
        panic!("never came: {:?}", self.services.sessions.get(id).await)
    }

    pub(crate) async fn until_status(&self, id: SessionId, status: Status) -> Session {
        self.until(id, |session| session.status == status).await
    }

    /// Waits until the engine has exactly these workloads.
    pub(crate) async fn until_workloads(&self, wanted: &[SessionId]) {
        let mut events = self.engine.watch();
        let look = async {
            while self.engine.workloads() != wanted {
                events.next().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), look)
            .await
            .expect("the engine's workloads as wanted");
    }
}
