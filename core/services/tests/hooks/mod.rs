#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
//! The hooks after the plan: readiness, events, cleanup; and secrets that stand in plans by name.

use std::sync::Arc;

use launchpad_domain::launch_types::{CleanupWish, EventAction, Readiness};
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{HookError, SessionEvent, SessionId, Status};

use crate::support::{PATIENCE, Portal, ScriptedEngine, ScriptedLaunchTypes, Timeouts};

struct Told {
    portal: Portal,
    types: Arc<ScriptedLaunchTypes>,
    folder: tempfile::TempDir,
}

impl Told {
    async fn start(types: ScriptedLaunchTypes) -> Self {
        Self::start_within(types, Timeouts::default()).await
    }

    async fn start_within(types: ScriptedLaunchTypes, timeouts: Timeouts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let types = Arc::new(types);
        let portal =
            Portal::start_with(folder.path(), ScriptedEngine::new(), timeouts, Arc::clone(&types)).await;
        portal.add_app("desk", "telling").await;
        Self {
            portal,
            types,
            folder,
        }
    }

    async fn running(&self) -> SessionId {
        let session = self.portal.launch("desk").await;
        self.portal.until_workloads(&[session.id]).await;
        self.portal.engine.put(session.id, WorkloadState::Running);
        self.portal.engine.answer();
        self.portal.until_status(session.id, Status::Running).await;
        session.id
    }

    fn events(&self) -> Vec<SessionEvent> {
        let mut told = self.types.told.borrow().clone();
        told.dedup();
        told
    }

    /// Waits until the plugin was told of an event.
    async fn until_told(&self, event: SessionEvent) {
        let mut told = self.types.told.subscribe();
        let heard = told.wait_for(|told| told.contains(&event));
        tokio::time::timeout(PATIENCE, heard).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_plugin_is_told_of_everything_in_order() {
    let told = Told::start(ScriptedLaunchTypes::default()).await;
    let id = told.running().await;
    told.until_told(SessionEvent::Ready).await;
    told.portal.end(id).await;
    assert_eq!(
        told.events(),
        [
            SessionEvent::Scheduled,
            SessionEvent::Started,
            SessionEvent::Ready,
            SessionEvent::Stopping,
            SessionEvent::Stopped
        ]
    );
    told.portal.stop().await;
}

#[tokio::test]
async fn a_plugin_may_end_a_session_that_nobody_has_looked_at_for_a_while() {
    let types = ScriptedLaunchTypes::default();
    types
        .actions
        .lock()
        .unwrap()
        .insert(SessionEvent::Idle, Ok(EventAction::Stop));
    let soon = Timeouts {
        idle: chrono::Duration::seconds(2),
        ..Timeouts::default()
    };
    let told = Told::start_within(types, soon).await;
    let id = told.running().await;
    let watching = told.portal.services.sessions.viewed(id);
    told.until_told(SessionEvent::Ready).await;
    assert!(!told.events().contains(&SessionEvent::Idle));
    drop(watching);
    told.portal.until_status(id, Status::Stopped).await;
    assert!(told.events().contains(&SessionEvent::Idle));
    told.portal.stop().await;
}

#[tokio::test]
async fn what_a_plugin_was_not_told_of_before_a_crash_it_is_told_of_after_it() {
    let types = ScriptedLaunchTypes::default();
    let failing = Err(HookError::Denied("not now".into()));
    types
        .actions
        .lock()
        .unwrap()
        .insert(SessionEvent::Started, failing);
    let told = Told::start(types).await;
    let id = told.running().await;
    // The first life ends before the event of running was told.
    let Told {
        portal,
        types,
        folder,
    } = told;
    portal.stop().await;
    types.told.send_modify(Vec::clear);
    types.actions.lock().unwrap().clear();
    let engine = ScriptedEngine::new();
    engine.put(id, WorkloadState::Running);
    let portal = Portal::start_with(folder.path(), engine, Timeouts::default(), Arc::clone(&types)).await;
    let told = Told {
        portal,
        types,
        folder,
    };
    told.until_told(SessionEvent::Ready).await;
    told.portal.stop().await;
}

#[tokio::test]
async fn a_plugin_may_stop_and_annotate_its_session_and_failing_it_stops_nothing() {
    let types = ScriptedLaunchTypes::default();
    {
        let mut actions = types.actions.lock().unwrap();
        let message = "three seats are left".to_owned();
        actions.insert(SessionEvent::Scheduled, Ok(EventAction::Annotate { message }));
        actions.insert(SessionEvent::Started, Err(HookError::Denied("broken".into())));
        actions.insert(SessionEvent::Ready, Ok(EventAction::Stop));
    }
    let told = Told::start(types).await;
    let session = told.portal.launch("desk").await;
    told.portal.until_workloads(&[session.id]).await;
    told.portal.engine.put(session.id, WorkloadState::Running);
    told.portal.engine.answer();
    let stopped = told.portal.until_status(session.id, Status::Stopped).await;
    assert_eq!(stopped.note.as_deref(), Some("three seats are left"));
    told.portal.until_cleaned(session.id).await;
    let tries = told.types.told.borrow().clone();
    let started = tries.iter().filter(|event| **event == SessionEvent::Started);
    assert!(started.count() >= 3, "{tries:?}");
    told.portal.stop().await;
}

#[tokio::test]
async fn a_session_runs_when_its_plugin_says_so_and_fails_when_it_says_never() {
    let types = ScriptedLaunchTypes::default();
    let wait = Readiness::Wait {
        message: "warming up".into(),
        retry_ms: 100,
    };
    *types.waits.lock().unwrap() = vec![Ok(wait)];
    let told = Told::start(types).await;
    let id = told.running().await;
    assert_eq!(
        told.portal.services.sessions.progress(id).await.unwrap().message,
        "warming up"
    );
    told.portal.end(id).await;
    let never = Readiness::Fail {
        message: "the licence is used up".into(),
    };
    *told.types.waits.lock().unwrap() = vec![Ok(never)];
    let session = told.portal.launch("desk").await;
    told.portal.until_workloads(&[session.id]).await;
    told.portal.engine.put(session.id, WorkloadState::Running);
    let failed = told.portal.until_status(session.id, Status::Failed).await;
    assert_eq!(failed.failure.unwrap().detail, "the licence is used up");
    told.portal.stop().await;
}

#[tokio::test]
async fn a_sessions_own_workspace_goes_with_it_unless_its_plugin_keeps_it() {
    let told = Told::start(ScriptedLaunchTypes::default()).await;
    let id = told.running().await;
    told.portal.end(id).await;
    assert_eq!(
        *told.portal.engine.deleted_workspaces.lock().unwrap(),
        [format!("session-{id}")]
    );
    let id = told.running().await;
    *told.types.wish.lock().unwrap() = CleanupWish {
        keep: vec![format!("session-{id}")],
        delete: vec![format!("session-{id}"), "workspace-of-somebody-else".to_owned()],
    };
    told.portal.end(id).await;
    assert_eq!(told.portal.engine.deleted_workspaces.lock().unwrap().len(), 1);
    told.portal.stop().await;
}

#[tokio::test]
async fn a_secret_reaches_the_engine_and_nothing_else() {
    let told = Told::start(ScriptedLaunchTypes::default()).await;
    let id = told.running().await;
    let value = |plan: &launchpad_domain::PodPlan| {
        plan.pod.containers[0].env.as_ref().unwrap()[0]
            .value
            .clone()
            .unwrap()
    };
    let applied = told.portal.engine.applied.lock().unwrap()[0].plan.clone();
    assert_eq!(value(&applied), "hush");
    let stored = told.portal.services.sessions.get(id).await.unwrap().plan.unwrap();
    assert_eq!(value(&stored), "launchpad-secret:token");
    std::fs::remove_file(told.folder.path().join("secrets/token")).unwrap();
    let session = told.portal.launch("desk").await;
    let failed = told.portal.until_status(session.id, Status::Failed).await;
    assert!(failed.failure.unwrap().detail.contains("no secret `token`"));
    told.portal.stop().await;
}
