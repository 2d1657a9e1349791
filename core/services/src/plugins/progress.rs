//! How far launches are, as their plugins say. In memory: it is worth nothing after the launch.

use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::SessionId;
use launchpad_domain::plugin_services::Progress;
use moka::sync::Cache;
use tokio::sync::broadcast;

/// How long a line is shown that nothing follows.
const SHOWN: Duration = Duration::from_hours(1);

/// The last progress of each launch, and whom to tell of it.
#[derive(Debug, Clone)]
pub(crate) struct Progresses {
    shown: Cache<SessionId, Arc<Progress>>,
    /// Tells of sessions that look different now, for whatever reason.
    pub(crate) changes: broadcast::Sender<SessionId>,
}

impl Progresses {
    pub(crate) fn new() -> Self {
        Self {
            shown: Cache::builder().max_capacity(20_000).time_to_live(SHOWN).build(),
            changes: broadcast::Sender::new(1_024),
        }
    }

    pub(crate) fn show(&self, session: SessionId, progress: Progress) {
        self.shown.insert(session, Arc::new(progress));
        // Nobody watching is fine.
        let _ = self.changes.send(session);
    }

    pub(crate) fn of(&self, session: SessionId) -> Option<Arc<Progress>> {
        self.shown.get(&session)
    }

    pub(crate) fn forget(&self, session: SessionId) {
        self.shown.invalidate(&session);
    }
}
