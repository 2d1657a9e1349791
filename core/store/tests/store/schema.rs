//! The published tables, as anybody else may rely on them.

use crate::support::{TestDatabase, on_both};

/// Table, column, whether it is a number, whether it must have a value, its default.
const COLUMNS: &[(&str, &str, bool, bool, Option<&str>)] = &[
    ("applications", "id", false, false, None),
    ("applications", "name", false, true, None),
    ("applications", "description", false, false, None),
    ("applications", "url", false, false, None),
    ("applications", "icon", false, false, None),
    ("applications", "category", false, false, None),
    ("applications", "launch_type", false, false, Some("'url'")),
    ("applications", "container_image", false, false, None),
    ("applications", "settings", false, true, Some("'{}'")),
    ("sessions", "id", false, false, None),
    ("sessions", "user_id", false, true, None),
    ("sessions", "app_id", false, true, None),
    ("sessions", "pod_name", false, false, None),
    ("sessions", "pod_ip", false, false, None),
    ("sessions", "status", false, true, None),
    ("sessions", "created_at", false, true, None),
    ("sessions", "updated_at", false, true, None),
    ("sessions", "app_name", false, true, Some("''")),
    ("audit_log", "id", true, false, None),
    ("audit_log", "timestamp", false, true, None),
    ("audit_log", "user", false, true, None),
    ("audit_log", "action", false, true, None),
    ("audit_log", "details", false, false, None),
    ("analytics", "id", true, false, None),
    ("analytics", "app_id", false, true, None),
    ("analytics", "timestamp", false, true, None),
    ("user_preferences", "user_id", false, false, None),
    ("user_preferences", "theme", false, false, Some("'light'")),
    ("user_preferences", "collapsed_categories", false, false, None),
    ("user_preferences", "favorites", false, false, None),
    ("user_preferences", "updated_at", false, false, None),
];

/// What every launch asks, of however many sessions.
const COUNTS: &[&str] = &[
    "SELECT count(*) FROM sessions WHERE user_id = 'u' AND status IN ('creating', 'running')",
    "SELECT count(*), count(CASE WHEN app_id = 'a' THEN 1 END) FROM sessions WHERE status IN ('creating', 'running')",
];

const INDEXES: &[(&str, &str)] = &[
    ("sessions", "user_id"),
    ("sessions", "status"),
    ("audit_log", "timestamp"),
    ("analytics", "app_id"),
    ("analytics", "timestamp"),
];

/// Table, and a statement that adds a row, given the key.
const KEYS: &[(&str, &str)] = &[
    (
        "applications",
        "INSERT INTO applications (id, name) VALUES ('KEY', 'n')",
    ),
    (
        "sessions",
        "INSERT INTO sessions (id, user_id, app_id, status, created_at, updated_at) \
         VALUES ('KEY', 'u', 'a', 'creating', 't', 't')",
    ),
    (
        "user_preferences",
        "INSERT INTO user_preferences (user_id) VALUES ('KEY')",
    ),
];

on_both! {
    async fn every_published_column_is_as_published(database: &TestDatabase) {
        drop(database.open().await);
        for (table, column, number, required, default) in COLUMNS {
            let place = format!("{table}.{column}");
            let found = database.rows(&database.either(
                format!(
                    "SELECT type, \"notnull\" = 1 AND pk = 0, dflt_value FROM pragma_table_info('{table}') \
                     WHERE name = '{column}'"
                ),
                format!(
                    "SELECT data_type::text, is_nullable = 'NO' AND column_name NOT IN (\
                        SELECT u.column_name FROM information_schema.key_column_usage u \
                        WHERE u.table_name = c.table_name), \
                     column_default::text FROM information_schema.columns c \
                     WHERE table_name = '{table}' AND column_name = '{column}'"
                ),
            )).await;
            assert_eq!(found.len(), 1, "{place} is missing");
            let of_type: String = found[0].try_get_by_index(0).unwrap();
            let wanted = if *number { database.either("INTEGER", "bigint") } else { database.either("TEXT", "text") };
            assert_eq!(of_type, wanted, "{place}");
            assert_eq!(found[0].try_get_by_index::<bool>(1).unwrap(), *required, "{place}");
            let has: Option<String> = found[0].try_get_by_index(2).unwrap();
            let has = has.map(|text| text.trim_end_matches("::text").to_owned());
            assert_eq!(has.as_deref(), *default, "{place}");
        }
    }

    async fn every_published_index_is_there(database: &TestDatabase) {
        drop(database.open().await);
        for (table, column) in INDEXES {
            let definitions = database.texts(&database.either(
                format!("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = '{table}'"),
                format!("SELECT indexdef FROM pg_indexes WHERE tablename = '{table}'"),
            )).await;
            let wanted = format!("({column})");
            assert!(
                definitions.iter().flatten().any(|sql| sql.replace('"', "").ends_with(&wanted)),
                "{table} {wanted}: {definitions:?}"
            );
        }
    }

    async fn keys_are_unique(database: &TestDatabase) {
        drop(database.open().await);
        for (table, insert) in KEYS {
            let insert = insert.replace("KEY", "one");
            database.execute(&insert).await.unwrap();
            assert!(database.execute(&insert).await.is_err(), "{table}");
        }
    }

    async fn a_number_is_never_given_twice(database: &TestDatabase) {
        drop(database.open().await);
        let insert = "INSERT INTO audit_log (timestamp, \"user\", action) VALUES ('t', 'u', 'a')";
        for table in ["audit_log", "analytics"] {
            let insert = if table == "audit_log" { insert } else { "INSERT INTO analytics (app_id, timestamp) VALUES ('a', 't')" };
            database.execute(insert).await.unwrap();
            database.execute(insert).await.unwrap();
            let last = format!("SELECT max(id) FROM {table}");
            assert_eq!(database.number(&last).await, 2);
            database.execute(&format!("DELETE FROM {table} WHERE id = 2")).await.unwrap();
            database.execute(insert).await.unwrap();
            assert_eq!(database.number(&last).await, 3);
        }
    }

    async fn opening_again_changes_nothing(database: &TestDatabase) {
        let store = database.open().await;
        let instance = store.instance();
        store.close().await.unwrap();
        let schema = database.either(
            "SELECT sql FROM sqlite_master ORDER BY name".to_owned(),
            "SELECT table_name || column_name || data_type FROM information_schema.columns \
             WHERE table_schema = 'public' ORDER BY 1".to_owned(),
        );
        let before = database.texts(&schema).await;
        let store = database.open().await;
        assert_eq!(store.instance(), instance);
        store.ping().await.unwrap();
        assert_eq!(database.texts(&schema).await, before);
        assert_eq!(database.number("SELECT count(*) FROM seaql_migrations").await, crate::support::migrations());
    }
}

#[tokio::test]
async fn live_sessions_are_counted_without_reading_them() {
    let database = TestDatabase::sqlite();
    drop(database.open().await);
    for count in COUNTS {
        let rows = database.rows(&format!("EXPLAIN QUERY PLAN {count}")).await;
        let steps: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("", "detail").unwrap())
            .collect();
        assert!(
            steps.iter().all(|step| step.contains("COVERING INDEX")),
            "{count}: {steps:?}"
        );
    }
}
