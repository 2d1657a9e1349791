//! The first step of a session: its launch type is asked for a plan, which is judged and kept.

use std::time::Duration;

use fail::fail_point;
use launchpad_domain::launch_types::HookApp;
use launchpad_domain::policy::{Owner, accept};
use launchpad_domain::runtime::workload_name;
use launchpad_domain::{EndpointKind, Failure, HookError, Opens, Plan, PodPlan, Problems, Reason, Session};
use launchpad_store::WorkspaceHeld;

use super::context;
use super::reconcile::{Next, Pass};
use crate::ServiceError;

/// How often a launch type may ask to be called again for one session.
const PLAN_ATTEMPTS: u32 = 3;
/// The longest wait that a launch type may ask for.
const MAX_RETRY: Duration = Duration::from_mins(1);
/// Why nobody could open a session that serves pages.
const NO_ORIGINS: &str = "serves web pages, each session at an address of its own: for that the operator must set \
                          `sessions.apps_domain`";
/// The code of a plan that the policy refused.
const REJECTED: &str = "plan-rejected";

impl Pass {
    /// Asks until there is a plan or a reason why there is none. `None`: the row moved, look at it afresh.
    pub(super) async fn plan(&self, session: &Session) -> Result<Option<Next>, ServiceError> {
        for attempt in 1..=PLAN_ATTEMPTS {
            match self.ask_for_plan(session, attempt).await? {
                Ok((plan, digest)) => {
                    fail_point!("plan-made");
                    let name = workload_name(session.id);
                    let now = self.shared.clock.now();
                    let sessions = self.shared.led()?;
                    let kept = sessions.set_plan(session.id, &name, &plan, &digest, now).await?;
                    if let Err(held) = kept {
                        return self.fail(session, no_workspace(&held)).await;
                    }
                    fail_point!("plan-saved");
                    self.shared.tell(session.id).await;
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
    ) -> Result<Result<(PodPlan, String), HookError>, ServiceError> {
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
        let context = context::of_session(
            session,
            HookApp::from(&app),
            user,
            attempt,
            sidecar,
            shared.clock.now(),
        );
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
            Plan::Url(_) => Err(Problems::one("url", "a pod was asked for")),
        });
        let accepted = accepted.and_then(|plan| {
            if plan.endpoint.kind == EndpointKind::Http && !shared.settings.origins {
                return Err(Problems::one("endpoint.kind", NO_ORIGINS));
            }
            Ok(plan)
        });
        Ok(accepted
            .map(|plan| (plan, launch_type.digest.clone()))
            .map_err(|problems| HookError::Failed {
                code: REJECTED.to_owned(),
                message: format!(
                    "launch type {} {}: {problems}",
                    launch_type.id, launch_type.version
                ),
            }))
    }
}

fn no_workspace(held: &WorkspaceHeld) -> Failure {
    match held {
        WorkspaceHeld::By(other) => Failure::new(Reason::WorkspaceInUse, format!("session {other} has it")),
        WorkspaceHeld::Going => Failure::new(Reason::WorkspaceGoing, "an administrator deleted it"),
    }
}

fn failed(message: &str) -> HookError {
    HookError::Failed {
        code: "failed".to_owned(),
        message: message.to_owned(),
    }
}

fn said(error: &HookError) -> String {
    match error {
        HookError::InvalidInput(problems) => Problems(problems.clone()).to_string(),
        other => other.to_string(),
    }
}
