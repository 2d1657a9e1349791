//! Schemas that are brought up to date: what is said of them, and what is kept.

use launchpad_store::{Opening, StoreError, migrate_up, migrations};

use crate::opening::path;
use crate::support::{TestDatabase, on_both};

on_both! {
    async fn what_is_pending_is_said_and_done(database: &TestDatabase) {
        let states = migrations(&database.url()).await.unwrap();
        assert!(!states.is_empty() && states.iter().all(|state| state.known && !state.applied), "{states:?}");
        assert!(database.is_postgres() || !path(database).exists(), "asking makes none");
        let done = migrate_up(&database.url(), &Opening::default()).await.unwrap();
        let names: Vec<_> = states.into_iter().map(|state| state.name).collect();
        assert_eq!(done, names);
        assert_eq!(migrate_up(&database.url(), &Opening::default()).await.unwrap(), Vec::<String>::new());
        let states = migrations(&database.url()).await.unwrap();
        assert!(states.iter().all(|state| state.applied));
    }

    async fn a_newer_schema_is_told_and_left(database: &TestDatabase) {
        migrate_up(&database.url(), &Opening::default()).await.unwrap();
        database
            .execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_later', 0)")
            .await
            .unwrap();
        let states = migrations(&database.url()).await.unwrap();
        let last = states.last().unwrap();
        assert!(!last.known && last.applied && last.name == "m20991231_000001_later", "{last:?}");
        let error = migrate_up(&database.url(), &Opening::default()).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    }
}
