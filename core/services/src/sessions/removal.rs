//! What is left of a session that has ended, and who has a say in it.

use std::time::Duration;

use fail::fail_point;
use launchpad_domain::launch_types::CleanupWish;
use launchpad_domain::{Claim, ClaimScope, Session};

use super::engine::Engine;
use super::reconcile::{ENGINE_AGAIN, Next, Pass};
use crate::ServiceError;

impl Pass {
    /// Removes what a terminal session left. The workload goes at once; its plugin is told meanwhile, and then says
    /// what becomes of the session's own workspaces.
    pub(super) async fn clean(&self, engine: &Engine, session: &Session) -> Result<Next, ServiceError> {
        let shared = &self.shared;
        let (removed, told) = tokio::join!(
            engine.runtime.delete(session.id),
            shared.tell_plugin(session, false)
        );
        told?;
        if let Err(error) = removed {
            engine.note(&error);
            tracing::warn!(%error, session = %session.id, "an ended session's workload could not be removed yet");
            return Ok(Next::After(ENGINE_AGAIN));
        }
        fail_point!("workload-removed");
        if let Some(wait) = self.settle_claims(engine, session).await? {
            return Ok(Next::After(wait));
        }
        // Read anew: it was told of the ending a moment ago.
        if let Some(session) = shared.store.sessions().get(session.id).await? {
            shared.tell_plugin(&session, true).await?;
        }
        fail_point!("plugin-told-of-removal");
        shared.progresses.forget(session.id);
        shared.viewers.forget(session.id);
        let now = shared.clock.now();
        if shared.led()?.set_cleaned(session.id, now).await? {
            shared.tell(session.id).await;
        }
        Ok(Next::Never)
    }

    /// Deletes the workspaces that go with the session. `Some`: not all of them could be, look again after this.
    async fn settle_claims(
        &self,
        engine: &Engine,
        session: &Session,
    ) -> Result<Option<Duration>, ServiceError> {
        let Some(plan) = &session.plan else {
            return Ok(None);
        };
        let wish = self.cleanup_wish(session).await?;
        let own = plan
            .claims
            .iter()
            .filter(|claim| claim.scope == ClaimScope::Session);
        for claim in own.filter(|claim| goes(claim, &wish)) {
            let name = claim.name.parse().map_err(ServiceError::Internal)?;
            if let Err(error) = engine.runtime.delete_workspace(&name).await {
                engine.note(&error);
                tracing::warn!(%error, claim = claim.name, "an ended session's workspace could not be removed yet");
                return Ok(Some(ENGINE_AGAIN));
            }
        }
        Ok(None)
    }

    /// What the plugin wants; a plugin that fails wants nothing.
    async fn cleanup_wish(&self, session: &Session) -> Result<CleanupWish, ServiceError> {
        let shared = &self.shared;
        let context = shared.later_context(session, None).await?;
        match shared.launch_types.cleanup(&session.planned_by(), context).await {
            Ok(wish) => Ok(wish.unwrap_or_default()),
            Err(error) => {
                tracing::warn!(%error, session = %session.id, "a plugin had no say in what is left of its session");
                Ok(CleanupWish::default())
            }
        }
    }
}

/// Whether a session's own workspace goes with it. Where a wish names it twice, it stays.
fn goes(claim: &Claim, wish: &CleanupWish) -> bool {
    !wish.keep.contains(&claim.name) && (!claim.retain || wish.delete.contains(&claim.name))
}
