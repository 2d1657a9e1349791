//! One look at one session: what its row says, what the engine says, and the next step between them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{Actor, Failure, Observed, Reason, Session, SessionId, Status};
use tokio::sync::Notify;
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

/// How a workload ended by itself.
pub(super) enum End {
    Failed(Failure),
    /// By the engine's own deadline.
    Expired,
}

impl End {
    /// What that means to a launch.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Expired => Failure::new(Reason::NeverReady, "the engine ended it at its own deadline"),
        }
    }
}

/// Rings while a session is looked at and something of it may have changed.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Its row.
    pub(super) row: Notify,
    /// What the engine has of it.
    pub(super) workload: Notify,
}

/// One look at one session.
pub(super) struct Pass {
    pub(super) shared: Arc<Shared>,
    pub(super) id: SessionId,
    pub(super) news: Arc<News>,
}

impl Pass {
    pub(super) fn new(shared: Arc<Shared>, id: SessionId, news: Arc<News>) -> Self {
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

    /// How a workload that did run has ended, if it has.
    pub(super) async fn fallen(&self, engine: &Engine) -> Option<End> {
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

pub(super) fn gone() -> Failure {
    Failure::new(Reason::WorkloadGone, "the engine has no such pod")
}
