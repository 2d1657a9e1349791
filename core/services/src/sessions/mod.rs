//! Sessions, and the session manager that makes what their rows say come true.
//!
//! A request only writes rows: a launch inserts one, an end makes it terminal. The [`Manager`] is woken by
//! that, by the engine's events and by the rows' own deadlines, looks at row and engine, and takes the next
//! step; every step may be repeated, so it does not matter where a process died. What the engine has and no
//! row wants is deleted; what a row wants and the engine lost fails with a reason.

mod bring_up;
mod changes;
pub(crate) mod context;
pub(crate) mod engine;
mod launch;
mod manager;
mod pages;
mod planning;
mod plugin_events;
mod reconcile;
mod removal;
mod stages;
mod sweep;
mod viewers;
mod wakes;

use std::sync::Arc;
use std::time::Duration;

use fail::fail_point;
use http::Request;
use launchpad_domain::plugin_services::Progress;
use launchpad_domain::policy::PodLimits;
use launchpad_domain::{
    Actor, ByteStream, Clock, EndpointKind, Failure, LaunchTypes, Reason, Runtime, Session, SessionId,
    Status, UserId, Workload,
};
use launchpad_store::{Sessions as SessionRows, Store};
use moka::future::Cache;
use tokio::sync::Notify;

use crate::peers::term_of;
use crate::plugins::{Progresses, Secrets};
use crate::{Catalogue, Leadership, PluginSupport, ServiceError, Workspaces};
pub(crate) use changes::Changes;
pub use changes::Follower;
use engine::Engine;
pub use engine::EngineState;
pub use launch::LaunchRequest;
pub use manager::Manager;
use pages::Pages;
pub use pages::{Answered, PageBody, Place};
use stages::Stages;
use viewers::Viewers;
pub use viewers::Watching;
use wakes::Wakes;

/// Most sessions that one list holds.
const LISTED: u64 = 200;
/// How old an answer from memory may be on the path of a stream.
const REMEMBERED: Duration = Duration::from_secs(5);

/// How old the catalogue's list of what runs may be.
const MOMENT: Duration = Duration::from_secs(2);

/// Limits and deadlines, from the configuration.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// How long a session may run.
    pub timeout: chrono::Duration,
    /// How long a launch may take until the endpoint answers.
    pub ready_timeout: chrono::Duration,
    /// How often everything is compared at the least, even while the engine is silent.
    pub cleanup_interval: Duration,
    /// How long nobody looks at a session until its plugin is told that it is idle.
    pub idle_after: chrono::Duration,
    /// How many sessions an account may have at once.
    pub per_user: u32,
    /// The image that gives a desktop app its screen.
    pub sidecar_image: String,
    /// What a container gets that names no limits of its own.
    pub pod_limits: PodLimits,
    /// Whether each session has an origin of its own, at which an app may serve pages.
    pub origins: bool,
}

/// Launches, lists and ends sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    catalogue: Catalogue,
    launch_types: Arc<dyn LaunchTypes>,
    pub(crate) engine: Option<Engine>,
    pages: Option<Pages>,
    pub(crate) clock: Arc<dyn Clock>,
    settings: SessionSettings,
    wakes: Wakes,
    stages: Stages,
    /// Rings when a workspace is to go.
    pub(crate) workspace_wishes: Notify,
    viewers: Viewers,
    progresses: Progresses,
    secrets: Secrets,
    leadership: Leadership,
    remembered: Cache<SessionId, Arc<Session>>,
    /// The live sessions of each account; any change drops all of them.
    live: Cache<UserId, Arc<Vec<Session>>>,
}

impl Sessions {
    #[expect(
        clippy::too_many_arguments,
        reason = "one for each part, from the one place that has them"
    )]
    pub(crate) fn new(
        store: Store,
        catalogue: Catalogue,
        launch_types: Arc<dyn LaunchTypes>,
        runtime: Option<Arc<dyn Runtime>>,
        clock: Arc<dyn Clock>,
        support: &PluginSupport,
        leadership: Leadership,
        settings: SessionSettings,
    ) -> (Self, Manager) {
        let shared = Arc::new(Shared {
            pages: runtime
                .as_ref()
                .map(|runtime| Pages::new(Arc::clone(runtime), store.clone())),
            store,
            catalogue,
            launch_types,
            engine: runtime.map(Engine::new),
            clock,
            settings,
            wakes: Wakes::default(),
            stages: Stages::default(),
            workspace_wishes: Notify::new(),
            viewers: Viewers::default(),
            progresses: support.progresses.clone(),
            secrets: support.secrets.clone(),
            leadership,
            remembered: Cache::builder()
                .max_capacity(20_000)
                .time_to_live(REMEMBERED)
                .build(),
            live: Cache::builder().max_capacity(20_000).time_to_live(MOMENT).build(),
        });
        (Self(Arc::clone(&shared)), Manager::new(shared))
    }

    /// The workspaces of the same engine.
    pub(crate) fn workspaces(&self) -> Workspaces {
        Workspaces::new(Arc::clone(&self.0))
    }

    /// One session, as stored. Whether the viewer may know of it is asked with its owner.
    pub async fn get(&self, id: SessionId) -> Result<Session, ServiceError> {
        self.0.get(id).await
    }

    /// One session as it was at most five seconds ago, for streams that look again and again.
    pub async fn recent(&self, id: SessionId) -> Result<Arc<Session>, ServiceError> {
        if let Some(session) = self.0.remembered.get(&id).await {
            return Ok(session);
        }
        let session = Arc::new(self.get(id).await?);
        if session.status.is_live() {
            self.0.remembered.insert(id, Arc::clone(&session)).await;
        }
        Ok(session)
    }

    /// The account's newest sessions.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Session>, ServiceError> {
        Ok(self.0.store.sessions().of_user(user, LISTED).await?)
    }

    /// The account's sessions that run or are about to, newest first, as they were a moment ago: every catalogue
    /// page shows them.
    pub async fn live_of_user(&self, user: UserId) -> Result<Arc<Vec<Session>>, ServiceError> {
        if let Some(sessions) = self.0.live.get(&user).await {
            return Ok(sessions);
        }
        let sessions = Arc::new(self.0.store.sessions().live_of_user(user, LISTED).await?);
        self.0.live.insert(user, Arc::clone(&sessions)).await;
        Ok(sessions)
    }

    /// Everybody's newest sessions.
    pub async fn all(&self) -> Result<Vec<Session>, ServiceError> {
        Ok(self.0.store.sessions().all(LISTED).await?)
    }

    /// Ends a session, or cancels its launch. Ended already is no error.
    pub async fn end(&self, actor: &Actor, id: SessionId) -> Result<(), ServiceError> {
        self.0.end(actor, id).await
    }

    /// How far the session's plugin says that a launch is.
    pub async fn progress(&self, id: SessionId) -> Option<Arc<Progress>> {
        self.0.progresses.of(id).await
    }

    /// Tells whenever the session may look different, whoever changed it.
    pub fn follow(&self, id: SessionId) -> Follower {
        self.0.progresses.changes.follow(id)
    }

    /// Another process changed the session's row.
    pub(crate) async fn changed_elsewhere(&self, id: SessionId) {
        self.0.tell(id).await;
        self.0.wakes.wake(id);
    }

    /// Other processes may have changed any row.
    pub(crate) fn missed(&self) {
        self.0.remembered.invalidate_all();
        self.0.live.invalidate_all();
        self.0.progresses.changes.tell_all();
    }

    /// Plugins of this process show nothing from now on.
    pub(crate) fn forget_progress(&self) {
        self.0.progresses.forget_all();
    }

    /// Opens a connection to the screen of a running session.
    pub async fn connect(&self, id: SessionId) -> Result<Box<dyn ByteStream>, ServiceError> {
        let session = self.get(id).await?;
        let (Some(engine), true) = (&self.0.engine, session.serves(EndpointKind::Vnc)) else {
            return Err(ServiceError::NotFound("running session"));
        };
        let workload = workload(&self.0.store, &session).ok_or(ServiceError::NotFound("workload"))?;
        Ok(engine.runtime.connect(&workload).await?)
    }

    /// Notes that somebody looks at a session, until what is answered is dropped.
    pub fn viewed(&self, id: SessionId) -> Watching {
        Watching::new(self.clone(), id)
    }

    /// Sends a request to the pages of a running session. Who sends it has been asked.
    ///
    /// # Errors
    /// [`ServiceError::EngineAway`] where the app does not answer, [`ServiceError::OverLimit`] where too many requests to
    /// this session are under way.
    pub async fn request(&self, id: SessionId, request: Request<PageBody>) -> Result<Answered, ServiceError> {
        match &self.0.pages {
            Some(pages) => pages.request(id, request).await,
            None => Err(ServiceError::NotFound("running session")),
        }
    }

    /// What is known of the engine.
    pub fn engine_state(&self) -> EngineState {
        self.0.engine.as_ref().map_or(EngineState::None, Engine::state)
    }
}

impl Shared {
    /// One session, as stored.
    async fn get(&self, id: SessionId) -> Result<Session, ServiceError> {
        let found = self.store.sessions().get(id).await?;
        found.ok_or(ServiceError::NotFound("session"))
    }

    /// Ends a session, or cancels its launch.
    async fn end(&self, actor: &Actor, id: SessionId) -> Result<(), ServiceError> {
        // Between reading and writing it may have gone from creating to running, once: then the second try hits.
        for _ in 0..3 {
            let session = self.get(id).await?;
            let (to, failure) = match session.status {
                Status::Creating => (Status::Failed, Some(Failure::new(Reason::Cancelled, ""))),
                Status::Running => (Status::Stopped, None),
                Status::Stopped | Status::Expired | Status::Failed => return Ok(()),
            };
            let rows = self.store.sessions();
            if self.finish(rows, actor, &session, to, failure.as_ref()).await? {
                return Ok(());
            }
        }
        Err(ServiceError::Internal(format!(
            "session {id} changed under every try to end it"
        )))
    }

    /// The rows, as the portal that leads writes them.
    fn led(&self) -> Result<SessionRows<'_>, ServiceError> {
        Ok(self.store.sessions_led(term_of(&self.leadership)?))
    }

    /// Makes a session terminal, if it still is what `session` says, and wakes whoever cares.
    async fn finish(
        &self,
        rows: SessionRows<'_>,
        actor: &Actor,
        session: &Session,
        to: Status,
        failure: Option<&Failure>,
    ) -> Result<bool, ServiceError> {
        fail_point!("end-wanted");
        let now = self.clock.now();
        let done = rows
            .finish(actor, session.id, session.status, to, failure, now)
            .await?;
        if done {
            fail_point!("end-saved");
            let reason = failure.map_or("", |failure| failure.reason.as_str());
            metrics::counter!("launchpad_sessions_ended_total", "status" => to.as_str(), "reason" => reason)
                .increment(1);
            self.tell(session.id).await;
            self.wakes.wake(session.id);
        }
        Ok(done)
    }

    /// Tells everybody that the row changed.
    async fn tell(&self, id: SessionId) {
        self.remembered.invalidate(&id).await;
        self.live.invalidate_all();
        self.progresses.changes.tell(id);
    }
}

/// What the engine is asked to run for a session whose plan stands.
fn workload(store: &Store, session: &Session) -> Option<Workload> {
    Some(Workload {
        instance: store.instance(),
        session: session.id,
        user: session.user_id,
        app: session.app_id.clone(),
        name: session.pod_name.clone()?,
        plan: session.plan.clone()?,
    })
}
