//! API tokens.

use launchpad_domain::{TokenId, UserId};
use launchpad_store::{NewToken, Store};

use crate::support::{TestDatabase, account, actor, later, noon, on_both};

async fn token(store: &Store, user: UserId, hash: &str) -> TokenId {
    let new = NewToken {
        id: TokenId::new(),
        user_id: user,
        hash: hash.to_owned(),
        expires_at: later(60),
    };
    store.tokens().insert(&actor(), &new, noon()).await.unwrap();
    new.id
}

on_both! {
    async fn a_token_is_found_with_its_end_and_its_owner_as_he_is(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await.id;
        let id = token(&store, ada, "one").await;
        let found = store.tokens().find("one").await.unwrap().unwrap();
        assert_eq!((found.id, found.created_at, found.expires_at), (id, noon(), later(60)));
        assert!(!found.account.disabled);
        assert!(store.accounts().set_disabled(&actor(), ada, true, later(1)).await.unwrap());
        assert!(store.tokens().find("one").await.unwrap().unwrap().account.disabled);
        assert!(store.tokens().find("two").await.unwrap().is_none());
    }

    async fn tokens_are_listed_oldest_first(database: &TestDatabase) {
        let store = database.open().await;
        let (ada, bob) = (account(&store, "ada").await.id, account(&store, "bob").await.id);
        let made = [token(&store, ada, "1").await, token(&store, bob, "2").await, token(&store, ada, "3").await];
        let ids = |tokens: Vec<launchpad_store::Token>| tokens.into_iter().map(|token| token.id).collect::<Vec<_>>();
        assert_eq!(ids(store.tokens().list(None).await.unwrap()), made);
        assert_eq!(ids(store.tokens().list(Some(ada)).await.unwrap()), [made[0], made[2]]);
    }

    async fn a_revoked_token_is_gone(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await.id;
        let id = token(&store, ada, "one").await;
        assert!(store.tokens().revoke(&actor(), id, later(1)).await.unwrap());
        assert!(!store.tokens().revoke(&actor(), id, later(1)).await.unwrap());
        assert!(store.tokens().find("one").await.unwrap().is_none());
        let actions: Vec<_> =
            store.audit().page(&launchpad_domain::AuditFilter::default(), None, 10).await.unwrap().into_iter().map(|entry| entry.action).collect();
        assert_eq!(actions, ["REVOKE_TOKEN", "CREATE_TOKEN", "CREATE_USER"]);
    }

    async fn a_token_that_fails_leaves_no_row(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await.id;
        token(&store, ada, "one").await;
        for (user_id, hash) in [(ada, "one"), (UserId::new(), "two")] {
            let new = NewToken { id: TokenId::new(), user_id, hash: hash.to_owned(), expires_at: later(60) };
            assert!(store.tokens().insert(&actor(), &new, noon()).await.is_err());
        }
        assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 2);
    }
}
