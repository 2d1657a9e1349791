//! How far launches are. Launches do not wait until that is written, and what comes while the database is busy is
//! written together: a thousand launches at once write little more often than one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use launchpad_domain::{SessionId, Stage};
use tokio::sync::Notify;

use super::Shared;
use crate::ServiceError;

/// Stages that are written in one transaction, so that other writers get their turn.
const TOGETHER: usize = 64;

/// The stages that are not written yet. Bounded by the number of launches: each has its latest.
#[derive(Debug, Default)]
pub(super) struct Stages {
    waiting: Mutex<BTreeMap<SessionId, Stage>>,
    notify: Notify,
}

impl Stages {
    fn note(&self, id: SessionId, stage: Stage) {
        let mut waiting = self.lock();
        let latest = waiting.entry(id).or_insert(stage);
        *latest = stage.max(*latest);
        drop(waiting);
        self.notify.notify_one();
    }

    /// Waits until there are some, and takes as many as are written together.
    async fn take(&self) -> BTreeMap<SessionId, Stage> {
        loop {
            let taken = self.take_now();
            if !taken.is_empty() {
                return taken;
            }
            self.notify.notified().await;
        }
    }

    fn take_now(&self) -> BTreeMap<SessionId, Stage> {
        let mut waiting = self.lock();
        let left = match waiting.keys().nth(TOGETHER).copied() {
            Some(first) => waiting.split_off(&first),
            None => BTreeMap::new(),
        };
        std::mem::replace(&mut *waiting, left)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Stage>> {
        // Whole after every step: a panic elsewhere does not spoil it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Notes how far a launch is, to be written soon.
    pub(super) fn set_stage(&self, id: SessionId, stage: Stage) {
        self.stages.note(id, stage);
    }

    /// Writes the stages and tells whoever watches, for as long as it is polled. A stage that is not written is only
    /// not seen.
    pub(super) async fn write_stages(&self) {
        loop {
            let stages = self.stages.take().await;
            let written = match self.led() {
                Ok(rows) => rows
                    .set_stages(&stages, self.clock.now())
                    .await
                    .map_err(ServiceError::from),
                Err(error) => Err(error),
            };
            match written {
                Ok(changed) => {
                    for id in changed {
                        self.tell(id).await;
                    }
                }
                Err(error) => tracing::warn!(%error, sessions = stages.len(), "stages could not be noted"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_latest_stage_of_each_is_taken_so_many_at_a_time() {
        let stages = Stages::default();
        let ids: Vec<SessionId> = (0..=TOGETHER).map(|_| SessionId::new()).collect();
        for id in &ids {
            stages.note(*id, Stage::Starting);
            stages.note(*id, Stage::Scheduled);
        }
        let mut all = BTreeMap::new();
        for wanted in [TOGETHER, 1] {
            let taken = stages.take().now_or_never().unwrap();
            assert_eq!(taken.len(), wanted);
            all.extend(taken);
        }
        assert!(stages.take().now_or_never().is_none());
        assert_eq!(all, ids.into_iter().map(|id| (id, Stage::Starting)).collect());
    }
}
