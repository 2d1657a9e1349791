//! One look at one session: what its row says, what the engine says, and the next step between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use fail::fail_point;
use launchpad_domain::launch_types::Readiness;
use launchpad_domain::plugin_services::Progress;
use launchpad_domain::policy::{secrets_in, with_secrets};
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{
    Actor, Failure, Observed, Reason, RuntimeError, Session, SessionId, Stage, Status, Workload,
};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::engine::{Engine, EngineState};
use super::{Shared, workload};
use crate::ServiceError;

/// After how long an engine that was away is asked again.
pub(super) const ENGINE_AGAIN: Duration = Duration::from_secs(2);

/// How long the engine is waited for when a launch is over time already.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// When a session is to be looked at again, if nothing happens before.
pub(super) enum Next {
    Never,
    At(DateTime<Utc>),
    After(Duration),
}

/// How bringing a workload up ended.
enum Outcome {
    /// The endpoint answered; the address, if the engine told it.
    Up(Option<String>),
    Failed(Failure),
    /// Nothing is decided: look again.
    Later(Duration),
}

/// How a workload ended by itself.
enum End {
    Failed(Failure),
    /// By the engine's own deadline.
    Expired,
}

impl End {
    /// What that means to a launch.
    fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Expired => Failure::new(Reason::NeverReady, "the engine ended it at its own deadline"),
        }
    }
}

/// One look at one session.
pub(super) struct Pass {
    pub(super) shared: Arc<Shared>,
    id: SessionId,
    /// Rings when something about this session may have changed.
    news: Arc<Notify>,
}

impl Pass {
    pub(super) fn new(shared: Arc<Shared>, id: SessionId, news: Arc<Notify>) -> Self {
        Self { shared, id, news }
    }

    /// Takes steps until there is nothing to do now.
    pub(super) async fn run(self) -> Result<Next, ServiceError> {
        let Some(engine) = &self.shared.engine else {
            return Ok(Next::Never);
        };
        loop {
            let Some(session) = self.shared.store.sessions().get(self.id).await? else {
                return Ok(Next::Never);
            };
            if session.runtime != engine.runtime.kind() {
                return Ok(Next::Never);
            }
            let next = match session.status {
                Status::Creating => Box::pin(self.create(engine, &session)).await?,
                Status::Running => self.watch_over(engine, &session).await?,
                Status::Stopped | Status::Expired | Status::Failed if session.cleaned => Some(Next::Never),
                Status::Stopped | Status::Expired | Status::Failed => {
                    Some(self.clean(engine, &session).await?)
                }
            };
            if let Some(next) = next {
                return Ok(next);
            }
        }
    }

    /// Steps of a session in `creating`. `None`: the row moved, look at it afresh.
    async fn create(&self, engine: &Engine, session: &Session) -> Result<Option<Next>, ServiceError> {
        let left = (session.expires_at - self.shared.clock.now())
            .to_std()
            .unwrap_or_default();
        let step = async {
            match workload(&self.shared.store, session) {
                None => self.plan(session).await,
                Some(workload) => self.launch(engine, session, &workload).await,
            }
        };
        tokio::select! {
            next = step => next,
            () = tokio::time::sleep(left) => {
                let failure = self.late(engine, session).await;
                self.fail(session, failure).await
            }
        }
    }

    /// Why a launch is not done at its deadline, as far as the engine knows.
    async fn late(&self, engine: &Engine, session: &Session) -> Failure {
        if let EngineState::Away(cause) = engine.state() {
            return Failure::new(Reason::EngineAway, cause);
        }
        match timeout(LAST_LOOK, engine.runtime.observe(self.id)).await {
            Ok(Ok(Some(Observed {
                state: WorkloadState::Failed(failure),
                ..
            }))) => failure,
            Ok(Ok(Some(Observed {
                trouble: Some(trouble),
                ..
            }))) => trouble,
            _ => Failure::new(Reason::NeverReady, format!("not ready at {}", session.expires_at)),
        }
    }

    /// Brings the workload up, while listening for a row that is wanted no more.
    async fn launch(
        &self,
        engine: &Engine,
        session: &Session,
        workload: &Workload,
    ) -> Result<Option<Next>, ServiceError> {
        let inner = Notify::new();
        let outcome = tokio::select! {
            outcome = Box::pin(self.bring_up(engine, session, workload, &inner)) => outcome?,
            left = self.left_creating(&inner) => return left.map(|()| None),
            told = self.shared.keep_telling(self.id) => return told.map(|()| None),
        };
        match outcome {
            Outcome::Up(address) => {
                fail_point!("workload-ready");
                let now = self.shared.clock.now();
                let expires_at = now + self.shared.settings.timeout;
                if self
                    .shared
                    .led()?
                    .set_running(session.id, address.as_deref(), expires_at, now)
                    .await?
                {
                    fail_point!("running-saved");
                    let took = (now - session.created_at).to_std().unwrap_or_default();
                    metrics::histogram!("launchpad_session_ready_seconds").record(took);
                    self.shared.tell(session.id).await;
                    // The next round tells the plugin, now that the person has the screen.
                }
                Ok(None)
            }
            Outcome::Failed(failure) => self.fail(session, failure).await,
            Outcome::Later(wait) => Ok(Some(Next::After(wait))),
        }
    }

    /// Ends when the session is not `creating` any more; other news is handed on.
    async fn left_creating(&self, inner: &Notify) -> Result<(), ServiceError> {
        loop {
            self.news.notified().await;
            match self.shared.store.sessions().get(self.id).await? {
                Some(session) if session.status == Status::Creating => inner.notify_one(),
                _ => return Ok(()),
            }
        }
    }

    async fn bring_up(
        &self,
        engine: &Engine,
        session: &Session,
        workload: &Workload,
        news: &Notify,
    ) -> Result<Outcome, ServiceError> {
        let with_secrets = match self.shared.with_secrets(workload).await {
            Ok(workload) => workload,
            Err(failure) => return Ok(Outcome::Failed(failure)),
        };
        let early = match engine.runtime.apply(&with_secrets).await {
            Ok(address) => address,
            Err(error) => return Ok(unsuccessful(engine, error)),
        };
        drop(with_secrets);
        let stage = if early.is_some() {
            Stage::Checking
        } else {
            Stage::Scheduled
        };
        self.shared.set_stage(self.id, stage).await;
        // The engine is asked while the endpoint is waited for: each takes its time, and both must say yes.
        let running = watch::Sender::new(None::<Runs>);
        let answered = async {
            engine.runtime.answered(workload, early.as_deref()).await?;
            let mut running = running.subscribe();
            let runs = running.wait_for(Option::is_some).await;
            let address = runs.ok().and_then(|runs| runs.clone()?.address);
            if let Some(pages) = &self.shared.pages
                && let Some(path) = workload
                    .plan
                    .ready
                    .as_ref()
                    .and_then(|ready| ready.path.as_deref())
            {
                pages.until_well(self.id, path).await;
            }
            Ok(address)
        };
        let usable = async {
            match answered.await {
                Ok(address) => self.plugin_says_ready(session, address).await,
                Err(error) => Ok(match self.fallen(engine).await {
                    Some(end) => Outcome::Failed(end.into_failure()),
                    None => unsuccessful(engine, error),
                }),
            }
        };
        tokio::select! {
            outcome = self.follow(engine, news, &running) => Ok(outcome),
            outcome = usable => outcome,
            failure = late(workload, running.subscribe()) => Ok(Outcome::Failed(failure)),
        }
    }

    /// Asks the plugin, as often as it wants, whether a workload whose endpoint answers may be used. A plugin that
    /// fails is asked again; the launch's deadline bounds it all.
    async fn plugin_says_ready(
        &self,
        session: &Session,
        address: Option<String>,
    ) -> Result<Outcome, ServiceError> {
        let shared = &self.shared;
        let planned_by = session.planned_by();
        let reached = Session {
            pod_ip: address.clone(),
            ..session.clone()
        };
        loop {
            let context = shared.later_context(&reached, None).await?;
            let wait = match shared.launch_types.ready(&planned_by, context).await {
                Ok(Readiness::Ready) => return Ok(Outcome::Up(address)),
                Ok(Readiness::Fail { message }) => {
                    return Ok(Outcome::Failed(Failure::new(Reason::NeverReady, message)));
                }
                Ok(Readiness::Wait { message, retry_ms }) => {
                    if !message.is_empty() {
                        shared
                            .progresses
                            .show(
                                session.id,
                                Progress {
                                    percent: None,
                                    message,
                                },
                            )
                            .await;
                    }
                    Duration::from_millis(retry_ms)
                }
                Err(error) => {
                    tracing::warn!(%error, session = %session.id, "a plugin could not say whether its workload is ready");
                    ENGINE_AGAIN
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Looks at the workload at every news of it. Ends when it will not run, or the engine is away; that it runs, and
    /// where, is told through `running`.
    async fn follow(&self, engine: &Engine, news: &Notify, running: &watch::Sender<Option<Runs>>) -> Outcome {
        loop {
            let ran = running.borrow().is_some();
            match engine.runtime.observe(self.id).await {
                Err(error) => return unsuccessful(engine, error),
                Ok(None) if ran => return Outcome::Failed(gone()),
                Ok(None) => return Outcome::Later(ENGINE_AGAIN),
                Ok(Some(seen)) => match seen.state {
                    WorkloadState::Failed(failure) => return Outcome::Failed(failure),
                    WorkloadState::Expired => return Outcome::Failed(End::Expired.into_failure()),
                    WorkloadState::Pending(stage) => {
                        self.shared.set_stage(self.id, stage).await;
                        if let Some(trouble) = seen.trouble {
                            self.tell_trouble(&trouble).await;
                        }
                    }
                    WorkloadState::Running if !ran => {
                        running.send_replace(Some(Runs {
                            address: seen.address,
                        }));
                        self.shared.set_stage(self.id, Stage::Checking).await;
                    }
                    WorkloadState::Running => {}
                },
            }
            news.notified().await;
        }
    }

    /// Shows what keeps the workload from coming up, while there is hope that it passes.
    async fn tell_trouble(&self, trouble: &Failure) {
        let message = format!("{} Still trying.", trouble.reason.sentence());
        let progresses = &self.shared.progresses;
        let shown = progresses.of(self.id).await;
        if shown.is_none_or(|shown| shown.message != message) {
            tracing::info!(session = %self.id, reason = %trouble.reason, detail = trouble.detail, "a launch is held up");
            let progress = Progress {
                percent: None,
                message,
            };
            progresses.show(self.id, progress).await;
        }
    }

    /// How a workload that did run has ended, if it has.
    async fn fallen(&self, engine: &Engine) -> Option<End> {
        match engine.runtime.observe(self.id).await {
            Ok(Some(seen)) => match seen.state {
                WorkloadState::Failed(failure) => Some(End::Failed(failure)),
                WorkloadState::Expired => Some(End::Expired),
                WorkloadState::Pending(_) | WorkloadState::Running => None,
            },
            Ok(None) => Some(End::Failed(gone())),
            Err(error) => {
                engine.note(&error);
                None
            }
        }
    }

    /// Steps of a running session: its deadline, and a workload that is there no more.
    async fn watch_over(&self, engine: &Engine, session: &Session) -> Result<Option<Next>, ServiceError> {
        let over = self.shared.clock.now() >= session.expires_at;
        let end = if over {
            Some(End::Expired)
        } else {
            self.fallen(engine).await
        };
        match end {
            Some(End::Expired) => {
                self.shared
                    .finish(
                        self.shared.led()?,
                        &Actor::portal(),
                        session,
                        Status::Expired,
                        None,
                    )
                    .await?;
                return Ok(None);
            }
            Some(End::Failed(failure)) => return self.fail(session, failure).await,
            None => {}
        }
        self.shared.tell_plugin(session, false).await?;
        let idle = self.shared.tell_idle(session).await?;
        let next = idle.map_or(session.expires_at, |idle| idle.min(session.expires_at));
        Ok(Some(Next::At(next)))
    }

    /// Makes the session `failed`. `None`: the row moved.
    pub(super) async fn fail(
        &self,
        session: &Session,
        failure: Failure,
    ) -> Result<Option<Next>, ServiceError> {
        tracing::info!(session = %session.id, reason = %failure.reason, detail = failure.detail, "a session failed");
        self.shared
            .finish(
                self.shared.led()?,
                &Actor::portal(),
                session,
                Status::Failed,
                Some(&failure),
            )
            .await?;
        Ok(None)
    }
}

impl Shared {
    /// The workload with the secrets that its plan names: they are put in here and kept nowhere.
    async fn with_secrets(&self, workload: &Workload) -> Result<Workload, Failure> {
        let mut values = BTreeMap::new();
        for name in secrets_in(&workload.plan.pod) {
            let value = self.secrets.read(&name).await;
            let value = value.map_err(|error| Failure::new(Reason::PlanFailed, error.message))?;
            values.insert(name, value);
        }
        let mut workload = workload.clone();
        workload.plan.pod = with_secrets(workload.plan.pod, &values);
        Ok(workload)
    }

    /// Notes how far a launch is, and tells whoever watches. A stage that is not written is only not seen.
    pub(super) async fn set_stage(&self, id: SessionId, stage: Stage) {
        let noted: Result<bool, ServiceError> = match self.led() {
            Ok(rows) => rows
                .set_stage(id, stage, self.clock.now())
                .await
                .map_err(Into::into),
            Err(error) => Err(error),
        };
        match noted {
            Ok(true) => self.tell(id).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, session = %id, %stage, "a stage could not be noted"),
        }
    }
}

/// All containers of a workload run.
#[derive(Debug, Clone)]
struct Runs {
    address: Option<String>,
}

/// Ends once a workload has taken longer, since its containers ran, than its plan lets it.
async fn late(workload: &Workload, mut running: watch::Receiver<Option<Runs>>) -> Failure {
    let Some(seconds) = workload.plan.ready.as_ref().and_then(|ready| ready.timeout_s) else {
        return std::future::pending().await;
    };
    // It ends with the launch, which then ends this as well.
    let _ = running.wait_for(Option::is_some).await;
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    Failure::new(
        Reason::NeverReady,
        format!("not ready {seconds} s after its containers ran"),
    )
}

fn gone() -> Failure {
    Failure::new(Reason::WorkloadGone, "the engine has no such pod")
}

fn unsuccessful(engine: &Engine, error: RuntimeError) -> Outcome {
    engine.note(&error);
    match error {
        RuntimeError::Refused(failure) => Outcome::Failed(failure),
        RuntimeError::Away(_) | RuntimeError::NoAnswer(_) => Outcome::Later(ENGINE_AGAIN),
    }
}
