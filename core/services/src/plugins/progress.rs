//! How far launches are, as their plugins say. In memory, since it is worth nothing after the launch; and in the session's
//! row where other portals are asked for it too.

use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::SessionId;
use launchpad_domain::plugin_services::Progress;
use launchpad_store::Store;
use moka::sync::Cache;

use crate::sessions::Changes;

/// How long a line is shown that nothing follows.
const SHOWN: Duration = Duration::from_hours(1);

/// The last progress of each launch, and whom to tell of it.
#[derive(Debug, Clone)]
pub(crate) struct Progresses {
    store: Store,
    shown: Cache<SessionId, Arc<Progress>>,
    /// Who is to be told of sessions that look different now, for whatever reason.
    pub(crate) changes: Changes,
}

impl Progresses {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            shown: Cache::builder().max_capacity(20_000).time_to_live(SHOWN).build(),
            changes: Changes::default(),
        }
    }

    pub(crate) async fn show(&self, session: SessionId, progress: Progress) {
        let kept = self
            .store
            .tells_others()
            .then(|| serde_json::to_string(&progress));
        self.shown.insert(session, Arc::new(progress));
        self.changes.tell(session);
        if let Some(Ok(kept)) = kept
            && let Err(error) = self.store.sessions().set_progress(session, &kept).await
        {
            tracing::warn!(%error, %session, "other portals do not show how far a launch is");
        }
    }

    pub(crate) async fn of(&self, session: SessionId) -> Option<Arc<Progress>> {
        if let Some(shown) = self.shown.get(&session) {
            return Some(shown);
        }
        if !self.store.tells_others() {
            return None;
        }
        let kept = self.store.sessions().progress(session).await.ok().flatten()?;
        serde_json::from_str(&kept).ok().map(Arc::new)
    }

    pub(crate) fn forget(&self, session: SessionId) {
        self.shown.invalidate(&session);
    }

    /// Another portal shows from now on.
    pub(crate) fn forget_all(&self) {
        self.shown.invalidate_all();
    }
}
