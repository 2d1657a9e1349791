//! What the cluster has of this instance, in memory.
//!
//! Fed by the watch, by lists and by the answer of every call about a pod, in whatever order they come: the newer
//! version wins. So a pod is known as soon as it was made, and a watch that says nothing is noticed by the next list.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use launchpad_domain::{RuntimeEvent, SessionId};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout};

use super::state::{Hint, Seen};

/// News that a slow watcher may fall behind before it is told that it missed some.
const NEWS: usize = 8_192;
/// How long a watch that has just begun is waited for: its first list is as good as another.
const BEGINNING: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Fleet {
    known: Mutex<HashMap<SessionId, watch::Sender<Seen>>>,
    news: broadcast::Sender<RuntimeEvent>,
    watched: watch::Sender<Watched>,
}

/// Whether what is here is how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    /// Nobody watches, or the watch is broken.
    Not,
    /// A watch lists what there is.
    Begins,
    /// A watch is in order; there was a whole list then.
    Since(Instant),
}

/// What the fleet had when a list was asked for.
#[derive(Debug, Default)]
pub(super) struct Before(HashMap<SessionId, u64>);

impl Fleet {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::default(),
            news: broadcast::channel(NEWS).0,
            watched: watch::Sender::new(Watched::Not),
        }
    }

    /// Every change from now on.
    pub(super) fn news(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.news.subscribe()
    }

    /// Whether the watch is in order, so that what is here is how it is.
    pub(super) fn is_live(&self) -> bool {
        matches!(*self.watched.borrow(), Watched::Since(_))
    }

    /// Notes how the watch is, unless it has been ended.
    pub(super) fn set_watched(&self, watched: Watched, ended: &AtomicBool) {
        // Whoever ends it sets this first and comes here after: whatever its task still says, this is the last word.
        self.watched.send_if_modified(|now| {
            let changes = *now != watched && (watched == Watched::Not || !ended.load(Ordering::Acquire));
            if changes {
                *now = watched;
            }
            changes
        });
    }

    /// Everything, if the watch is in order and there was a whole list within this time.
    pub(super) async fn all(&self, within: Duration) -> Option<Vec<Seen>> {
        let mut watched = self.watched.subscribe();
        let begun = watched.wait_for(|watched| *watched != Watched::Begins);
        let begun = timeout(BEGINNING, begun).await.ok()?.ok().map(|watched| *watched);
        match begun {
            Some(Watched::Since(listed)) if listed.elapsed() < within => {
                Some(self.lock().values().map(|known| known.borrow().clone()).collect())
            }
            _ => None,
        }
    }

    /// Notes what is known before a list is asked for.
    pub(super) fn before(&self) -> Before {
        let known = self.lock();
        let versions = known
            .iter()
            .map(|(session, known)| (*session, known.borrow().version));
        Before(versions.collect())
    }

    /// What is known of a session's pod.
    pub(super) fn get(&self, session: SessionId) -> Option<Seen> {
        self.lock().get(&session).map(|known| known.borrow().clone())
    }

    /// Tells of the session's pod whenever it changes; ends when it is gone.
    pub(super) fn follow(&self, session: SessionId) -> Option<watch::Receiver<Seen>> {
        self.lock().get(&session).map(watch::Sender::subscribe)
    }

    /// Takes in what the API server said of a pod.
    pub(super) fn learn(&self, mut seen: Seen) {
        let session = seen.session;
        let mut known = self.lock();
        let changed = match known.get(&session) {
            None => {
                known.insert(session, watch::Sender::new(seen));
                true
            }
            Some(sender) => sender.send_if_modified(|old| {
                if old.version >= seen.version {
                    return false;
                }
                if old.uid == seen.uid {
                    seen.hint = std::mem::take(&mut old.hint);
                }
                let changed = *old
                    != Seen {
                        version: old.version,
                        ..seen.clone()
                    };
                *old = seen;
                changed
            }),
        };
        drop(known);
        if changed {
            self.tell(session);
        }
    }

    /// Forgets a pod that the watch or a look says is gone.
    pub(super) fn forget(&self, session: SessionId) {
        if self.lock().remove(&session).is_some() {
            self.tell(session);
        }
    }

    /// The same, of this very pod.
    pub(super) fn forget_this(&self, gone: &Seen) {
        if self.get(gone.session).is_some_and(|seen| seen.uid == gone.uid) {
            self.forget(gone.session);
        }
    }

    /// Takes in who is in a whole list: what was known before it, is not in it and has not changed since, is gone.
    pub(super) fn keep(&self, listed: &HashSet<SessionId>, before: &Before) {
        let unchanged = |session: &SessionId, version: u64| before.0.get(session) == Some(&version);
        let gone: Vec<SessionId> = self
            .lock()
            .iter()
            .filter(|(session, known)| {
                !listed.contains(session) && unchanged(session, known.borrow().version)
            })
            .map(|(session, _)| *session)
            .collect();
        for session in gone {
            self.forget(session);
        }
        // A watch that is in order is as good as new; another is not by this.
        self.watched.send_if_modified(|watched| {
            let live = matches!(watched, Watched::Since(_));
            if live {
                *watched = Watched::Since(Instant::now());
            }
            live
        });
    }

    /// Takes in what an event tells of the pod with this id.
    pub(super) fn hint(&self, session: SessionId, uid: &str, change: impl FnOnce(&mut Hint)) {
        let known = self.lock();
        let Some(sender) = known.get(&session) else { return };
        let changed = sender.send_if_modified(|seen| {
            let mut hint = seen.hint.clone();
            if seen.uid == uid {
                change(&mut hint);
            }
            let changed = hint != seen.hint;
            seen.hint = hint;
            changed
        });
        drop(known);
        if changed {
            self.tell(session);
        }
    }

    /// The pods that mount this claim.
    pub(super) fn mounting(&self, claim: &str) -> Vec<(SessionId, String)> {
        let known = self.lock();
        let all = known.values().map(|known| known.borrow());
        all.filter(|seen| seen.claims.iter().any(|name| name == claim))
            .map(|seen| (seen.session, seen.uid.clone()))
            .collect()
    }

    fn tell(&self, session: SessionId) {
        // Without a watcher there is nobody to tell.
        let _ = self.news.send(RuntimeEvent::Changed(session));
    }

    /// Tells that only a list knows the truth now.
    pub(super) fn tell_missed(&self) {
        let _ = self.news.send(RuntimeEvent::Missed);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, watch::Sender<Seen>>> {
        // The map is whole after every step: a panic elsewhere does not spoil it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::PodView;
    use super::*;
    use launchpad_domain::InstanceId;
    use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL, WorkloadState};
    use serde_json::json;

    fn pod(session: SessionId, uid: &str, version: u64, phase: &str) -> Seen {
        let instance = InstanceId::new();
        let pod: PodView = serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": uid, "resourceVersion": version.to_string(),
                "labels": {INSTANCE_LABEL: instance.to_string(), SESSION_LABEL: session.to_string()}},
            "spec": {"containers": []},
            "status": {"phase": phase},
        }))
        .unwrap();
        super::super::state::seen(&pod, instance).unwrap()
    }

    #[test]
    fn the_newer_version_wins_in_whatever_order_they_come() {
        let fleet = Fleet::new();
        let session = SessionId::new();
        fleet.learn(pod(session, "u", 5, "Failed"));
        fleet.learn(pod(session, "u", 4, "Pending"));
        assert!(matches!(
            fleet.get(session).unwrap().state,
            WorkloadState::Failed(_)
        ));
    }

    #[test]
    fn a_list_knows_what_is_gone_and_not_what_is_newer() {
        let fleet = Fleet::new();
        let [gone, stays, changed, new] = [(); 4].map(|()| SessionId::new());
        for session in [gone, stays, changed] {
            fleet.learn(pod(session, "a", 5, "Pending"));
        }
        let before = fleet.before();
        fleet.learn(pod(changed, "b", 9, "Pending"));
        fleet.learn(pod(new, "c", 6, "Pending"));
        fleet.keep(&[stays].into(), &before);
        let there = [gone, stays, changed, new].map(|session| fleet.get(session).is_some());
        assert_eq!(there, [false, true, true, true]);
    }

    #[tokio::test]
    async fn memory_answers_while_the_watch_is_in_order_and_the_list_is_young() {
        let minute = Duration::from_mins(1);
        let fleet = Fleet::new();
        let ended = AtomicBool::new(false);
        fleet.learn(pod(SessionId::new(), "a", 5, "Pending"));
        assert!(fleet.all(minute).await.is_none());
        fleet.set_watched(Watched::Begins, &ended);
        let complete = async { fleet.set_watched(Watched::Since(Instant::now()), &ended) };
        let (all, ()) = tokio::join!(fleet.all(minute), complete);
        assert_eq!(all.unwrap().len(), 1);
        assert!(fleet.all(Duration::ZERO).await.is_none());

        let old = Instant::now().checked_sub(minute).unwrap();
        fleet.set_watched(Watched::Since(old), &ended);
        assert!(fleet.all(minute).await.is_none());
        fleet.keep(&HashSet::new(), &Before::default());
        assert_eq!(fleet.all(minute).await.unwrap().len(), 1);

        ended.store(true, Ordering::Release);
        fleet.set_watched(Watched::Not, &ended);
        fleet.set_watched(Watched::Since(Instant::now()), &ended);
        assert!(fleet.all(minute).await.is_none(), "nobody watches");
    }

    #[test]
    fn what_is_no_news_is_not_told() {
        let fleet = Fleet::new();
        let session = SessionId::new();
        fleet.learn(pod(session, "u", 1, "Pending"));
        let mut news = fleet.news();
        fleet.learn(pod(session, "u", 2, "Pending"));
        assert!(news.try_recv().is_err());
        fleet.hint(session, "another", |hint| hint.pulling = true);
        assert!(news.try_recv().is_err());
        fleet.hint(session, "u", |hint| hint.pulling = true);
        assert_eq!(news.try_recv().unwrap(), RuntimeEvent::Changed(session));
    }
}
