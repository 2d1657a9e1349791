//! The watch over this instance's pods, and the events of the namespace that tell why one does not come up.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::runtime::watcher::{self, watcher};
use launchpad_domain::{Failure, InstanceId, Reason, RuntimeEvent, SessionId};
use tokio::time::sleep;
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::task::AbortOnDropHandle;

use super::access::Access;
use super::fleet::Fleet;
use super::state::Hint;
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
    let pods = tokio::spawn(follow_pods(Arc::clone(&access), Arc::clone(&fleet), instance));
    let events = tokio::spawn(follow_events(access, fleet));
    let tasks = [AbortOnDropHandle::new(pods), AbortOnDropHandle::new(events)];
    let news = BroadcastStream::new(news).map(move |event| {
        // They end with the stream.
        let _ = &tasks;
        event.unwrap_or(RuntimeEvent::Missed)
    });
    stream::iter([RuntimeEvent::Missed]).chain(news).boxed()
}

async fn follow_pods(access: Arc<Access>, fleet: Arc<Fleet>, instance: InstanceId) {
    let mut pause = FIRST_PAUSE;
    let pods = loop {
        match access.watched::<Pod>().await {
            Ok(pods) => break pods,
            Err(error) => tracing::warn!(%error, "the cluster is not known yet"),
        }
        rest(&mut pause).await;
    };
    let config = watcher::Config::default()
        .labels(&of_instance(instance))
        .timeout(WATCH_SECONDS);
    let mut events = Box::pin(watcher(pods, config));
    let mut complete = false;
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                // It goes on where it was, or lists anew where that is too long ago.
                fleet.set_live(false);
                tracing::warn!(
                    error = super::faults::with_causes(&error),
                    "the watch over pods broke"
                );
                rest(&mut pause).await;
                continue;
            }
        };
        pause = FIRST_PAUSE;
        match event {
            watcher::Event::Init => complete = false,
            watcher::Event::InitApply(pod) | watcher::Event::Apply(pod) => learn(&fleet, &pod, instance),
            watcher::Event::InitDone => {
                complete = true;
                fleet.tell_missed();
            }
            watcher::Event::Delete(pod) => {
                if let Some(seen) = state::seen(&pod, instance) {
                    fleet.forget_this(&seen);
                }
            }
        }
        fleet.set_live(complete);
    }
}

fn learn(fleet: &Fleet, pod: &Pod, instance: InstanceId) {
    if let Some(seen) = state::seen(pod, instance) {
        fleet.learn(seen);
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
            let session = name
                .strip_prefix("session-")
                .and_then(|id| id.parse::<SessionId>().ok());
            if let (Some(session), Some(uid)) = (session, about.uid.as_deref()) {
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
