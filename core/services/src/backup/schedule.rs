//! The task that takes backups by itself while the portal runs.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::Clock;
use launchpad_store::Store;
use metrics::{counter, gauge};
use tokio_util::sync::CancellationToken;

use super::{Backups, Result};
use crate::Leadership;

/// How often one looks whether a backup is due, and tries again one that failed.
const LOOK: Duration = Duration::from_mins(5);

/// Where to, how often, and how many are kept.
#[derive(Debug, Clone)]
pub struct BackupPlan {
    /// Where to.
    pub backups: Backups,
    /// How old the newest backup may become.
    pub interval: TimeDelta,
    /// How many of the newest are kept.
    pub keep: usize,
}

/// Takes a backup whenever the newest is too old, whoever took that.
#[derive(Debug)]
pub struct BackupSchedule {
    plan: Option<BackupPlan>,
    store: Store,
    clock: Arc<dyn Clock>,
    leadership: Leadership,
}

impl BackupSchedule {
    /// For this database; without a plan nothing is done.
    pub fn new(
        plan: Option<BackupPlan>,
        store: Store,
        clock: Arc<dyn Clock>,
        leadership: Leadership,
    ) -> Self {
        Self {
            plan,
            store,
            clock,
            leadership,
        }
    }

    /// Runs until it is told to stop. A backup that fails is told and tried again.
    pub async fn run(self, stopping: CancellationToken) {
        let Some(plan) = &self.plan else { return };
        // Also where it is 0: who watches for a rise must find it.
        counter!("launchpad_backup_failures_total").absolute(0);
        loop {
            let step = tokio::select! {
                // One that is interrupted leaves nothing.
                () = stopping.cancelled() => return,
                step = self.step(plan) => step,
            };
            match step {
                Ok(Some(newest)) => {
                    #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
                    gauge!("launchpad_backup_newest_timestamp_seconds").set(newest.timestamp() as f64);
                }
                Ok(None) => {}
                Err(error) => {
                    counter!("launchpad_backup_failures_total").increment(1);
                    tracing::error!(%error, "no backup was taken");
                }
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

impl BackupSchedule {
    /// Of several portals the one that leads takes the backups.
    async fn step(&self, plan: &BackupPlan) -> Result<Option<DateTime<Utc>>> {
        self.leadership.gained().await;
        plan.step(&self.store, self.clock.as_ref()).await
    }
}

impl BackupPlan {
    /// Takes a backup if one is due, and removes the oldest. Answers when the newest was taken.
    pub async fn step(&self, store: &Store, clock: &dyn Clock) -> Result<Option<DateTime<Utc>>> {
        let newest = self.backups.newest().await?;
        if newest.is_some_and(|taken| clock.now() - taken < self.interval) {
            return Ok(newest);
        }
        let manifest = self.backups.take(store, clock).await?;
        tracing::info!(file = manifest.file, bytes = manifest.bytes, "a backup was taken");
        // Only now: whatever fails, no backup is lost for one that is not there.
        let removed = self.backups.prune(self.keep).await?;
        if removed > 0 {
            tracing::info!(removed, "old backups were removed");
        }
        Ok(Some(manifest.taken_at))
    }
}
