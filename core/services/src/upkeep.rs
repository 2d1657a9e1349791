//! What is done every few minutes without a request: the sessions at one time are noted for analytics, and what is older
//! than the policy keeps is deleted.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::{Actor, Clock};
use launchpad_store::{AuditKey, Store};
use tokio_util::sync::CancellationToken;

use crate::Leadership;
use crate::audit::{CheckpointError, CheckpointKind, Checkpoints};

/// How often sessions are counted: several times in each hour that analytics shows.
const LOOK: Duration = Duration::from_mins(10);
/// Between two small transactions, so that other writers come in between.
const BREATH: Duration = Duration::from_millis(20);

/// How long things are kept; none: for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Sessions, from their end on.
    pub sessions: Option<TimeDelta>,
    /// Entries of the audit log.
    pub audit: Option<TimeDelta>,
    /// Launches, and their sums by hour and day.
    pub analytics: Option<TimeDelta>,
    /// Apps that were deleted and could be put back.
    pub deleted_apps: Option<TimeDelta>,
}

/// Keeps the database as the policy wants it.
#[derive(Debug)]
pub struct Upkeep {
    policy: RetentionPolicy,
    store: Store,
    key: AuditKey,
    checkpoints: Checkpoints,
    clock: Arc<dyn Clock>,
}

impl Upkeep {
    /// Of this database, whose audit log is signed with this key.
    pub fn new(
        policy: RetentionPolicy,
        store: Store,
        key: AuditKey,
        checkpoints: Checkpoints,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            policy,
            store,
            key,
            checkpoints,
            clock,
        }
    }

    /// Runs until it is told to stop; of several portals the one that leads does it. What fails is told and tried again.
    pub async fn run(self, leadership: Leadership, stopping: CancellationToken) {
        loop {
            let step = async {
                leadership.gained().await;
                if let Err(error) = self.store.analytics().observe(self.clock.now()).await {
                    tracing::warn!(%error, "the sessions at one time were not noted");
                }
                if let Err(error) = self.purge().await {
                    tracing::error!(%error, "not everything was deleted that is older than the policy keeps");
                }
                tokio::time::sleep(LOOK).await;
            };
            tokio::select! {
                // A transaction that is interrupted changes nothing.
                () = stopping.cancelled() => return,
                () = step => {}
            }
        }
    }

    /// Deletes everything that is older than the policy keeps, a small transaction at a time.
    pub async fn purge(&self) -> Result<(), CheckpointError> {
        let (actor, now) = (Actor::portal(), self.clock.now());
        let purging = self.store.purging();
        if let Some(before) = before(now, self.policy.sessions) {
            while purging.sessions(&actor, before, now).await? > 0 {
                tokio::time::sleep(BREATH).await;
            }
        }
        if let Some(before) = before(now, self.policy.analytics) {
            while purging.launches(&actor, before, now).await? > 0 {
                tokio::time::sleep(BREATH).await;
            }
            while purging.sums(&actor, before, now).await? > 0 {
                tokio::time::sleep(BREATH).await;
            }
        }
        if let Some(before) = before(now, self.policy.deleted_apps) {
            while purging.deleted_apps(&actor, before, now).await? > 0 {
                tokio::time::sleep(BREATH).await;
            }
        }
        if let Some(before) = before(now, self.policy.audit) {
            let mut last = None;
            while let Some(gone) = purging.audit(&actor, before, now).await? {
                last = Some(gone);
                tokio::time::sleep(BREATH).await;
            }
            if last.is_some() {
                // The database says so too; this is for who holds them against each other.
                self.checkpoints.add(
                    &self.key,
                    self.store.instance(),
                    CheckpointKind::Pruned,
                    last,
                    now,
                )?;
            }
        }
        Ok(())
    }
}

fn before(now: DateTime<Utc>, kept: Option<TimeDelta>) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(kept?)
}
