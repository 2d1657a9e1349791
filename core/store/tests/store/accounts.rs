//! Accounts and the setup link.

use launchpad_domain::{Role, UserId};
use launchpad_store::{NewAccount, StoreError};

use crate::support::{TestDatabase, account, actor, later, noon, on_both};

fn admin(name: &str) -> NewAccount {
    NewAccount {
        id: UserId::new(),
        name: name.parse().unwrap(),
        role: Role::Admin,
        password_hash: Some("$argon2id$x".to_owned()),
    }
}

on_both! {
    async fn a_name_is_taken_in_whatever_case(database: &TestDatabase) {
        let store = database.open().await;
        account(&store, "Ada").await;
        let again = store.accounts().insert(&actor(), &admin("ADA"), noon()).await.unwrap_err();
        assert!(matches!(again, StoreError::Taken(_)), "{again}");
        assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 1);
        let (found, hash) = store.accounts().by_name("ada").await.unwrap().unwrap();
        assert_eq!((found.name.as_str(), hash), ("Ada", None));
        assert!(store.accounts().by_name("Ada").await.unwrap().is_none(), "it is asked for in lower case");
    }

    async fn accounts_are_listed_by_name_on_any_database(database: &TestDatabase) {
        let store = database.open().await;
        for name in ["b-a", "ba", "B.a", "a_b", "ab", "1a"] {
            account(&store, name).await;
        }
        let names: Vec<_> = store.accounts().list().await.unwrap().into_iter().map(|a| a.name.folded()).collect();
        assert_eq!(names, ["1a", "a_b", "ab", "b-a", "b.a", "ba"]);
    }

    async fn a_changed_account_is_audited_and_one_that_is_not_there_is_not(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await;
        assert!(store.accounts().set_password(&actor(), ada.id, "$argon2id$new", later(1)).await.unwrap());
        assert!(store.accounts().set_disabled(&actor(), ada.id, true, later(2)).await.unwrap());
        let (found, hash) = store.accounts().by_name("ada").await.unwrap().unwrap();
        assert!(found.disabled);
        assert_eq!(hash.as_deref(), Some("$argon2id$new"));
        let nobody = UserId::new();
        assert!(!store.accounts().set_password(&actor(), nobody, "x", later(3)).await.unwrap());
        assert!(!store.accounts().set_disabled(&actor(), nobody, true, later(3)).await.unwrap());
        let actions: Vec<_> =
            store.audit().page(&launchpad_domain::AuditFilter::default(), None, 10).await.unwrap().into_iter().map(|entry| entry.action).collect();
        assert_eq!(actions, ["DISABLE_USER", "SET_PASSWORD", "CREATE_USER"]);
    }

    async fn the_newest_setup_link_makes_the_first_administrator_only(database: &TestDatabase) {
        let store = database.open().await;
        let accounts = store.accounts();
        let ask = async |hash: &str, minutes| {
            accounts.insert_first_admin(&actor(), &admin("root"), hash, later(minutes)).await.unwrap()
        };
        assert!(ask("one", 0).await.is_none(), "no link was made");
        accounts.set_setup_token("one", later(10)).await.unwrap();
        accounts.set_setup_token("two", later(10)).await.unwrap();
        assert_eq!(accounts.setup_token().await.unwrap(), Some(("two".to_owned(), later(10))));
        assert!(ask("one", 0).await.is_none(), "an older link");
        assert!(ask("two", 10).await.is_none(), "its time is over");
        assert!(!accounts.admin_exists().await.unwrap());
        assert_eq!(ask("two", 9).await.unwrap().role, Role::Admin);
        assert!(accounts.admin_exists().await.unwrap());
        assert!(ask("two", 9).await.is_none(), "used up");
    }

    async fn of_two_who_use_the_setup_link_at_once_one_succeeds(database: &TestDatabase) {
        let store = database.open().await;
        let other = database.open().await;
        store.accounts().set_setup_token("link", later(10)).await.unwrap();
        let (actor, eve, bob) = (actor(), admin("eve"), admin("bob"));
        let (ours, theirs) = (store.accounts(), other.accounts());
        let (one, two) = tokio::join!(
            ours.insert_first_admin(&actor, &eve, "link", noon()),
            theirs.insert_first_admin(&actor, &bob, "link", noon()),
        );
        assert_ne!(one.unwrap().is_some(), two.unwrap().is_some());
        assert_eq!(store.accounts().list().await.unwrap().len(), 1);
    }
}
