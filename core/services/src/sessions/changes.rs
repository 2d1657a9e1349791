//! Who follows which session. Each is told of its own session alone, so that a change costs as much as it has followers,
//! however many sessions and streams there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use launchpad_domain::SessionId;
use tokio::sync::watch;

/// The sessions that somebody follows. Bounded by the number of followers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes(Arc<Mutex<HashMap<SessionId, Followed>>>);

#[derive(Debug, Default)]
struct Followed {
    followers: usize,
    news: watch::Sender<()>,
}

impl Changes {
    /// Every change of the session from now on.
    pub(crate) fn follow(&self, id: SessionId) -> Follower {
        let mut all = self.lock();
        let followed = all.entry(id).or_default();
        followed.followers += 1;
        Follower {
            changes: self.clone(),
            id,
            news: followed.news.subscribe(),
        }
    }

    /// The session may look different now.
    pub(crate) fn tell(&self, id: SessionId) {
        if let Some(followed) = self.lock().get(&id) {
            followed.news.send_replace(());
        }
    }

    /// Any session may: what others changed may have been missed.
    pub(crate) fn tell_all(&self) {
        for followed in self.lock().values() {
            followed.news.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Followed>> {
        // Whole after every step: a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who follows a session, for as long as this is there.
#[derive(Debug)]
pub struct Follower {
    changes: Changes,
    id: SessionId,
    news: watch::Receiver<()>,
}

impl Follower {
    /// Waits until the session may look different from when this was asked last, or from when it was first followed.
    pub async fn changed(&mut self) {
        // The sender is kept for as long as there are followers.
        let _ = self.news.changed().await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut all = self.changes.lock();
        if let Some(followed) = all.get_mut(&self.id) {
            followed.followers -= 1;
            if followed.followers == 0 {
                all.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_follower_is_told_of_its_own_session() {
        let changes = Changes::default();
        let (one, other) = (SessionId::new(), SessionId::new());
        let mut follower = changes.follow(one);
        changes.tell(other);
        assert_eq!(follower.changed().now_or_never(), None);
        changes.tell(one);
        changes.tell(one);
        assert_eq!(follower.changed().now_or_never(), Some(()));
        assert_eq!(follower.changed().now_or_never(), None);
        changes.tell_all();
        assert_eq!(follower.changed().now_or_never(), Some(()));
    }

    #[test]
    fn nothing_is_kept_of_sessions_that_nobody_follows() {
        let changes = Changes::default();
        let id = SessionId::new();
        let followers = [changes.follow(id), changes.follow(id)];
        let [first, second] = followers;
        drop(first);
        assert_eq!(changes.lock().len(), 1);
        drop(second);
        assert!(changes.lock().is_empty());
    }
}
