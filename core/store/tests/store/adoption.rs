//! Databases that somebody else made: only the published tables, with rows.

use launchpad_domain::{RuntimeKind, Status, Theme};

use crate::support::{TestDatabase, actor, later, noon, on_both};

const USER: &str = "0b7e3f2c-4a51-4d0e-9c55-0a8e6c2f7a11";
const SESSION: &str = "5d0c1f9a-7b1e-4c39-8f0d-3a7f8a2b9c10";

/// As a hand would write them for SQLite, and for PostgreSQL with the types that it has.
const TABLES: (&str, &str) = (
    "CREATE TABLE applications (id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, url TEXT, icon TEXT, \
        category TEXT, launch_type TEXT DEFAULT 'url', container_image TEXT);
     CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, app_id TEXT NOT NULL, pod_name TEXT, \
        pod_ip TEXT, status TEXT NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
     CREATE INDEX idx_sessions_user_id ON sessions (user_id);
     CREATE TABLE audit_log (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp DATETIME NOT NULL, user TEXT NOT NULL, \
        action TEXT NOT NULL, details TEXT);
     CREATE TABLE analytics (id INTEGER PRIMARY KEY AUTOINCREMENT, app_id TEXT NOT NULL, timestamp DATETIME NOT NULL);
     CREATE TABLE user_preferences (user_id TEXT PRIMARY KEY, theme TEXT DEFAULT 'light', \
        collapsed_categories JSON, favorites JSON, updated_at DATETIME);",
    "CREATE TABLE applications (id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, url VARCHAR(200), icon TEXT, \
        category TEXT, launch_type TEXT DEFAULT 'url', container_image TEXT);
     CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, app_id TEXT NOT NULL, pod_name TEXT, \
        pod_ip TEXT, status TEXT NOT NULL, created_at TIMESTAMP NOT NULL, updated_at TIMESTAMPTZ NOT NULL);
     CREATE INDEX idx_sessions_user_id ON sessions (user_id);
     CREATE TABLE audit_log (id SERIAL PRIMARY KEY, timestamp TIMESTAMPTZ NOT NULL DEFAULT now(), \
        \"user\" TEXT NOT NULL, action TEXT NOT NULL, details TEXT);
     CREATE TABLE analytics (id BIGSERIAL PRIMARY KEY, app_id TEXT NOT NULL, timestamp TEXT NOT NULL);
     CREATE TABLE user_preferences (user_id TEXT PRIMARY KEY, theme TEXT DEFAULT 'light', \
        collapsed_categories JSON, favorites JSONB, updated_at TIMESTAMPTZ, mood JSONB);",
);

/// The last app and the last session have ids that ours cannot have.
const ROWS: &str = "
    INSERT INTO applications (id, name, url) VALUES ('wiki', 'Wiki', 'https://wiki.example/');
    INSERT INTO applications (id, name, launch_type, container_image) VALUES ('Old App', 'Old', 'container', 'x:1');
    INSERT INTO sessions VALUES ('SESSION', 'USER', 'wiki', 'pod-1', '10.0.0.1', 'running', '2026-11-23 12:00:00.123456', '2026-11-23T12:00:00.123456Z');
    INSERT INTO sessions VALUES ('7', 'ada', 'wiki', NULL, NULL, 'stopped', '2026-11-22 10:00:00', '2026-11-22 10:00:00+00:00');
    INSERT INTO audit_log (timestamp, \"user\", action, details) VALUES ('2026-11-23 12:00:00.123456+00:00', 'ada', 'CREATE_APP', 'wiki');
    INSERT INTO analytics (app_id, timestamp) VALUES ('wiki', '2026-11-23T12:00:00.123456Z');
    INSERT INTO analytics (app_id, timestamp) VALUES ('Old App', '2026-11-22 10:00:00');
    INSERT INTO user_preferences VALUES ('USER', 'dark', '[\"Tools\"]', '[\"wiki\"]', '2026-11-23 12:00:00');";

async fn adopt(database: &TestDatabase) {
    let rows = ROWS.replace("USER", USER).replace("SESSION", SESSION);
    let tables = database.either(TABLES.0, TABLES.1);
    database.execute(tables).await.unwrap();
    database.execute(&rows).await.unwrap();
}

async fn counts(database: &TestDatabase) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in [
        "applications",
        "sessions",
        "audit_log",
        "analytics",
        "user_preferences",
    ] {
        counts.push(database.number(&format!("SELECT count(*) FROM {table}")).await);
    }
    counts
}

on_both! {
    async fn what_was_there_is_copied_before_it_is_changed(database: &TestDatabase) {
        adopt(database).await;
        database.open().await.close().await.unwrap();
        let query = "SELECT details FROM PLACEaudit_log";
        let first = "before-m20261123_000001_published_tables";
        let kept = if database.is_postgres() {
            let place = format!("\"{}\".", first.replace('-', "_"));
            database.texts(&query.replace("PLACE", &place)).await
        } else {
            let kept = TestDatabase::at(&format!("{}.{first}", database.address));
            assert_eq!(kept.number("SELECT count(*) FROM pragma_table_info('audit_log')").await, 5, "as it was");
            kept.texts(&query.replace("PLACE", "")).await
        };
        assert_eq!(kept, [Some("wiki".to_owned())]);
        // Nothing is copied where nothing changes.
        database.open().await.close().await.unwrap();
    }

    async fn every_row_is_kept_and_read(database: &TestDatabase) {
        adopt(database).await;
        let store = database.open().await;
        assert_eq!(counts(database).await, [2, 2, 1, 2, 1]);

        let apps = store.apps().list().await.unwrap();
        assert_eq!(apps.len(), 1, "an id that cannot be one hides no other app");
        assert_eq!(apps[0].app.name, "Wiki");
        assert_eq!(apps[0].app.launch_type.as_str(), "url");

        let sessions = store.sessions().all(10).await.unwrap();
        assert_eq!(sessions.len(), 1);
        assert_eq!(sessions[0].created_at, noon());
        assert_eq!(sessions[0].updated_at, noon());
        assert_eq!(sessions[0].pod_name.as_deref(), Some("pod-1"));
        assert!(sessions[0].expires_at < noon(), "its deadline is over, so that the next sweep judges it");
        assert_eq!(store.sessions().unfinished(RuntimeKind::Kubernetes).await.unwrap().len(), 1);

        let audit = store.audit().page(&launchpad_domain::AuditFilter::default(), None, 10).await.unwrap();
        assert_eq!((audit[0].timestamp, audit[0].action.as_str()), (noon(), "CREATE_APP"));
        let counts = store.analytics().counts().await.unwrap();
        assert_eq!(counts.total_launches, 2);
        let preferences = store.preferences().get(USER.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(preferences.theme, Some(Theme::Dark));
        assert_eq!(preferences.collapsed_categories, ["Tools"]);
        assert_eq!(preferences.favorites, ["wiki".parse().unwrap()]);
    }

    async fn what_was_adopted_works_on(database: &TestDatabase) {
        adopt(database).await;
        let store = database.open().await;
        let id = SESSION.parse().unwrap();
        assert!(store.sessions().finish(&actor(), id, Status::Running, Status::Expired, None, later(1)).await.unwrap());
        store.apps().update(&actor(), &crate::support::app("wiki"), None, later(1)).await.unwrap().unwrap();
        let preferences = store.preferences().get(USER.parse().unwrap()).await.unwrap().unwrap();
        store.preferences().put(&actor(), USER.parse().unwrap(), &preferences, later(1)).await.unwrap();
        store.analytics().open_link(&actor(), &crate::support::app("wiki"), later(1)).await.unwrap();
        let page = store.audit().page(&launchpad_domain::AuditFilter::default(), None, 10).await.unwrap();
        assert_eq!(page.iter().map(|entry| entry.id).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
        let illegal = "UPDATE sessions SET status = 'running' WHERE id = '7'";
        assert!(database.execute(illegal).await.is_err(), "the trigger guards adopted rows");
    }

    async fn two_that_start_at_once_migrate_once(database: &TestDatabase) {
        adopt(database).await;
        let url = database.url();
        let (one, two, three) = tokio::join!(
            launchpad_store::Store::open(&url),
            launchpad_store::Store::open(&url),
            launchpad_store::Store::open(&url)
        );
        let instances = [one.unwrap(), two.unwrap(), three.unwrap()].map(|store| store.instance());
        assert!(instances.iter().all(|id| *id == instances[0]), "{instances:?}");
        assert_eq!(counts(database).await, [2, 2, 1, 2, 1]);
        assert_eq!(database.number("SELECT count(*) FROM seaql_migrations").await, crate::support::migrations());
    }

    async fn two_that_start_at_once_on_nothing_migrate_once(database: &TestDatabase) {
        let url = database.url();
        let (one, two) = tokio::join!(launchpad_store::Store::open(&url), launchpad_store::Store::open(&url));
        assert_eq!(one.unwrap().instance(), two.unwrap().instance());
    }
}
