//! The session manager against rows, deadlines and an engine that misbehaves.

mod hooks;
mod support;
mod workspaces;

use chrono::Duration;
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{Failure, Reason, RuntimeError, SessionId, Status};
use launchpad_services::{LaunchRequest, ServiceError};
use serde_json::Map;
use support::{Portal, ScriptedEngine, Timeouts};

async fn portal(folder: &tempfile::TempDir) -> Portal {
    let portal = Portal::start(folder.path(), ScriptedEngine::new(), Timeouts::default()).await;
    portal.add_app("desk", "box").await;
    portal
}

#[tokio::test]
async fn a_launch_runs_once_its_endpoint_answers_and_ends_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    let session = portal.launch("desk").await;
    assert_eq!(session.status, Status::Creating);
    portal.until_workloads(&[session.id]).await;
    portal.engine.put(session.id, WorkloadState::Running);
    portal.engine.answer();
    let running = portal.until_status(session.id, Status::Running).await;
    assert_eq!(
        running.websocket_url(),
        Some(format!("/ws/sessions/{}", session.id))
    );
    portal.ask_to_end(session.id).await;
    portal.ask_to_end(session.id).await;
    assert_eq!(
        portal.until_status(session.id, Status::Stopped).await.failure,
        None
    );
    portal.until_workloads(&[]).await;
    portal.stop().await;
}

#[tokio::test]
async fn a_launch_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    let session = portal.launch("desk").await;
    portal.until_workloads(&[session.id]).await;
    portal.ask_to_end(session.id).await;
    let cancelled = portal.until_status(session.id, Status::Failed).await;
    assert_eq!(cancelled.failure.unwrap().reason, Reason::Cancelled);
    portal.until_workloads(&[]).await;
    portal.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_never_answers_fails_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let timeouts = Timeouts {
        ready: Duration::milliseconds(300),
        ..Timeouts::default()
    };
    let portal = Portal::start(folder.path(), ScriptedEngine::new(), timeouts).await;
    portal.add_app("desk", "box").await;
    let session = portal.launch("desk").await;
    let failed = portal.until_status(session.id, Status::Failed).await;
    assert_eq!(failed.failure.unwrap().reason, Reason::NeverReady);
    portal.until_workloads(&[]).await;
    portal.stop().await;
}

#[tokio::test]
async fn a_session_expires_at_its_own_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let timeouts = Timeouts {
        session: Duration::milliseconds(300),
        ..Timeouts::default()
    };
    let portal = Portal::start(folder.path(), ScriptedEngine::new(), timeouts).await;
    portal.add_app("desk", "box").await;
    portal.engine.answer();
    let session = portal.launch("desk").await;
    portal.until_workloads(&[session.id]).await;
    portal.engine.put(session.id, WorkloadState::Running);
    portal.until_status(session.id, Status::Expired).await;
    portal.until_workloads(&[]).await;
    portal.stop().await;
}

#[tokio::test]
async fn what_the_engine_says_of_a_failure_reaches_the_row() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    let refused = Failure::new(Reason::ImageMissing, "manifest unknown");
    *portal.engine.refuse.lock().unwrap() = Some(RuntimeError::Refused(refused.clone()));
    let session = portal.launch("desk").await;
    assert_eq!(
        portal.until_status(session.id, Status::Failed).await.failure,
        Some(refused)
    );

    *portal.engine.refuse.lock().unwrap() = None;
    portal.engine.answer();
    let session = portal.launch("desk").await;
    portal.until_workloads(&[session.id]).await;
    portal.engine.put(session.id, WorkloadState::Running);
    portal.until_status(session.id, Status::Running).await;
    let exited = Failure::new(Reason::Exited, "exit status 1");
    portal
        .engine
        .put(session.id, WorkloadState::Failed(exited.clone()));
    assert_eq!(
        portal.until_status(session.id, Status::Failed).await.failure,
        Some(exited)
    );
    portal.until_workloads(&[]).await;
    portal.stop().await;
}

#[tokio::test]
async fn a_workload_removed_by_hand_fails_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    portal.engine.answer();
    let session = portal.launch("desk").await;
    portal.until_workloads(&[session.id]).await;
    portal.engine.put(session.id, WorkloadState::Running);
    portal.until_status(session.id, Status::Running).await;
    portal.engine.remove(session.id);
    let failed = portal.until_status(session.id, Status::Failed).await;
    assert_eq!(failed.failure.unwrap().reason, Reason::WorkloadGone);
    portal.stop().await;
}

#[tokio::test]
async fn a_restart_takes_everything_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    portal.engine.answer();
    let running = portal.launch("desk").await;
    portal.until_workloads(&[running.id]).await;
    portal.engine.put(running.id, WorkloadState::Running);
    portal.until_status(running.id, Status::Running).await;
    let creating = portal.launch("desk").await;
    portal
        .until(creating.id, |session| session.pod_name.is_some())
        .await;
    let engine = portal.engine.clone();
    portal.stop().await;

    // While nobody looked, a stranger's row vanished: its workload is an orphan.
    let orphan = SessionId::new();
    engine.put(orphan, WorkloadState::Running);
    let portal = Portal::start(folder.path(), engine, Timeouts::default()).await;
    portal.until_workloads(&[running.id, creating.id]).await;
    portal.engine.put(creating.id, WorkloadState::Running);
    portal.until_status(creating.id, Status::Running).await;
    assert_eq!(
        portal.services.sessions.get(running.id).await.unwrap().status,
        Status::Running
    );
    portal.stop().await;
}

#[tokio::test]
async fn an_engine_that_is_away_costs_no_running_session_and_refuses_launches() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    portal.engine.answer();
    let running = portal.launch("desk").await;
    portal.until_workloads(&[running.id]).await;
    portal.engine.put(running.id, WorkloadState::Running);
    portal.until_status(running.id, Status::Running).await;

    *portal.engine.away.lock().unwrap() = Some("gone fishing".into());
    // The first launch may be accepted: that the engine is away is found out by asking it for that one.
    let refused = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            let request = LaunchRequest {
                app_id: "desk".parse().unwrap(),
                params: Map::new(),
            };
            match portal
                .services
                .sessions
                .launch(&portal.actor(), &portal.viewer, request)
                .await
            {
                Ok(slipped) => {
                    portal
                        .until(slipped.id, |session| session.pod_name.is_some())
                        .await;
                    portal.ask_to_end(slipped.id).await;
                }
                Err(refused) => return refused,
            }
        }
    })
    .await
    .expect("a launch is refused in time");
    assert!(matches!(refused, ServiceError::EngineAway(_)), "{refused:?}");
    assert_eq!(
        portal.services.sessions.get(running.id).await.unwrap().status,
        Status::Running
    );
    portal.stop().await;
}

#[tokio::test]
async fn a_plan_that_asks_for_too_much_is_rejected_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    portal.add_app("greedy", "box").await;
    let session = portal.launch("greedy").await;
    let failure = portal
        .until_status(session.id, Status::Failed)
        .await
        .failure
        .unwrap();
    assert_eq!(failure.reason, Reason::PlanRejected);
    assert!(
        failure
            .detail
            .contains("pod.containers[0].securityContext.privileged"),
        "{}",
        failure.detail
    );
    portal.stop().await;
}

#[tokio::test]
async fn links_make_no_session_and_too_many_sessions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    portal.add_app("wiki", "link").await;
    let request = |app: &str| LaunchRequest {
        app_id: app.parse().unwrap(),
        params: Map::new(),
    };
    let sessions = &portal.services.sessions;
    let refused = sessions
        .launch(&portal.actor(), &portal.viewer, request("wiki"))
        .await;
    assert!(
        matches!(refused, Err(ServiceError::OpensLink { .. })),
        "{refused:?}"
    );
    let wiki = "wiki".parse().unwrap();
    let url = portal
        .services
        .catalogue
        .open_link(&portal.actor(), &portal.viewer, &wiki, true)
        .await
        .unwrap();
    assert_eq!(url, "https://wiki.example/");
    for _ in 0..3 {
        portal.launch("desk").await;
    }
    let refused = sessions
        .launch(&portal.actor(), &portal.viewer, request("desk"))
        .await;
    assert!(
        matches!(refused, Err(ServiceError::OverLimit { .. })),
        "{refused:?}"
    );
    assert_eq!(
        portal.services.analytics.counts().await.unwrap().total_launches,
        4
    );
    portal.stop().await;
}
