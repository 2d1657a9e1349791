//! One look at one session: what its row says, what the engine says, and the next step between them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use launchpad_domain::policy::{Owner, accept};
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{
    Actor, Failure, HookError, Opens, Plan, PodPlan, Reason, RuntimeError, Session, SessionId, Stage, Status,
    Workload,
};
use tokio::sync::Notify;

use super::engine::{Engine, EngineState};
use super::{Shared, context};
use crate::ServiceError;

/// After how long an engine that was away is asked again.
const ENGINE_AGAIN: Duration = Duration::from_secs(2);
/// How often a launch type may ask to be called again for one session.
const PLAN_ATTEMPTS: u32 = 3;
/// The longest wait that a launch type may ask for.
const MAX_RETRY: Duration = Duration::from_mins(1);

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

pub(super) struct Pass {
    shared: Arc<Shared>,
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
                Status::Creating => self.create(engine, &session).await?,
                Status::Running => self.watch_over(engine, &session).await?,
                Status::Stopped | Status::Expired | Status::Failed if session.cleaned => Some(Next::Never),
                Status::Stopped | Status::Expired | Status::Failed => Some(self.clean(engine).await?),
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
            match self.shared.workload(session) {
                None => self.plan(session).await,
                Some(workload) => self.launch(engine, session, &workload).await,
            }
        };
        tokio::select! {
            next = step => next,
            () = tokio::time::sleep(left) => {
                let failure = match engine.state() {
                    EngineState::Away(cause) => Failure::new(Reason::EngineAway, cause),
                    _ => Failure::new(Reason::NeverReady, format!("not ready at {}", session.expires_at)),
                };
                self.fail(session, failure).await
            }
        }
    }

    async fn plan(&self, session: &Session) -> Result<Option<Next>, ServiceError> {
        for attempt in 1..=PLAN_ATTEMPTS {
            match self.ask_for_plan(session, attempt).await? {
                Ok(plan) => {
                    let name = context::workload_name(session.id);
                    let now = self.shared.clock.now();
                    self.shared
                        .store
                        .sessions()
                        .set_plan(session.id, &name, &plan, now)
                        .await?;
                    self.shared.set_stage(session.id, Stage::Queued).await;
                    return Ok(None);
                }
                Err(HookError::Retryable { retry_ms, .. }) if attempt < PLAN_ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(retry_ms).min(MAX_RETRY)).await;
                }
                Err(error) => {
                    let reason = match error {
                        HookError::Fault { .. } | HookError::UnknownLaunchType { .. } => Reason::PluginFault,
                        HookError::Failed { ref code, .. } if code == REJECTED => Reason::PlanRejected,
                        _ => Reason::PlanFailed,
                    };
                    return self.fail(session, Failure::new(reason, said(&error))).await;
                }
            }
        }
        Ok(None)
    }

    async fn ask_for_plan(
        &self,
        session: &Session,
        attempt: u32,
    ) -> Result<Result<PodPlan, HookError>, ServiceError> {
        let shared = &self.shared;
        let app = match shared.catalogue.get(&session.app_id).await {
            Ok(stored) => stored.app,
            Err(ServiceError::NotFound(_)) => {
                return Ok(Err(failed("the app was deleted during the launch")));
            }
            Err(error) => return Err(error),
        };
        let Some(account) = shared.store.accounts().get(session.user_id).await? else {
            return Ok(Err(failed("the account was deleted during the launch")));
        };
        let user = (account.id, account.name.as_str());
        let sidecar = &shared.settings.sidecar_image;
        let context = context::of_session(session, &app, user, attempt, sidecar, shared.clock.now());
        let launch_type = match shared.launch_types.get(&session.launch_type) {
            Ok(launch_type) => launch_type,
            Err(error) => return Ok(Err(error)),
        };
        let document = match shared.launch_types.plan(&session.launch_type, context).await {
            Ok(document) => document,
            Err(error) => return Ok(Err(error)),
        };
        let owner = Owner {
            instance: shared.store.instance(),
            session: session.id,
            user: session.user_id,
            app: session.app_id.clone(),
        };
        let accepted = Plan::parse(document, Opens::Pod).and_then(|plan| match plan {
            Plan::Pod(plan) => accept(*plan, &launch_type.grants, &shared.settings.pod_limits, &owner),
            Plan::Url(_) => Err(launchpad_domain::Problems::one("url", "a pod was asked for")),
        });
        Ok(accepted.map_err(|problems| HookError::Failed {
            code: REJECTED.to_owned(),
            message: format!(
                "launch type {} {}: {problems}",
                launch_type.id, launch_type.version
            ),
        }))
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
            outcome = self.bring_up(engine, workload, &inner) => outcome,
            left = self.left_creating(&inner) => return left.map(|()| None),
        };
        match outcome {
            Outcome::Up(address) => {
                let now = self.shared.clock.now();
                let expires_at = now + self.shared.settings.timeout;
                let sessions = self.shared.store.sessions();
                if sessions
                    .set_running(session.id, address.as_deref(), expires_at, now)
                    .await?
                {
                    let took = (now - session.created_at).to_std().unwrap_or_default();
                    metrics::histogram!("launchpad_session_ready_seconds").record(took);
                    self.shared.tell(session.id).await;
                    return Ok(Some(Next::At(expires_at)));
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

    async fn bring_up(&self, engine: &Engine, workload: &Workload, news: &Notify) -> Outcome {
        if let Err(error) = engine.runtime.apply(workload).await {
            return unsuccessful(engine, error);
        }
        self.shared.set_stage(self.id, Stage::Scheduled).await;
        let address = loop {
            match engine.runtime.observe(self.id).await {
                Err(error) => return unsuccessful(engine, error),
                Ok(None) => return Outcome::Later(ENGINE_AGAIN),
                Ok(Some(seen)) => match seen.state {
                    WorkloadState::Failed(failure) => return Outcome::Failed(failure),
                    WorkloadState::Running => break seen.address,
                    WorkloadState::Pending(stage) => self.shared.set_stage(self.id, stage).await,
                },
            }
            news.notified().await;
        };
        self.shared.set_stage(self.id, Stage::Checking).await;
        tokio::select! {
            answered = engine.runtime.answered(workload) => match answered {
                Ok(()) => Outcome::Up(address),
                Err(error) => match self.fallen(engine).await {
                    Some(failure) => Outcome::Failed(failure),
                    None => unsuccessful(engine, error),
                },
            },
            failure = async {
                loop {
                    news.notified().await;
                    if let Some(failure) = self.fallen(engine).await {
                        return failure;
                    }
                }
            } => Outcome::Failed(failure),
        }
    }

    /// Why a workload that did run does not any more.
    async fn fallen(&self, engine: &Engine) -> Option<Failure> {
        match engine.runtime.observe(self.id).await {
            Ok(Some(seen)) => match seen.state {
                WorkloadState::Failed(failure) => Some(failure),
                WorkloadState::Pending(_) | WorkloadState::Running => None,
            },
            Ok(None) => Some(Failure::new(Reason::WorkloadGone, "the engine has no such pod")),
            Err(error) => {
                engine.note(&error);
                None
            }
        }
    }

    /// Steps of a running session: its deadline, and a workload that is there no more.
    async fn watch_over(&self, engine: &Engine, session: &Session) -> Result<Option<Next>, ServiceError> {
        if self.shared.clock.now() >= session.expires_at {
            self.shared
                .finish(&Actor::portal(), session, Status::Expired, None)
                .await?;
            return Ok(None);
        }
        match self.fallen(engine).await {
            Some(failure) => self.fail(session, failure).await,
            None => Ok(Some(Next::At(session.expires_at))),
        }
    }

    /// Removes what a terminal session left.
    async fn clean(&self, engine: &Engine) -> Result<Next, ServiceError> {
        match engine.runtime.delete(self.id).await {
            Ok(()) => {
                self.shared
                    .store
                    .sessions()
                    .set_cleaned(self.id, self.shared.clock.now())
                    .await?;
                Ok(Next::Never)
            }
            Err(error) => {
                engine.note(&error);
                tracing::warn!(%error, session = %self.id, "an ended session's workload could not be removed yet");
                Ok(Next::After(ENGINE_AGAIN))
            }
        }
    }

    async fn fail(&self, session: &Session, failure: Failure) -> Result<Option<Next>, ServiceError> {
        tracing::info!(session = %session.id, reason = %failure.reason, detail = failure.detail, "a session failed");
        self.shared
            .finish(&Actor::portal(), session, Status::Failed, Some(&failure))
            .await?;
        Ok(None)
    }
}

impl Shared {
    /// Notes how far a launch is, and tells whoever watches. A stage that is not written is only not seen.
    pub(super) async fn set_stage(&self, id: SessionId, stage: Stage) {
        match self.store.sessions().set_stage(id, stage, self.clock.now()).await {
            Ok(true) => self.tell(id).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, session = %id, %stage, "a stage could not be noted"),
        }
    }
}

/// The code of a plan that the policy refused.
const REJECTED: &str = "plan-rejected";

fn failed(message: &str) -> HookError {
    HookError::Failed {
        code: "failed".to_owned(),
        message: message.to_owned(),
    }
}

fn said(error: &HookError) -> String {
    match error {
        HookError::InvalidInput(problems) => launchpad_domain::Problems(problems.clone()).to_string(),
        other => other.to_string(),
    }
}

fn unsuccessful(engine: &Engine, error: RuntimeError) -> Outcome {
    engine.note(&error);
    match error {
        RuntimeError::Refused(failure) => Outcome::Failed(failure),
        RuntimeError::Away(_) | RuntimeError::NoAnswer(_) => Outcome::Later(ENGINE_AGAIN),
    }
}
