//! From a plan to a workload whose endpoint answers: the launch's long step, which news and deadlines interrupt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fail::fail_point;
use launchpad_domain::launch_types::Readiness;
use launchpad_domain::plugin_services::Progress;
use launchpad_domain::policy::{secrets_in, with_secrets};
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{Failure, PodPlan, Reason, RuntimeError, Session, Stage, Status, Workload};
use tokio::sync::watch;

use super::Shared;
use super::engine::Engine;
use super::reconcile::{ENGINE_AGAIN, End, Next, Pass, gone};
use crate::ServiceError;

/// How bringing a workload up ended.
enum Outcome {
    /// The endpoint answered; the address, if the engine told it.
    Up(Option<String>),
    Failed(Failure),
    /// Nothing is decided: look again.
    Later(Duration),
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

impl Pass {
    /// Brings the workload up, while listening for a row that is wanted no more.
    pub(super) async fn launch(
        &self,
        engine: &Engine,
        session: &Session,
        workload: &Workload,
    ) -> Result<Option<Next>, ServiceError> {
        let outcome = tokio::select! {
            outcome = Box::pin(self.bring_up(engine, session, workload)) => outcome?,
            left = self.left_creating() => return left.map(|()| None),
            told = self.shared.keep_telling(session) => return told.map(|()| None),
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

    /// Ends when the session is not `creating` any more. Else somebody wants its workload looked at.
    async fn left_creating(&self) -> Result<(), ServiceError> {
        loop {
            self.news.row.notified().await;
            match self.shared.store.sessions().get(self.id).await? {
                Some(session) if session.status == Status::Creating => self.news.workload.notify_one(),
                _ => return Ok(()),
            }
        }
    }

    async fn bring_up(
        &self,
        engine: &Engine,
        session: &Session,
        workload: &Workload,
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
        self.shared.set_stage(self.id, stage);
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
            outcome = self.follow(engine, &running) => Ok(outcome),
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
    async fn follow(&self, engine: &Engine, running: &watch::Sender<Option<Runs>>) -> Outcome {
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
                        self.shared.set_stage(self.id, stage);
                        if let Some(trouble) = seen.trouble {
                            self.tell_trouble(&trouble).await;
                        }
                    }
                    WorkloadState::Running if !ran => {
                        running.send_replace(Some(Runs {
                            address: seen.address,
                        }));
                        self.shared.set_stage(self.id, Stage::Checking);
                    }
                    WorkloadState::Running => {}
                },
            }
            self.news.workload.notified().await;
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
}

impl Shared {
    /// The workload with the secrets that its plan names: they are put in here and kept nowhere.
    async fn with_secrets(&self, workload: &Workload) -> Result<Workload, Failure> {
        let mut workload = workload.clone();
        let names = secrets_in(&workload.plan.pod);
        if names.is_empty() {
            return Ok(workload);
        }
        let mut values = BTreeMap::new();
        for name in names {
            let value = self.secrets.read(&name).await;
            let value = value.map_err(|error| Failure::new(Reason::PlanFailed, error.message))?;
            values.insert(name, value);
        }
        let mut plan = PodPlan::clone(&workload.plan);
        plan.pod = with_secrets(plan.pod, &values);
        workload.plan = Arc::new(plan);
        Ok(workload)
    }
}

fn unsuccessful(engine: &Engine, error: RuntimeError) -> Outcome {
    engine.note(&error);
    match error {
        RuntimeError::Refused(failure) => Outcome::Failed(failure),
        RuntimeError::Away(_) | RuntimeError::NoAnswer(_) => Outcome::Later(ENGINE_AGAIN),
    }
}
