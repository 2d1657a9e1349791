//! Launch counts.

use crate::support::{TestDatabase, account, actor, app, later, new_session, noon, on_both};

on_both! {
    async fn launches_are_counted_per_app_with_the_last_one(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        store.apps().insert(&actor(), &app("link"), noon()).await.unwrap();
        for minute in [3, 1, 2] {
            store.analytics().open_link(&actor(), &"link".parse().unwrap(), later(minute)).await.unwrap();
        }
        store.sessions().insert(&actor(), &new_session(user, "gone"), 1).await.unwrap();
        store.analytics().open_link(&actor(), &"unknown".parse().unwrap(), later(9)).await.unwrap();

        let counts = store.analytics().counts().await.unwrap();
        assert_eq!(counts.total_launches, 5);
        let rows: Vec<_> = counts
            .apps
            .iter()
            .map(|row| (row.app_id.as_str(), row.app_name.as_str(), row.launches, row.last_launch))
            .collect();
        assert_eq!(rows, [
            ("link", "The app link", 3, later(3)),
            // Deleted since: the name is that of its last session, or else its id.
            ("gone", "The app gone", 1, noon()),
            ("unknown", "unknown", 1, later(9)),
        ]);
    }

    async fn nothing_launched_counts_nothing(database: &TestDatabase) {
        let counts = database.open().await.analytics().counts().await.unwrap();
        assert_eq!((counts.total_launches, counts.apps.len()), (0, 0));
    }

    async fn an_opened_link_is_audited(database: &TestDatabase) {
        let store = database.open().await;
        store.analytics().open_link(&actor(), &"wiki".parse().unwrap(), noon()).await.unwrap();
        let row = &store.audit().page(&launchpad_domain::AuditFilter::default(), None, 1).await.unwrap()[0];
        assert_eq!((row.action.as_str(), row.details.as_str()), ("OPEN_LINK", "wiki"));
    }
}
