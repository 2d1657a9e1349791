//! The watch over this instance's pods, and the events of the namespace that tell why one does not come up.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Event;
use kube::runtime::watcher::{self, watcher};
use launchpad_domain::runtime::session_of_workload;
use launchpad_domain::{Failure, InstanceId, Reason, RuntimeEvent};
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::task::AbortOnDropHandle;

use super::access::Access;
use super::fleet::{Before, Fleet, Watched};
use super::state::Hint;
use super::view::PodView;
use super::{of_instance, state};

/// Seconds after which the API server ends a watch and the next one goes on: a watch that died without a word is
/// noticed this much later.
const WATCH_SECONDS: u32 = 25;
/// Between two tries while the API server does not answer.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Every change of the fleet, and the tasks that feed it, which end with the stream.
pub(super) fn watch(
    access: Arc<Access>,
    fleet: Arc<Fleet>,
    instance: InstanceId,
) -> BoxStream<'static, RuntimeEvent> {
    let news = fleet.news();
    let ended = Arc::new(AtomicBool::new(false));
    fleet.set_watched(Watched::Begins, &ended);
    let pods = follow_pods(
        Arc::clone(&access),
        Arc::clone(&fleet),
        instance,
        Arc::clone(&ended),
    );
    let events = follow_events(access, Arc::clone(&fleet));
    let watching = Watching {
        _tasks: [
            AbortOnDropHandle::new(tokio::spawn(pods)),
            AbortOnDropHandle::new(tokio::spawn(events)),
        ],
        fleet,
        ended,
    };
    let news = BroadcastStream::new(news).map(move |event| {
        // It ends with the stream.
        let _ = &watching;
        event.unwrap_or(RuntimeEvent::Missed)
    });
    stream::iter([RuntimeEvent::Missed]).chain(news).boxed()
}

/// The tasks of a watch; without them nobody knows how long it is true what the fleet has.
struct Watching {
    _tasks: [AbortOnDropHandle<()>; 2],
    fleet: Arc<Fleet>,
    ended: Arc<AtomicBool>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.fleet.set_watched(Watched::Not, &self.ended);
    }
}

async fn follow_pods(access: Arc<Access>, fleet: Arc<Fleet>, instance: InstanceId, ended: Arc<AtomicBool>) {
    let mut pause = FIRST_PAUSE;
    let pods = loop {
        match access.watched::<PodView>().await {
            Ok(pods) => break pods,
            Err(error) => {
                fleet.set_watched(Watched::Not, &ended);
                tracing::warn!(%error, "the cluster is not known yet");
            }
        }
        rest(&mut pause).await;
    };
    let mut config = watcher::Config::default()
        .labels(&of_instance(instance))
        .timeout(WATCH_SECONDS);
    // One answer, which API servers from 1.31 on give from memory; pages they read from etcd, one after the other.
    config.page_size = None;
    let mut events = Box::pin(watcher(pods, config));
    let mut listed = None;
    let (mut before, mut found) = (Before::default(), HashSet::new());
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                // It goes on where it was, or lists anew where that is too long ago.
                fleet.set_watched(Watched::Not, &ended);
                tracing::warn!(
                    error = super::faults::with_causes(&error),
                    "the watch over pods broke"
                );
                rest(&mut pause).await;
                continue;
            }
        };
        pause = FIRST_PAUSE;
        let about = match &event {
            watcher::Event::InitApply(pod) | watcher::Event::Apply(pod) | watcher::Event::Delete(pod) => {
                state::seen(pod, instance)
            }
            watcher::Event::Init | watcher::Event::InitDone => None,
        };
        match (event, about) {
            (watcher::Event::Init, _) => {
                (listed, before, found) = (None, fleet.before(), HashSet::new());
                fleet.set_watched(Watched::Begins, &ended);
            }
            (watcher::Event::InitApply(_), Some(seen)) => {
                found.insert(seen.session);
                fleet.learn(seen);
            }
            (watcher::Event::InitDone, _) => {
                fleet.keep(&found, &before);
                listed = Some(Instant::now());
                fleet.set_watched(Watched::Since(Instant::now()), &ended);
                fleet.tell_missed();
            }
            (watcher::Event::Apply(_), Some(seen)) => fleet.learn(seen),
            (watcher::Event::Delete(_), Some(seen)) => fleet.forget_this(&seen),
            (_, None) => {}
        }
        // After a break it goes on where it was.
        if let Some(listed) = listed
            && !fleet.is_live()
        {
            fleet.set_watched(Watched::Since(listed), &ended);
        }
    }
}

/// Events are comments: what is missed of them is missed.
async fn follow_events(access: Arc<Access>, fleet: Arc<Fleet>) {
    let mut pause = FIRST_PAUSE;
    let events = loop {
        match access.watched::<Event>().await {
            Ok(events) => break events,
            Err(_) => rest(&mut pause).await,
        }
    };
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    let mut events = Box::pin(watcher(events, config));
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(event) | watcher::Event::InitApply(event)) => take_in(&fleet, &event),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(
                    error = super::faults::with_causes(&error),
                    "the watch over events broke"
                );
                rest(&mut pause).await;
                continue;
            }
        }
        pause = FIRST_PAUSE;
    }
}

async fn rest(pause: &mut Duration) {
    sleep(*pause).await;
    *pause = (*pause * 2).min(LONGEST_PAUSE);
}

fn take_in(fleet: &Fleet, event: &Event) {
    let about = &event.involved_object;
    let name = about.name.as_deref().unwrap_or_default();
    match about.kind.as_deref() {
        Some("Pod") => {
            if let (Some(session), Some(uid)) = (session_of_workload(name), about.uid.as_deref()) {
                fleet.hint(session, uid, |hint| note(hint, event));
            }
        }
        Some("PersistentVolumeClaim") => {
            for (session, uid) in fleet.mounting(name) {
                fleet.hint(session, &uid, |hint| note(hint, event));
            }
        }
        _ => {}
    }
}

/// What an event means for whoever waits for the pod.
fn note(hint: &mut Hint, event: &Event) {
    let word = event.reason.as_deref().unwrap_or_default();
    let kind = match word {
        "Pulling" => {
            hint.pulling = true;
            return;
        }
        "Pulled" | "Created" | "Started" | "BackOff" => {
            hint.pulling = false;
            return;
        }
        "FailedMount" | "FailedAttachVolume" | "ProvisioningFailed" | "FailedBinding" => {
            Reason::VolumePending
        }
        "FailedCreatePodSandBox" | "NetworkNotReady" => Reason::EngineRefused,
        "NodeNotReady" => Reason::NodeLost,
        _ => return,
    };
    let message = event.message.as_deref().unwrap_or_default();
    hint.warning = Some(Failure::new(kind, format!("{word}: {message}")));
}
