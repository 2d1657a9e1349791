//! Which sessions somebody wants looked at. Bounded by the number of sessions: a session is in it once.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use launchpad_domain::SessionId;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Wakes {
    waiting: Mutex<BTreeSet<SessionId>>,
    notify: Notify,
}

impl Wakes {
    /// Asks for a look at the session; asking twice before the look is asking once.
    pub(super) fn wake(&self, id: SessionId) {
        self.lock().insert(id);
        self.notify.notify_one();
    }

    /// Waits until there is somebody to look at, and takes them all.
    pub(super) async fn take(&self) -> BTreeSet<SessionId> {
        loop {
            let waiting = std::mem::take(&mut *self.lock());
            if !waiting.is_empty() {
                return waiting;
            }
            self.notify.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<SessionId>> {
        // A set of ids is whole after every step: a panic elsewhere does not spoil it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
