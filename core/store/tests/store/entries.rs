//! Entries to the origins of sessions.

use launchpad_domain::{SessionId, SignInId};
use launchpad_store::{Entry, Store};

use crate::support::{TestDatabase, account, actor, later, noon, on_both};

async fn sign_in(store: &Store, hash: &str) -> SignInId {
    let ada = account(store, "ada").await.id;
    let id = SignInId::new();
    let sign_ins = store.sign_ins();
    sign_ins
        .insert(&actor(), id, ada, hash, later(60), noon())
        .await
        .unwrap();
    id
}

fn entry(hash: &str, session: SessionId, sign_in: SignInId, minutes: i64) -> Entry {
    Entry {
        hash: hash.to_owned(),
        session,
        sign_in,
        expires_at: later(minutes),
    }
}

on_both! {
    async fn a_code_is_changed_for_a_cookie_of_its_session_once(database: &TestDatabase) {
        let store = database.open().await;
        let (session, other) = (SessionId::new(), SessionId::new());
        let id = sign_in(&store, "s").await;
        let entries = store.entries();
        entries.insert_code(&entry("code", session, id, 1), noon()).await.unwrap();
        assert_eq!(entries.sign_in_of_code("code", session, noon()).await.unwrap().unwrap().id, id);
        assert!(entries.sign_in_of_code("code", other, noon()).await.unwrap().is_none());
        assert!(entries.sign_in_of_code("code", session, later(1)).await.unwrap().is_none());
        assert!(entries.sign_in_of_cookie("code", session, noon()).await.unwrap().is_none());

        assert!(!entries.exchange("code", &entry("cookie", other, id, 60)).await.unwrap());
        assert!(entries.exchange("code", &entry("cookie", session, id, 60)).await.unwrap());
        assert!(!entries.exchange("code", &entry("again", session, id, 60)).await.unwrap());
        assert_eq!(entries.sign_in_of_cookie("cookie", session, noon()).await.unwrap().unwrap().id, id);
        assert!(entries.sign_in_of_cookie("cookie", other, noon()).await.unwrap().is_none());
        assert!(entries.sign_in_of_code("cookie", session, noon()).await.unwrap().is_none());
    }

    async fn entries_end_with_their_sign_in_and_old_ones_are_forgotten(database: &TestDatabase) {
        let store = database.open().await;
        let session = SessionId::new();
        let id = sign_in(&store, "s").await;
        let entries = store.entries();
        entries.insert_code(&entry("old", session, id, 1), noon()).await.unwrap();
        entries.insert_code(&entry("new", session, id, 5), later(2)).await.unwrap();
        assert_eq!(database.number("SELECT count(*) FROM entries").await, 1);
        assert!(entries.exchange("new", &entry("cookie", session, id, 60)).await.unwrap());
        assert!(store.sign_ins().delete(&actor(), id, later(3)).await.unwrap());
        assert!(entries.sign_in_of_cookie("cookie", session, later(3)).await.unwrap().is_none());
        assert_eq!(database.number("SELECT count(*) FROM entries").await, 0);
    }
}
