//! Sign-ins.

use launchpad_domain::{SignInId, UserId};
use launchpad_store::Store;

use crate::support::{TestDatabase, account, actor, later, noon, on_both};

async fn sign_in(store: &Store, user: UserId, hash: &str, minutes: i64) -> SignInId {
    let id = SignInId::new();
    store
        .sign_ins()
        .insert(&actor(), id, user, hash, later(minutes), noon())
        .await
        .unwrap();
    id
}

on_both! {
    async fn a_sign_in_is_found_by_its_hash_until_it_ends(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await;
        let id = sign_in(&store, ada.id, "one", 60).await;
        let found = store.sign_ins().find("one").await.unwrap().unwrap();
        assert_eq!((found.id, found.account, found.expires_at), (id, ada, later(60)));
        assert_eq!((found.created_at, found.last_seen_at), (noon(), noon()));
        store.sign_ins().touch(id, later(5)).await.unwrap();
        assert_eq!(store.sign_ins().find("one").await.unwrap().unwrap().last_seen_at, later(5));
        assert!(store.sign_ins().find("ONE").await.unwrap().is_none());

        assert!(store.sign_ins().delete(&actor(), id, later(6)).await.unwrap());
        assert!(!store.sign_ins().delete(&actor(), id, later(6)).await.unwrap());
        assert!(store.sign_ins().find("one").await.unwrap().is_none());
        let actions: Vec<_> =
            store.audit().page(&launchpad_domain::AuditFilter::default(), None, 10).await.unwrap().into_iter().map(|entry| entry.action).collect();
        assert_eq!(actions, ["SIGN_OUT", "SIGN_IN", "CREATE_USER"]);
    }

    async fn those_whose_time_is_over_are_removed_to_the_microsecond(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await.id;
        for minutes in [1, 2, 3] {
            sign_in(&store, ada, &minutes.to_string(), minutes).await;
        }
        assert_eq!(store.sign_ins().delete_expired(later(2)).await.unwrap(), 1);
        assert!(store.sign_ins().find("1").await.unwrap().is_none());
        assert!(store.sign_ins().find("2").await.unwrap().is_some());
        assert_eq!(store.sign_ins().delete_expired(later(60)).await.unwrap(), 2);
    }

    async fn a_new_password_and_a_disabled_account_end_its_sign_ins_only(database: &TestDatabase) {
        let store = database.open().await;
        let (ada, bob) = (account(&store, "ada").await.id, account(&store, "bob").await.id);
        sign_in(&store, bob, "bob", 60).await;
        sign_in(&store, ada, "one", 60).await;
        assert!(store.accounts().set_password(&actor(), ada, "x", later(1)).await.unwrap());
        assert!(store.sign_ins().find("one").await.unwrap().is_none());
        sign_in(&store, ada, "two", 60).await;
        assert!(store.accounts().set_disabled(&actor(), ada, true, later(1)).await.unwrap());
        assert!(store.sign_ins().find("two").await.unwrap().is_none());
        assert!(store.sign_ins().find("bob").await.unwrap().is_some());
    }

    async fn nobody_signs_in_to_no_account(database: &TestDatabase) {
        let store = database.open().await;
        let (id, nobody) = (SignInId::new(), UserId::new());
        assert!(store.sign_ins().insert(&actor(), id, nobody, "x", later(1), noon()).await.is_err());
        assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 0);
    }

    async fn an_account_that_is_gone_takes_its_sign_ins_along(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await.id;
        sign_in(&store, ada, "one", 60).await;
        store.close().await.unwrap();
        let foreign_keys = database.either("PRAGMA foreign_keys = ON; ", "");
        database.execute(&format!("{foreign_keys}DELETE FROM accounts")).await.unwrap();
        assert_eq!(database.number("SELECT count(*) FROM sign_ins").await, 0);
    }
}
