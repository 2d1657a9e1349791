//! The catalogue: its rows, its revisions, its seed.

use launchpad_domain::{App, Unnamed, WantedApps};
use launchpad_store::StoreError;

use crate::support::{TestDatabase, actor, app, later, noon, on_both};

fn wanted(apps: &[App], order: &[&str]) -> WantedApps {
    WantedApps {
        apps: apps.to_vec(),
        order: order.iter().map(|id| app(id).id).collect(),
    }
}

on_both! {
    async fn an_app_is_read_as_it_was_written(database: &TestDatabase) {
        let store = database.open().await;
        let made = store.apps().insert(&actor(), &app("wiki"), noon()).await.unwrap();
        assert_eq!(made.app, app("wiki"));
        assert_eq!(store.apps().get(&app("wiki").id).await.unwrap(), Some(made));
        assert_eq!(store.apps().get(&app("none").id).await.unwrap(), None);
        let again = store.apps().insert(&actor(), &app("wiki"), noon()).await.unwrap_err();
        assert!(matches!(again, StoreError::Taken(_)), "{again}");
        assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 1);
    }

    async fn apps_are_listed_by_category_and_name_on_any_database(database: &TestDatabase) {
        let store = database.open().await;
        for (id, category, name) in [("a", "b", "x"), ("b", "B", "W"), ("c", "", "z"), ("d", "b-b", "a"), ("e", "bb", "a")] {
            let app = launchpad_domain::App { category: category.to_owned(), name: name.to_owned(), ..app(id) };
            store.apps().insert(&actor(), &app, noon()).await.unwrap();
        }
        let ids: Vec<_> = store.apps().list().await.unwrap().into_iter().map(|s| s.app.id.to_string()).collect();
        assert_eq!(ids, ["c", "b", "a", "d", "e"]);
    }

    async fn an_import_adds_changes_and_removes_in_one_go(database: &TestDatabase) {
        let store = database.open().await;
        for id in ["a", "b", "c"] {
            store.apps().insert(&actor(), &app(id), noon()).await.unwrap();
        }
        let renamed = launchpad_domain::App { name: "Bee".to_owned(), ..app("b") };
        let wanted = wanted(&[app("a"), renamed.clone(), app("d")], &[]);
        let changes = store.apps().import(&actor(), &wanted, Unnamed::Remove, later(1)).await.unwrap();
        assert_eq!((changes.added.len(), changes.updated.len(), changes.removed.len()), (1, 1, 1));
        let ids: Vec<_> = store.apps().list().await.unwrap().into_iter().map(|s| s.app.id.to_string()).collect();
        assert_eq!(ids.len(), 3);
        assert_eq!(store.apps().get(&renamed.id).await.unwrap().unwrap().app, renamed);
        assert_eq!(store.apps().get(&app("c").id).await.unwrap(), None);
        // One entry for each app that was added at first, and one for each that the import changed.
        assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 6);
        let again = store.apps().import(&actor(), &wanted, Unnamed::Keep, later(1)).await.unwrap();
        assert_eq!(again.unchanged, 3);
        assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 6);
    }

    async fn an_import_puts_apps_in_order_and_what_is_only_compared_is_taken_back(database: &TestDatabase) {
        let store = database.open().await;
        let (apps, actor) = (store.apps(), actor());
        let wanted = wanted(&[app("a"), app("b"), app("c")], &["c", "a"]);
        let ids = async || {
            let listed = store.apps().list().await.unwrap();
            listed.into_iter().map(|stored| stored.app.id.to_string()).collect::<Vec<_>>().concat()
        };
        let foreseen = apps.compare(&actor, &wanted, Unnamed::Keep, noon()).await.unwrap();
        assert_eq!((ids().await, database.number("SELECT count(*) FROM audit_log").await), (String::new(), 0));
        let changes = apps.import(&actor, &wanted, Unnamed::Keep, noon()).await.unwrap();
        assert_eq!(changes, foreseen);
        assert!(changes.reordered);
        assert_eq!(ids().await, "cab");
        let positions: Vec<_> = apps.list().await.unwrap().iter().map(|stored| stored.position).collect();
        assert_eq!(positions, [1, 2, 0]);
        let again = apps.import(&actor, &wanted, Unnamed::Keep, later(1)).await.unwrap();
        assert!(!again.reordered);
        assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'ORDER_APPS'").await, 1);
    }

    async fn apps_stand_where_they_are_put_and_the_others_after_them(database: &TestDatabase) {
        let store = database.open().await;
        for (id, category) in [("a", "one"), ("b", "one"), ("c", "one"), ("d", "two"), ("e", "two")] {
            let app = launchpad_domain::App { category: category.to_owned(), ..app(id) };
            store.apps().insert(&actor(), &app, noon()).await.unwrap();
        }
        let put = async |ids: &[&str]| {
            let ids: Vec<_> = ids.iter().map(|id| app(id).id).collect();
            store.apps().order(&actor(), &ids, later(1)).await.unwrap();
            let apps = store.apps().list().await.unwrap();
            apps.into_iter().map(|stored| stored.app.id.to_string()).collect::<Vec<_>>().concat()
        };
        assert_eq!(put(&["c", "a"]).await, "cabde");
        assert_eq!(put(&["e"]).await, "cabed", "another category stays as it was");
        assert_eq!(put(&["b"]).await, "baced", "who is not named has no place any more");
        let entries = "SELECT count(*) FROM audit_log WHERE action = 'ORDER_APPS'";
        assert_eq!(database.number(entries).await, 3);
        assert_eq!(put(&["b"]).await, "baced");
        assert_eq!(database.number(entries).await, 3, "nothing changed");
        // A change of the app itself leaves it where it is.
        let renamed = launchpad_domain::App { name: "Zz".to_owned(), category: "one".to_owned(), ..app("b") };
        store.apps().update(&actor(), &renamed, None, later(2)).await.unwrap();
        assert_eq!(store.apps().list().await.unwrap()[0].app.id.as_str(), "b");
    }

    async fn a_deleted_app_comes_back_where_and_as_it_was(database: &TestDatabase) {
        let store = database.open().await;
        for id in ["a", "b"] {
            store.apps().insert(&actor(), &app(id), noon()).await.unwrap();
        }
        let id = app("b").id;
        store.apps().order(&actor(), std::slice::from_ref(&id), noon()).await.unwrap();
        assert!(store.apps().delete(&actor(), &id, None, later(1)).await.unwrap());
        assert_eq!(store.apps().deleted(10).await.unwrap()[0].app, app("b"));
        assert_eq!(store.apps().restore(&actor(), &id, later(2)).await.unwrap().unwrap().app, app("b"));
        let ids: Vec<_> = store.apps().list().await.unwrap().into_iter().map(|s| s.app.id.to_string()).collect();
        assert_eq!(ids, ["b", "a"]);
        assert_eq!(store.apps().restore(&actor(), &id, later(3)).await.unwrap(), None, "it is back already");
    }

    async fn a_deleted_apps_id_is_free_and_the_newest_comes_back(database: &TestDatabase) {
        let store = database.open().await;
        let id = app("b").id;
        let other = launchpad_domain::App { name: "Another".to_owned(), ..app("b") };
        for (minutes, app) in [(1, app("b")), (2, other.clone())] {
            store.apps().insert(&actor(), &app, noon()).await.unwrap();
            assert!(store.apps().delete(&actor(), &id, None, later(minutes)).await.unwrap());
        }
        store.apps().insert(&actor(), &app("b"), later(3)).await.unwrap();
        assert!(matches!(store.apps().restore(&actor(), &id, later(4)).await, Err(StoreError::Taken(_))));
        assert_eq!(store.apps().deleted(10).await.unwrap().len(), 2, "nothing was changed");
        assert!(store.apps().delete(&actor(), &id, None, later(5)).await.unwrap());
        assert_eq!(store.apps().restore(&actor(), &id, later(6)).await.unwrap().unwrap().app, app("b"));
        let left: Vec<_> = store.apps().deleted(10).await.unwrap().into_iter().map(|deleted| deleted.app).collect();
        assert_eq!(left, [other, app("b")]);
    }

    async fn a_revision_that_is_gone_changes_nothing(database: &TestDatabase) {
        let store = database.open().await;
        let apps = store.apps();
        let first = apps.insert(&actor(), &app("wiki"), noon()).await.unwrap().revision;
        let second = apps.update(&actor(), &app("wiki"), Some(&first), later(1)).await.unwrap().unwrap().revision;
        assert_ne!(first, second);
        let stale = apps.update(&actor(), &app("wiki"), Some(&first), later(2)).await.unwrap_err();
        assert!(matches!(stale, StoreError::Stale));
        let id = app("wiki").id;
        assert!(matches!(apps.delete(&actor(), &id, Some(&first), later(2)).await, Err(StoreError::Stale)));
        assert!(apps.delete(&actor(), &id, Some(&second), later(2)).await.unwrap());
        assert!(!apps.delete(&actor(), &id, Some(&second), later(2)).await.unwrap());
        assert!(apps.update(&actor(), &app("wiki"), None, later(2)).await.unwrap().is_none());
        let actions: Vec<_> =
            store.audit().page(&launchpad_domain::AuditFilter::default(), None, 10).await.unwrap().into_iter().map(|entry| entry.action).collect();
        assert_eq!(actions, ["DELETE_APP", "UPDATE_APP", "CREATE_APP"]);
    }

    async fn of_two_changes_to_one_revision_one_is_stale(database: &TestDatabase) {
        let store = database.open().await;
        let other = database.open().await;
        let mut revision = store.apps().insert(&actor(), &app("wiki"), noon()).await.unwrap().revision;
        for _ in 0..10 {
            let (actor, app) = (actor(), app("wiki"));
            let (ours, theirs) = (store.apps(), other.apps());
            let (one, two) = tokio::join!(
                ours.update(&actor, &app, Some(&revision), later(1)),
                theirs.update(&actor, &app, Some(&revision), later(1)),
            );
            revision = match (one, two) {
                (Ok(Some(changed)), Err(StoreError::Stale)) | (Err(StoreError::Stale), Ok(Some(changed))) => {
                    changed.revision
                }
                both => panic!("{both:?}"),
            };
        }
    }

    async fn a_seed_is_loaded_once(database: &TestDatabase) {
        let store = database.open().await;
        let seed = wanted(&[app("wiki"), app("git")], &["wiki"]);
        assert!(store.apps().seed(&actor(), &seed, noon()).await.unwrap());
        assert_eq!(store.apps().list().await.unwrap().len(), 2);
        assert_eq!(store.apps().list().await.unwrap()[0].app.id.as_str(), "wiki");
        for id in [&seed.apps[0].id, &seed.apps[1].id] {
            assert!(store.apps().delete(&actor(), id, None, later(1)).await.unwrap());
        }
        assert!(!store.apps().seed(&actor(), &seed, later(2)).await.unwrap());
        assert!(store.apps().list().await.unwrap().is_empty());
        let seeds = "SELECT count(*) FROM audit_log WHERE action = 'SEED_APPS'";
        assert_eq!(database.number(seeds).await, 1);
    }

    async fn a_catalogue_that_has_apps_is_never_seeded(database: &TestDatabase) {
        let store = database.open().await;
        store.apps().insert(&actor(), &app("own"), noon()).await.unwrap();
        assert!(!store.apps().seed(&actor(), &wanted(&[app("wiki")], &[]), noon()).await.unwrap());
        assert!(store.apps().delete(&actor(), &app("own").id, None, later(1)).await.unwrap());
        assert!(!store.apps().seed(&actor(), &wanted(&[app("wiki")], &[]), later(2)).await.unwrap());
    }

    async fn a_seed_that_fails_leaves_nothing_and_may_be_mended(database: &TestDatabase) {
        let store = database.open().await;
        let twice = wanted(&[app("wiki"), app("wiki")], &[]);
        assert!(matches!(store.apps().seed(&actor(), &twice, noon()).await, Err(StoreError::Taken(_))));
        assert!(store.apps().list().await.unwrap().is_empty());
        assert!(store.apps().seed(&actor(), &wanted(&twice.apps[..1], &[]), noon()).await.unwrap());
    }

    async fn of_two_that_seed_at_once_one_does(database: &TestDatabase) {
        let store = database.open().await;
        let other = database.open().await;
        let (actor, seed) = (actor(), wanted(&[app("wiki")], &[]));
        let (ours, theirs) = (store.apps(), other.apps());
        let (one, two) = tokio::join!(ours.seed(&actor, &seed, noon()), theirs.seed(&actor, &seed, noon()));
        assert_ne!(one.unwrap(), two.unwrap());
    }
}
