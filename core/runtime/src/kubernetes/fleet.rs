//! What the cluster has of this instance, in memory.
//!
//! Fed by the watch, by lists and by the answer of every call about a pod, in whatever order they come: the newer
//! version wins. So a pod is known as soon as it was made, and a watch that says nothing is noticed by the next list.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use launchpad_domain::{RuntimeEvent, SessionId};
use tokio::sync::{broadcast, watch};

use super::state::{Hint, Seen};

/// News that a slow watcher may fall behind before it is told that it missed some.
const NEWS: usize = 8_192;

#[derive(Debug)]
pub(super) struct Fleet {
    known: Mutex<HashMap<SessionId, watch::Sender<Seen>>>,
    news: broadcast::Sender<RuntimeEvent>,
    live: AtomicBool,
}

impl Fleet {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::default(),
            news: broadcast::channel(NEWS).0,
            live: AtomicBool::new(false),
        }
    }

    /// Every change from now on.
    pub(super) fn news(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.news.subscribe()
    }

    /// Whether the watch is in order, so that what is here is how it is.
    pub(super) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    pub(super) fn set_live(&self, live: bool) {
        self.live.store(live, Ordering::Release);
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

    /// Takes in a whole list, of this version: what is not in it, and is not newer, is gone.
    pub(super) fn replace(&self, all: &[Seen], as_of: u64) {
        for seen in all {
            self.learn(seen.clone());
        }
        let listed: HashSet<SessionId> = all.iter().map(|seen| seen.session).collect();
        let gone: Vec<SessionId> = self
            .lock()
            .iter()
            .filter(|(session, known)| !listed.contains(session) && known.borrow().version <= as_of)
            .map(|(session, _)| *session)
            .collect();
        for session in gone {
            self.forget(session);
        }
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
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use launchpad_domain::InstanceId;
    use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL, WorkloadState};
    use serde_json::json;

    fn pod(session: SessionId, uid: &str, version: u64, phase: &str) -> Seen {
        let instance = InstanceId::new();
        let pod: Pod = serde_json::from_value(json!({
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
        let (old, new) = (SessionId::new(), SessionId::new());
        fleet.learn(pod(old, "a", 5, "Pending"));
        fleet.learn(pod(new, "b", 9, "Pending"));
        fleet.replace(&[], 7);
        assert!(fleet.get(old).is_none() && fleet.get(new).is_some());
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
