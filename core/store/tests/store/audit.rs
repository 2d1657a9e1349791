//! The audit log: its rows, its pages, and that a change and its row are one.

use launchpad_domain::{AuditAction, AuditFilter, WantedApps};

use crate::support::{TestDatabase, account, actor, app, later, new_session, noon, on_both};

on_both! {
    async fn a_row_says_who_through_what(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await;
        let mut who = actor();
        who.id = Some(ada.id);
        store.audit().record(&who, AuditAction::RefuseAccess, "app wiki", later(1)).await.unwrap();
        let row = &database.rows("SELECT actor_id, request_id, address, timestamp FROM audit_log WHERE id = 2").await[0];
        let texts: Vec<String> = (0..4).map(|at| row.try_get_by_index(at).unwrap()).collect();
        assert_eq!(texts, [&ada.id.to_string(), "request-1", "192.0.2.1", "2026-11-23T12:01:00.123456Z"]);
        let entry = &store.audit().page(&AuditFilter::default(), None, 1).await.unwrap()[0];
        assert_eq!((entry.user.as_str(), entry.timestamp), ("command line", later(1)));
        assert_eq!((entry.action.as_str(), entry.details.as_str()), ("REFUSE_ACCESS", "app wiki"));
    }

    async fn details_are_bounded(database: &TestDatabase) {
        let store = database.open().await;
        let long = format!("a{}", "é".repeat(4_000));
        store.audit().record(&actor(), AuditAction::RefuseAccess, &long, noon()).await.unwrap();
        let kept = &store.audit().page(&AuditFilter::default(), None, 1).await.unwrap()[0].details;
        assert_eq!(kept.len(), 4_095);
        assert!(long.starts_with(kept));
    }

    async fn pages_go_back_without_gap_or_repetition(database: &TestDatabase) {
        let store = database.open().await;
        for number in 0..25 {
            // The same time for all: pages go by number.
            store.audit().record(&actor(), AuditAction::RefuseAccess, &number.to_string(), noon()).await.unwrap();
        }
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = store.audit().page(&AuditFilter::default(), before, 10).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            seen.extend(page.into_iter().map(|entry| entry.details.parse::<i32>().unwrap()));
            // What comes in between does not shift the pages.
            store.audit().record(&actor(), AuditAction::RefuseAccess, "99", noon()).await.unwrap();
        }
        assert_eq!(seen, (0..25).rev().collect::<Vec<_>>());
    }

    async fn a_change_that_fails_leaves_no_row(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let new = new_session(user, "wiki");
        store.sessions().insert(&actor(), &new, 10).await.unwrap();
        store.apps().insert(&actor(), &app("wiki"), noon()).await.unwrap();
        let rows = async || {
            let audit = database.number("SELECT count(*) FROM audit_log").await;
            (audit, database.number("SELECT count(*) FROM analytics").await)
        };
        let before = rows().await;
        assert!(store.sessions().insert(&actor(), &new, 10).await.is_err(), "its id is taken");
        assert!(store.apps().insert(&actor(), &app("wiki"), noon()).await.is_err());
        assert_eq!(rows().await, before);
    }

    async fn a_row_that_fails_undoes_its_change(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        database.execute(database.either(
            "CREATE TRIGGER full BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'full'); END",
            "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'full'; END $$ LANGUAGE plpgsql; \
             CREATE TRIGGER refuse BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse()",
        )).await.unwrap();
        let new = new_session(user, "wiki");
        let error = store.sessions().insert(&actor(), &new, 10).await.unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");
        assert!(store.apps().insert(&actor(), &app("wiki"), noon()).await.is_err());
        assert!(store.apps().seed(&actor(), &WantedApps { apps: vec![app("wiki")], order: Vec::new() }, noon()).await.is_err());
        assert!(store.accounts().set_disabled(&actor(), user, true, noon()).await.is_err());
        assert_eq!(store.sessions().get(new.id).await.unwrap(), None);
        assert!(store.apps().list().await.unwrap().is_empty());
        assert!(!store.accounts().get(user).await.unwrap().unwrap().disabled);
        assert_eq!(database.number("SELECT count(*) FROM analytics").await, 0);
    }

    async fn a_filter_finds_what_is_all_of_it(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        for number in 0..3 {
            store.apps().insert(&actor(), &app(&format!("app-{number}")), later(number)).await.unwrap();
        }
        let mut ada = actor();
        "ada".clone_into(&mut ada.name);
        store.audit().record(&ada, AuditAction::RefuseAccess, "GET /admin", later(1)).await.unwrap();
        let found = async |filter: AuditFilter| {
            let page = store.audit().page(&filter, None, 10).await.unwrap();
            page.into_iter().map(|entry| entry.details).collect::<Vec<_>>()
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(found(AuditFilter { user: text("ada"), ..AuditFilter::default() }).await, ["GET /admin"]);
        assert_eq!(
            found(AuditFilter { action: text("CREATE_APP"), ..AuditFilter::default() }).await,
            ["app-2", "app-1", "app-0"]
        );
        let target = AuditFilter { target: Some(user.to_string()), ..AuditFilter::default() };
        assert_eq!(found(target.clone()).await.len(), 1);
        assert_eq!(found(AuditFilter { action: text("CREATE_APP"), ..target }).await.len(), 0);
        let middle = AuditFilter { from: Some(later(1)), to: Some(later(2)), ..AuditFilter::default() };
        assert_eq!(found(middle).await, ["GET /admin", "app-1"]);
        let entry = &store.audit().page(&AuditFilter { user: text("ada"), ..AuditFilter::default() }, None, 1).await.unwrap()[0];
        assert_eq!((entry.outcome.as_str(), entry.address.as_deref()), ("refused", Some("192.0.2.1")));
    }

    async fn a_change_keeps_what_was_before(database: &TestDatabase) {
        let store = database.open().await;
        let mut wiki = app("wiki");
        store.apps().insert(&actor(), &wiki, noon()).await.unwrap();
        "Another".clone_into(&mut wiki.name);
        store.apps().update(&actor(), &wiki, None, noon()).await.unwrap();
        store.apps().delete(&actor(), &wiki.id, None, noon()).await.unwrap();
        let page = store.audit().page(&AuditFilter::default(), None, 3).await.unwrap();
        let changes: Vec<serde_json::Value> =
            page.iter().map(|entry| serde_json::from_str(entry.change.as_ref().unwrap()).unwrap()).collect();
        assert_eq!(changes[1], serde_json::json!({"before": {"name": "The app wiki"}, "after": {"name": "Another"}}));
        assert_eq!((&changes[0]["before"]["name"], &changes[0]["after"]), (&"Another".into(), &serde_json::Value::Null));
        assert_eq!((&changes[2]["after"]["name"], &changes[2]["before"]), (&"The app wiki".into(), &serde_json::Value::Null));
        assert!(page.iter().all(|entry| entry.target == "wiki" && entry.outcome == "done"));
    }
}
