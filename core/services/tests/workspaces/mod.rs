#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
//! Workspaces: who may have one, and how one goes.

use launchpad_domain::plugin_services::LookupKind;
use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{AuditFilter, PluginServices, Reason, Session, Status, UserId, WorkspaceName};
use launchpad_services::{ListedWorkspace, ServiceError};

use crate::support::{Portal, ScriptedEngine, Timeouts};

async fn portal(folder: &tempfile::TempDir) -> Portal {
    let portal = Portal::start(folder.path(), ScriptedEngine::new(), Timeouts::default()).await;
    portal.add_app("desk", "desk").await;
    portal.engine.answer();
    portal
}

/// A session that runs.
async fn running(portal: &Portal, app: &str) -> Session {
    let session = portal.launch(app).await;
    portal
        .until(session.id, |session| session.pod_name.is_some())
        .await;
    portal.engine.put(session.id, WorkloadState::Running);
    portal.until_status(session.id, Status::Running).await
}

async fn only(portal: &Portal) -> ListedWorkspace {
    let mut listed = portal.services.workspaces.all().await.unwrap();
    assert_eq!(listed.len(), 1);
    listed.remove(0)
}

async fn deletions(portal: &Portal) -> usize {
    let wanted = AuditFilter {
        action: Some("DELETE_WORKSPACE".to_owned()),
        ..AuditFilter::default()
    };
    portal
        .services
        .audit
        .latest(&wanted, None, 10)
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_second_session_is_refused_the_workspace_unless_the_app_shares_it() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    let first = running(&portal, "desk").await;
    let second = portal.launch("desk").await;
    let failure = portal
        .until_status(second.id, Status::Failed)
        .await
        .failure
        .unwrap();
    assert_eq!(failure.reason, Reason::WorkspaceInUse);
    assert!(
        failure.detail.contains(&first.id.to_string()),
        "{}",
        failure.detail
    );
    portal.end(first.id).await;
    portal.end(running(&portal, "desk").await.id).await;

    portal.add_app("shared", "desk").await;
    let (one, other) = (running(&portal, "shared").await, running(&portal, "shared").await);
    assert_eq!(one.plan.unwrap().claims, other.plan.unwrap().claims);
    portal.stop().await;
}

#[tokio::test]
async fn a_workspace_goes_when_an_administrator_says_so_and_no_session_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    let session = running(&portal, "desk").await;
    let listed = only(&portal).await;
    assert_eq!(listed.owner.as_deref(), Some("ada"));
    assert_eq!(listed.sessions, [session.id]);
    let name = listed.workspace.name;
    let workspaces = &portal.services.workspaces;
    let refused = workspaces.delete(&portal.actor(), &name).await;
    assert!(matches!(refused, Err(ServiceError::InUse(_))), "{refused:?}");
    assert_eq!(deletions(&portal).await, 0);
    portal.end(session.id).await;
    assert_eq!(workspaces.of_user(portal.viewer.id).await.unwrap().len(), 1);
    assert!(
        workspaces
            .of_user(launchpad_domain::UserId::new())
            .await
            .unwrap()
            .is_empty()
    );

    workspaces.delete(&portal.actor(), &name).await.unwrap();
    portal.engine.until_no_workspace().await;
    assert_eq!(deletions(&portal).await, 1);
    let unknown: WorkspaceName = "nobody-has-this-name".parse().unwrap();
    for name in [name, unknown] {
        let gone = workspaces.delete(&portal.actor(), &name).await;
        assert!(
            matches!(gone, Err(ServiceError::NotFound("workspace"))),
            "{gone:?}"
        );
    }
    portal.stop().await;
}

/// The wish is a row: a portal that ends before the engine has heard of it makes it true at its next start, and no launch
/// is given the workspace meanwhile.
#[tokio::test]
async fn a_deletion_outlives_the_process_and_an_engine_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    portal.end(running(&portal, "desk").await.id).await;
    let name = only(&portal).await.workspace.name;
    // The manager is the only one who deletes.
    let Portal {
        services,
        engine,
        viewer,
        ..
    } = portal.without_manager().await;
    let actor = launchpad_domain::Actor::viewer(&viewer);
    services.workspaces.delete(&actor, &name).await.unwrap();
    services.workspaces.delete(&actor, &name).await.unwrap();
    assert!(services.workspaces.all().await.unwrap()[0].going);
    drop(services);

    *engine.keeps_workspaces.lock().unwrap() = true;
    let portal = Portal::start(folder.path(), engine, Timeouts::default()).await;
    assert_eq!(deletions(&portal).await, 1);
    let early = portal.launch("desk").await;
    let failure = portal
        .until_status(early.id, Status::Failed)
        .await
        .failure
        .unwrap();
    assert_eq!(failure.reason, Reason::WorkspaceGoing);
    assert!(portal.engine.deleted_workspaces.lock().unwrap().is_empty());
    *portal.engine.keeps_workspaces.lock().unwrap() = false;
    let engine = portal.engine.clone();
    portal.stop().await;

    let portal = Portal::start(folder.path(), engine, Timeouts::default()).await;
    portal.engine.until_no_workspace().await;
    assert_eq!(
        *portal.engine.deleted_workspaces.lock().unwrap(),
        [name.to_string()]
    );
    // That the workspace is gone is noted a moment after it is.
    loop {
        let session = portal.launch("desk").await;
        let planned = portal
            .until(session.id, |session| {
                session.pod_name.is_some() || !session.status.is_live()
            })
            .await;
        if planned.status.is_live() {
            break;
        }
        assert_eq!(planned.failure.unwrap().reason, Reason::WorkspaceGoing);
    }
    *portal.engine.away.lock().unwrap() = Some("gone fishing".into());
    let away = portal.services.workspaces.all().await;
    assert!(matches!(away, Err(ServiceError::EngineAway(_))), "{away:?}");
    portal.stop().await;
}

#[tokio::test]
async fn a_plugin_looks_up_the_workspaces_of_the_user_for_whom_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(&folder).await;
    running(&portal, "desk").await;
    let name = only(&portal).await.workspace.name;
    let support = &portal.plugin_support;
    let look_up = async |user, name: &str| {
        let kind = LookupKind::PersistentVolumeClaims;
        support.look_up(user, kind, name).await.unwrap()
    };
    let user = Some(portal.viewer.id);
    let all = look_up(user, "*").await.unwrap();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    assert_eq!(all["items"][0]["name"], name.as_str());
    assert_eq!(look_up(user, name.as_str()).await.unwrap()["app_id"], "desk");
    for (user, wanted) in [
        (user, "workspace-of-somebody-else"),
        (Some(UserId::new()), name.as_str()),
        (None, name.as_str()),
    ] {
        assert_eq!(look_up(user, wanted).await, None, "{wanted}");
    }
    portal.stop().await;
}
