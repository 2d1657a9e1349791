//! What plugins are told of their sessions: each event at least once, in order, and never so that anybody waits for it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use launchpad_domain::launch_types::{EventAction, HookEvent};
use launchpad_domain::{Actor, Session, SessionEvent, SessionId, SessionOutline, Stage, Status};

use super::Shared;
use crate::ServiceError;

/// How often a plugin is told of one event.
const TRIES: u32 = 3;
/// How long is waited before the second time; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(200);

/// What has happened to a session by what its row says. `removed`: its workload is gone.
fn happened(session: &SessionOutline, removed: bool) -> Vec<SessionEvent> {
    let mut events = Vec::new();
    let ran = matches!(
        session.status,
        Status::Running | Status::Stopped | Status::Expired
    );
    if ran || session.stage >= Stage::Scheduled {
        events.push(SessionEvent::Scheduled);
    }
    if ran || session.stage >= Stage::Checking {
        events.push(SessionEvent::Started);
    }
    if ran {
        events.push(SessionEvent::Ready);
    }
    if !session.status.is_live() {
        events.push(SessionEvent::Stopping);
    }
    if removed {
        match session.status {
            Status::Stopped => events.push(SessionEvent::Stopped),
            Status::Expired => events.push(SessionEvent::Expired),
            Status::Failed => events.push(SessionEvent::Failed),
            Status::Creating | Status::Running => {}
        }
    }
    events
}

impl Shared {
    /// The events that the session's plugin wants to be told of and was not yet.
    pub(super) fn untold(&self, session: &SessionOutline, removed: bool) -> Vec<SessionEvent> {
        let subscribed = self.launch_types.subscribed(&session.planned_by);
        if subscribed.is_empty() {
            return Vec::new();
        }
        let mut events = happened(session, removed);
        events.retain(|event| subscribed.contains(event) && !session.told_events.contains(event));
        events
    }

    /// Tells the plugin what it was not told yet. A plugin that fails three times has missed the event.
    pub(super) async fn tell_plugin(&self, session: &Session, removed: bool) -> Result<(), ServiceError> {
        let untold = self.untold(&session.outline(), removed);
        if untold.is_empty() {
            return Ok(());
        }
        let mut told = session.told_events.clone();
        for event in untold {
            for action in self.told(session, event).await? {
                self.act(session.id, action).await?;
            }
            told.insert(event);
            self.led()?.set_told(session.id, &told).await?;
        }
        Ok(())
    }

    /// Tells the plugin that nobody has looked at the session for long enough; once, until somebody looks again. Answers when
    /// that is to be asked next, where it wants to know.
    pub(super) async fn tell_idle(&self, session: &Session) -> Result<Option<DateTime<Utc>>, ServiceError> {
        let subscribed = self.launch_types.subscribed(&session.planned_by());
        if !subscribed.contains(&SessionEvent::Idle) {
            return Ok(None);
        }
        let now = self.clock.now();
        let Some(since) = self.viewers.untold(session.id, now) else {
            return Ok(None);
        };
        let idle = since + self.settings.idle_after;
        if now < idle {
            return Ok(Some(idle));
        }
        for action in self.told(session, SessionEvent::Idle).await? {
            self.act(session.id, action).await?;
        }
        self.viewers.set_told(session.id);
        Ok(None)
    }

    /// Tells the plugin of a launch's progress for as long as this is polled, if it wants to know any.
    pub(super) async fn keep_telling(&self, launch: &Session) -> Result<(), ServiceError> {
        if self.launch_types.subscribed(&launch.planned_by()).is_empty() {
            return std::future::pending().await;
        }
        let mut follower = self.progresses.changes.follow(launch.id);
        loop {
            follower.changed().await;
            if let Some(session) = self.store.sessions().get(launch.id).await? {
                self.tell_plugin(&session, false).await?;
            }
        }
    }

    async fn told(&self, session: &Session, event: SessionEvent) -> Result<Vec<EventAction>, ServiceError> {
        let planned_by = session.planned_by();
        let reason = session.failure.as_ref().map(|failure| failure.reason.to_string());
        for attempt in 1..=TRIES {
            let what = HookEvent {
                name: event,
                reason: reason.clone().filter(|_| event == SessionEvent::Failed),
            };
            let context = self.later_context(session, Some(what)).await?;
            match self.launch_types.on_event(&planned_by, context).await {
                Ok(actions) => return Ok(actions),
                Err(error) if attempt < TRIES => {
                    tracing::debug!(%error, session = %session.id, event = event.as_str(), "a plugin is told again");
                    tokio::time::sleep(PAUSE * attempt).await;
                }
                Err(error) => {
                    tracing::warn!(%error, session = %session.id, event = event.as_str(), "a plugin missed an event");
                }
            }
        }
        Ok(Vec::new())
    }

    async fn act(&self, id: SessionId, action: EventAction) -> Result<(), ServiceError> {
        match action {
            EventAction::Stop => self.end(&Actor::portal(), id).await,
            EventAction::Annotate { message } => {
                self.led()?.set_note(id, &message).await?;
                self.tell(id).await;
                Ok(())
            }
        }
    }
}
