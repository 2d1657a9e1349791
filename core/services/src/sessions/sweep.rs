//! The two-way sweep: rows without a workload, workloads without a row.
//!
//! It judges only rows of its own runtime, only after a complete list, and touches only what carries this
//! instance's label. It deletes no workspace.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{Observed, SessionId, Status};

use super::Shared;
use super::engine::{Engine, EngineState};
use crate::ServiceError;

/// Compares everything once. What needs a step is woken; only orphans are removed here.
pub(super) async fn sweep(shared: Arc<Shared>) {
    let Some(engine) = &shared.engine else { return };
    if let Err(error) = compare(&shared, engine).await {
        tracing::error!(%error, "a sweep could not finish");
    }
}

async fn compare(shared: &Shared, engine: &Engine) -> Result<(), ServiceError> {
    // Rows first: a session that is launched after this is in no list that can be held against it.
    let rows = shared
        .store
        .sessions()
        .unfinished_outlines(engine.runtime.kind())
        .await?;
    let listed = match engine.runtime.list().await {
        Ok(listed) => listed,
        Err(error) => {
            engine.note(&error);
            tracing::warn!(%error, "the engine gave no list: nothing is judged");
            return Ok(());
        }
    };
    if !matches!(engine.state(), EngineState::Answers(_)) {
        // It just answered; what it is called is worth one more question.
        let _ = engine.check().await;
    }
    let listed: HashMap<SessionId, Observed> = listed.into_iter().map(|seen| (seen.session, seen)).collect();
    let now = shared.clock.now();
    for row in &rows {
        let seen = listed.get(&row.id);
        let settled = row.status == Status::Running
            && now < row.expires_at
            && seen
                .is_some_and(|seen| matches!(seen.state, WorkloadState::Pending(_) | WorkloadState::Running));
        if !settled {
            shared.wakes.wake(row.id);
        }
    }
    let known: HashSet<SessionId> = rows.iter().map(|row| row.id).collect();
    for id in listed.keys().filter(|id| !known.contains(id)) {
        remove_if_orphan(shared, engine, *id).await?;
    }
    Ok(())
}

/// Removes a workload that no row wants. The row is read anew: it may be younger than the list of rows.
async fn remove_if_orphan(shared: &Shared, engine: &Engine, id: SessionId) -> Result<(), ServiceError> {
    let row = shared.store.sessions().get(id).await?;
    if row.is_some_and(|session| session.status.is_live() || !session.cleaned) {
        return Ok(());
    }
    tracing::warn!(session = %id, "a workload that no session wants is removed");
    if let Err(error) = engine.runtime.delete(id).await {
        engine.note(&error);
        tracing::warn!(%error, session = %id, "it could not be removed yet");
    }
    Ok(())
}
