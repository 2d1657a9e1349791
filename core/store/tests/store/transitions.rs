//! The session state table: the domain's, the trigger's, and that of each compare-and-set.

use launchpad_domain::{Failure, Reason, SessionId, Stage, Status};

use crate::support::{TestDatabase, account, actor, end, later, noon, on_both, plan, session};

/// A row with this status, made by hand.
async fn row(database: &TestDatabase, status: Status) -> SessionId {
    let id = SessionId::new();
    let insert = format!(
        "INSERT INTO sessions (id, user_id, app_id, status, created_at, updated_at) \
         VALUES ('{id}', 'u', 'a', '{status}', 't', 't')"
    );
    database.execute(&insert).await.unwrap();
    id
}

async fn status_of(database: &TestDatabase, id: SessionId) -> String {
    let found = database
        .texts(&format!("SELECT status FROM sessions WHERE id = '{id}'"))
        .await;
    found.into_iter().flatten().next().unwrap()
}

on_both! {
    async fn the_trigger_and_the_domain_agree_on_every_edge(database: &TestDatabase) {
        drop(database.open().await);
        for from in Status::ALL {
            for to in Status::ALL {
                let id = row(database, *from).await;
                let update = format!("UPDATE sessions SET status = '{to}' WHERE id = '{id}'");
                let done = database.execute(&update).await;
                // To stay is no edge, and the trigger lets a row be written again as it is.
                let legal = from.may_become(*to) || from == to;
                assert_eq!(done.is_ok(), legal, "{from} to {to}: {done:?}");
                let now = if legal { to } else { from };
                assert_eq!(status_of(database, id).await, now.as_str());
            }
        }
    }

    async fn the_trigger_refuses_what_is_no_status(database: &TestDatabase) {
        drop(database.open().await);
        let id = row(database, Status::Creating).await;
        for update in ["'RUNNING'", "''", "NULL"] {
            let update = format!("UPDATE sessions SET status = {update} WHERE id = '{id}'");
            assert!(database.execute(&update).await.is_err(), "{update}");
        }
        let both = format!("UPDATE sessions SET pod_ip = 'x', status = 'stopped' WHERE id = '{id}'");
        assert!(database.execute(&both).await.is_err());
    }

    async fn only_the_first_to_end_a_session_ends_it(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let sessions = store.sessions();
        let id = session(&store, user).await.id;
        assert!(sessions.set_running(id, Some("10.0.0.1"), later(60), later(1)).await.unwrap());
        let actor = actor();
        let failure = Failure::new(Reason::Exited, "exit status 1");
        let (stopped, expired, failed) = tokio::join!(
            sessions.finish(&actor, id, Status::Running, Status::Stopped, None, later(2)),
            sessions.finish(&actor, id, Status::Running, Status::Expired, None, later(2)),
            sessions.finish(&actor, id, Status::Running, Status::Failed, Some(&failure), later(2)),
        );
        let won = [stopped.unwrap(), expired.unwrap(), failed.unwrap()];
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
        let ends = "SELECT count(*) FROM audit_log WHERE action = 'TERMINATE_SESSION'";
        assert_eq!(database.number(ends).await, 1);
    }

    async fn a_terminal_session_is_not_changed_any_more(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let sessions = store.sessions();
        let id = session(&store, user).await.id;
        let failure = Failure::new(Reason::ImageMissing, "no such image: x");
        let edge = (Status::Creating, Status::Failed);
        assert!(end(&store, id, edge, Some(&failure)).await.unwrap());
        let before = sessions.get(id).await.unwrap().unwrap();
        assert_eq!(before.failure, Some(failure));
        assert_eq!(before.updated_at, later(1));

        assert!(!sessions.set_running(id, None, later(60), later(2)).await.unwrap());
        assert!(sessions.set_stages(&[(id, Stage::Pulling)].into(), later(2)).await.unwrap().is_empty());
        assert_eq!(sessions.set_plan(id, "pod", &plan(), "abc", later(2)).await.unwrap(), Ok(false));
        for from in [Status::Creating, Status::Running] {
            assert!(!end(&store, id, (from, Status::Failed), None).await.unwrap());
        }
        assert_eq!(sessions.get(id).await.unwrap().unwrap(), before);
    }

    async fn an_illegal_edge_is_an_error_and_leaves_nothing(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let id = session(&store, user).await.id;
        let audited = "SELECT count(*) FROM audit_log";
        let before = database.number(audited).await;
        let error = end(&store, id, (Status::Creating, Status::Stopped), None).await.unwrap_err().to_string();
        assert!(error.contains("illegal session transition"), "{error}");
        assert_eq!(database.number(audited).await, before);
        assert_eq!(store.sessions().get(id).await.unwrap().unwrap().status, Status::Creating);
    }

    async fn a_stage_only_goes_on(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let sessions = store.sessions();
        let id = session(&store, user).await.id;
        for stage in &Stage::ALL[1..] {
            assert_eq!(sessions.set_stages(&[(id, *stage)].into(), noon()).await.unwrap(), [id], "{stage}");
            assert!(sessions.set_stages(&[(id, *stage)].into(), noon()).await.unwrap().is_empty(), "{stage} again");
        }
        assert!(sessions.set_stages(&[(id, Stage::Queued)].into(), noon()).await.unwrap().is_empty());
        assert_eq!(sessions.get(id).await.unwrap().unwrap().stage, Stage::Checking);
    }

    async fn a_plan_is_kept_once(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let sessions = store.sessions();
        let id = session(&store, user).await.id;
        assert_eq!(sessions.set_plan(id, "pod-1", &plan(), "abc", noon()).await.unwrap(), Ok(true));
        assert_eq!(sessions.set_plan(id, "pod-2", &plan(), "def", noon()).await.unwrap(), Ok(false));
        let kept = sessions.get(id).await.unwrap().unwrap();
        assert_eq!(kept.pod_name.as_deref(), Some("pod-1"));
        assert_eq!(kept.plan.as_deref(), Some(&plan()));
    }
}
