//! What plugins keep.

use launchpad_domain::plugins::Approval;
use launchpad_domain::{LaunchTypeId, SessionId, Status};
use launchpad_store::StoreError;

use crate::support::{TestDatabase, account, actor, end, noon, on_both, session};

fn plugin(id: &str) -> LaunchTypeId {
    id.parse().unwrap()
}

on_both! {
    async fn a_session_has_what_was_kept_for_it_until_nothing_is_left_of_it(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let session = session(&store, user).await.id;
        let values = store.plugin_values();
        assert_eq!(values.of_session(session, "step").await.unwrap(), None);
        values.set_of_session(session, "step", Some("one")).await.unwrap();
        values.set_of_session(session, "step", Some("zwölf")).await.unwrap();
        values.set_of_session(session, "other", Some("x")).await.unwrap();
        values.set_of_session(session, "other", None).await.unwrap();
        assert_eq!(values.of_session(session, "step").await.unwrap().as_deref(), Some("zwölf"));
        assert_eq!(values.of_session(session, "other").await.unwrap(), None);
        assert_eq!(values.of_session(SessionId::new(), "step").await.unwrap(), None);
        end(&store, session, (Status::Creating, Status::Failed), None).await.unwrap();
        store.sessions().set_cleaned(session, noon()).await.unwrap();
        assert_eq!(values.of_session(session, "step").await.unwrap(), None);
        let late = values.set_of_session(session, "step", Some("late")).await;
        assert!(matches!(late, Err(StoreError::Gone(_))), "{late:?}");
    }

    async fn what_may_be_kept_is_counted_in_bytes_and_nothing_beyond_is(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let session = session(&store, user).await.id;
        let values = store.plugin_values();
        let quarter = "ä".repeat(8 * 1_024 - 1);
        for name in ["a", "b", "c", "d"] {
            values.set_of_session(session, name, Some(&quarter)).await.unwrap();
        }
        let beyond = values.set_of_session(session, "e", Some("12345")).await;
        assert!(matches!(beyond, Err(StoreError::OverSize { kib: 64 })), "{beyond:?}");
        assert_eq!(values.of_session(session, "e").await.unwrap(), None);
        values.set_of_session(session, "e", Some("123")).await.unwrap();
        values.set_of_session(session, "a", Some("")).await.unwrap();
        values.set_of_session(session, "e", Some("12345")).await.unwrap();
    }

    async fn a_plugins_value_is_swapped_by_one_of_many(database: &TestDatabase) {
        let store = database.open().await;
        let other = database.open().await;
        let (jupyter, kiosk) = (plugin("jupyter"), plugin("kiosk"));
        let values = store.plugin_values();
        assert!(values.swap_of_plugin(&jupyter, "seats", None, Some("0")).await.unwrap());
        assert!(!values.swap_of_plugin(&jupyter, "seats", None, Some("9")).await.unwrap());
        assert_eq!(values.of_plugin(&kiosk, "seats").await.unwrap(), None);
        let count = async |store: &launchpad_store::Store| {
            let values = store.plugin_values();
            for _ in 0..20 {
                loop {
                    let now = values.of_plugin(&jupyter, "seats").await.unwrap().unwrap();
                    let next = (now.parse::<u32>().unwrap() + 1).to_string();
                    if values.swap_of_plugin(&jupyter, "seats", Some(&now), Some(&next)).await.unwrap() {
                        break;
                    }
                }
            }
        };
        tokio::join!(count(&store), count(&other));
        assert_eq!(values.of_plugin(&jupyter, "seats").await.unwrap().as_deref(), Some("40"));
        assert!(values.swap_of_plugin(&jupyter, "seats", Some("40"), None).await.unwrap());
        assert_eq!(values.of_plugin(&jupyter, "seats").await.unwrap(), None);
        let large = "x".repeat(1_024 * 1_024);
        let beyond = values.swap_of_plugin(&jupyter, "large", None, Some(&large)).await;
        assert!(matches!(beyond, Err(StoreError::OverSize { kib: 1_024 })), "{beyond:?}");
        assert_eq!(values.of_plugin(&jupyter, "large").await.unwrap(), None);
    }

    async fn a_plugin_that_is_switched_off_stays_off(database: &TestDatabase) {
        let store = database.open().await;
        let kiosk = plugin("kiosk");
        assert!(store.plugin_values().switch(&actor(), &kiosk, false, noon()).await.unwrap());
        assert!(!store.plugin_values().switch(&actor(), &kiosk, false, noon()).await.unwrap());
        let again = database.open().await;
        assert_eq!(again.plugin_values().off().await.unwrap(), std::slice::from_ref(&kiosk));
        assert!(again.plugin_values().switch(&actor(), &kiosk, true, noon()).await.unwrap());
        assert!(again.plugin_values().off().await.unwrap().is_empty());
        let actions = "SELECT action FROM audit_log WHERE action LIKE '%PLUGIN' ORDER BY id";
        let actions: Vec<_> = database.texts(actions).await.into_iter().flatten().collect();
        assert_eq!(actions, ["DISABLE_PLUGIN", "ENABLE_PLUGIN"]);
    }

    async fn what_a_plugin_is_given_takes_the_place_of_what_it_was_given_and_is_audited(database: &TestDatabase) {
        let store = database.open().await;
        let grants = store.plugin_grants();
        let approval = |words: &[&str]| Approval {
            id: plugin("jupyter"),
            source: "/plugins/jupyter".to_owned(),
            capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        for (words, changes) in [(&["pvc"][..], true), (&["pvc"][..], false), (&[][..], true)] {
            let changed = grants.replace(&actor(), &approval(words), noon()).await.unwrap();
            assert_eq!(changed, changes, "{words:?}");
            assert_eq!(grants.all().await.unwrap(), [approval(words)]);
        }
        let actions = "SELECT action FROM audit_log WHERE action LIKE '%PLUGIN' ORDER BY id";
        let actions: Vec<_> = database.texts(actions).await.into_iter().flatten().collect();
        assert_eq!(actions, ["GRANT_PLUGIN", "GRANT_PLUGIN"]);
    }
}
