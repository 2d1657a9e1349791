//! Preferences.

use launchpad_domain::{Preferences, Theme, UserId};

use crate::support::{TestDatabase, account, actor, later, noon, on_both};

on_both! {
    async fn what_was_put_is_read_back(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        assert_eq!(store.preferences().get(user).await.unwrap(), None);
        let chosen = Preferences {
            theme: Some(Theme::Dark),
            collapsed_categories: vec!["Tools, \"quoted\"".to_owned(), "Büro".to_owned()],
            favorites: vec!["wiki".parse().unwrap()],
        };
        store.preferences().put(&actor(), user, &chosen, noon()).await.unwrap();
        assert_eq!(store.preferences().get(user).await.unwrap(), Some(chosen));
        let none = Preferences { theme: None, collapsed_categories: vec![], favorites: vec![] };
        store.preferences().put(&actor(), user, &none, later(1)).await.unwrap();
        assert_eq!(store.preferences().get(user).await.unwrap(), Some(none));
        let stored = format!("SELECT theme FROM user_preferences WHERE user_id = '{user}'");
        assert_eq!(database.texts(&stored).await, [None], "a theme never chosen is no theme");
        assert_eq!(store.preferences().get(UserId::new()).await.unwrap(), None);
    }

    async fn two_browsers_that_put_at_once_both_succeed(database: &TestDatabase) {
        let store = database.open().await;
        let other = database.open().await;
        for round in 0..10 {
            let user = account(&store, &format!("user{round}")).await.id;
            let put = |theme| Preferences { theme, collapsed_categories: vec![], favorites: vec![] };
            let (dark, light, actor) = (put(Some(Theme::Dark)), put(Some(Theme::Light)), actor());
            let (ours, theirs) = (store.preferences(), other.preferences());
            let (one, two) =
                tokio::join!(ours.put(&actor, user, &dark, noon()), theirs.put(&actor, user, &light, noon()));
            one.unwrap();
            two.unwrap();
            assert!(store.preferences().get(user).await.unwrap().unwrap().theme.is_some());
        }
    }

    async fn entries_that_cannot_be_any_more_are_left_out(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let insert = format!(
            "INSERT INTO user_preferences (user_id, theme, collapsed_categories, favorites) \
             VALUES ('{user}', 'pink', 'no list', '[\"wiki\", \"No App\"]')"
        );
        database.execute(&insert).await.unwrap();
        let read = store.preferences().get(user).await.unwrap().unwrap();
        assert_eq!(read.theme, None);
        assert!(read.collapsed_categories.is_empty());
        assert_eq!(read.favorites, ["wiki".parse().unwrap()]);
    }
}
