//! The task that writes checkpoints of the audit log while the portal runs.

use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::Clock;
use launchpad_store::{AuditKey, Store};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{CheckpointError, CheckpointKind, Checkpoints};

/// How often one looks at the log.
const LOOK: Duration = Duration::from_secs(10);
/// A checkpoint is written after so long, if there are new rows,
const INTERVAL: Duration = Duration::from_mins(5);
/// or after so many rows.
const ROWS: i64 = 1_000;

/// Writes a checkpoint at the start, every five minutes or thousand rows, and at the end.
#[derive(Debug)]
pub struct CheckpointKeeper {
    store: Store,
    key: AuditKey,
    checkpoints: Checkpoints,
    clock: Arc<dyn Clock>,
    /// The last row that was written down.
    last: i64,
}

impl CheckpointKeeper {
    /// For the log of this database.
    pub fn new(store: Store, key: AuditKey, checkpoints: Checkpoints, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            key,
            checkpoints,
            clock,
            last: 0,
        }
    }

    /// Runs until it is told to stop. A checkpoint that fails is told and tried again.
    pub async fn run(mut self, stopping: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut written: Option<Instant> = None;
        loop {
            let ending = tokio::select! {
                _ = looks.tick() => false,
                () = stopping.cancelled() => true,
            };
            let due = ending || written.is_none_or(|at| at.elapsed() >= INTERVAL);
            match self.write(if due { 1 } else { ROWS }).await {
                Ok(true) => written = Some(Instant::now()),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "no checkpoint of the audit log was written"),
            }
            if ending {
                return;
            }
        }
    }

    /// Writes a line, if there are at least so many new rows.
    async fn write(&mut self, rows: i64) -> Result<bool, CheckpointError> {
        let Some(link) = self.store.audit().last_link().await? else {
            return Ok(false);
        };
        if link.id < self.last {
            tracing::error!(
                "the end of the audit log is gone: row {} was there, and the last is {}; run launchpad audit verify",
                self.last,
                link.id
            );
        }
        if link.id < self.last.saturating_add(rows) {
            return Ok(false);
        }
        self.last = link.id;
        // Whoever keeps the log keeps a copy of the checkpoint.
        tracing::info!(row = link.id, chain = %link.chain, "checkpoint of the audit log");
        let instance = self.store.instance();
        self.checkpoints.add(
            &self.key,
            instance,
            CheckpointKind::Head,
            Some(link),
            self.clock.now(),
        )?;
        Ok(true)
    }
}
