//! Who looks at sessions: how many screens of each are open, and since when nobody looks. In memory: with a new start of
//! the portal the time begins anew.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use launchpad_domain::SessionId;

use super::Sessions;

/// The sessions that run, each with its viewers. Bounded by the number of those sessions.
#[derive(Debug, Default)]
pub(super) struct Viewers(Mutex<HashMap<SessionId, Watched>>);

#[derive(Debug)]
struct Watched {
    open: usize,
    /// Since when nobody looks, where nobody does.
    since: DateTime<Utc>,
    /// The plugin knows that nobody looks.
    told: bool,
}

impl Watched {
    fn unseen(now: DateTime<Utc>) -> Self {
        Self {
            open: 0,
            since: now,
            told: false,
        }
    }
}

impl Viewers {
    fn come(&self, id: SessionId, now: DateTime<Utc>) {
        let mut watched = self.lock();
        let session = watched.entry(id).or_insert_with(|| Watched::unseen(now));
        session.open += 1;
        session.told = false;
    }

    fn go(&self, id: SessionId, now: DateTime<Utc>) {
        if let Some(session) = self.lock().get_mut(&id) {
            session.open = session.open.saturating_sub(1);
            session.since = now;
        }
    }

    /// Since when nobody looks at a session that runs; nothing while somebody does, and once the plugin knows.
    pub(super) fn untold(&self, id: SessionId, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut watched = self.lock();
        let session = watched.entry(id).or_insert_with(|| Watched::unseen(now));
        (session.open == 0 && !session.told).then_some(session.since)
    }

    /// Notes that the plugin knows, until somebody looks again.
    pub(super) fn set_told(&self, id: SessionId) {
        if let Some(session) = self.lock().get_mut(&id) {
            session.told = true;
        }
    }

    /// The session is over.
    pub(super) fn forget(&self, id: SessionId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Watched>> {
        // Whole after every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who looks at a session, for as long as this is there.
#[derive(Debug)]
pub struct Watching {
    sessions: Sessions,
    id: SessionId,
}

impl Watching {
    pub(super) fn new(sessions: Sessions, id: SessionId) -> Self {
        sessions.0.viewers.come(id, sessions.0.clock.now());
        metrics::gauge!("launchpad_streams").increment(1);
        Self { sessions, id }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let shared = &self.sessions.0;
        metrics::gauge!("launchpad_streams").decrement(1);
        shared.viewers.go(self.id, shared.clock.now());
        // Whoever watches over the session waits for another moment now.
        shared.wakes.wake(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_looks_from_the_moment_the_last_one_goes_and_it_is_told_once() {
        let viewers = Viewers::default();
        let id = SessionId::new();
        let at = |minute: i64| DateTime::UNIX_EPOCH + chrono::Duration::minutes(minute);
        assert_eq!(viewers.untold(id, at(1)), Some(at(1)));
        assert_eq!(viewers.untold(id, at(2)), Some(at(1)));
        viewers.come(id, at(3));
        viewers.come(id, at(4));
        viewers.go(id, at(5));
        assert_eq!(viewers.untold(id, at(6)), None);
        viewers.go(id, at(7));
        assert_eq!(viewers.untold(id, at(8)), Some(at(7)));
        viewers.set_told(id);
        assert_eq!(viewers.untold(id, at(9)), None);
        viewers.come(id, at(10));
        viewers.go(id, at(11));
        assert_eq!(viewers.untold(id, at(12)), Some(at(11)));
        viewers.forget(id);
        viewers.go(id, at(13));
        assert_eq!(viewers.untold(id, at(14)), Some(at(14)));
    }
}
