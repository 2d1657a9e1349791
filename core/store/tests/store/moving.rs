//! Databases that move: every row arrives, and no portal starts on the old one.

use launchpad_store::{DatabaseLock, Store, StoreError, move_database};

use crate::support::{TestDatabase, account, on_both, session};

on_both! {
    async fn everything_moves_and_the_source_is_retired(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await;
        let live = session(&store, ada.id).await;
        let instance = store.instance();
        for to in [TestDatabase::sqlite(), TestDatabase::postgres().await] {
            let refused = move_database(&database.url(), &to.url()).await.unwrap_err();
            assert!(matches!(refused, StoreError::Locked(_)), "{refused:?}");
        }
        store.close().await.unwrap();
        let before = database.dump().await;
        let to = if database.is_postgres() { TestDatabase::sqlite() } else { TestDatabase::postgres().await };
        let counts = move_database(&database.url(), &to.url()).await.unwrap();
        assert_eq!((counts["accounts"], counts["sessions"]), (1, 1));
        assert_eq!(to.dump().await, before);
        let moved = to.open().await;
        assert_eq!(moved.instance(), instance);
        assert!(moved.sessions().get(live.id).await.unwrap().unwrap().status.is_live(), "it goes on");
        moved.close().await.unwrap();

        let refused = Store::open(&database.url()).await.unwrap_err();
        assert!(refused.to_string().contains("was moved to"), "{refused}");
        let other = TestDatabase::sqlite();
        let refused = move_database(&database.url(), &other.url()).await.unwrap_err();
        assert!(refused.to_string().contains("was moved to"), "{refused}");
        // Back into the old place it does not go either: that holds data.
        let refused = move_database(&to.url(), &database.url()).await.unwrap_err();
        assert!(refused.to_string().contains("holds data"), "{refused}");
        to.open().await.ping().await.unwrap();
    }

    async fn what_was_interrupted_is_done_again(database: &TestDatabase) {
        let store = database.open().await;
        account(&store, "ada").await;
        store.close().await.unwrap();
        let before = database.dump().await;
        let to = if database.is_postgres() { TestDatabase::sqlite() } else { TestDatabase::postgres().await };
        move_database(&database.url(), &to.url()).await.unwrap();
        // As it is between the two last steps, and before the first of them.
        let mark = format!(
            "INSERT INTO instance_facts (name, value) VALUES ('retired', 'it is an unfinished copy of {}')",
            database.url()
        );
        for interrupted_before_retiring in [false, true] {
            to.execute(&mark).await.unwrap();
            to.execute("DELETE FROM accounts").await.unwrap();
            if interrupted_before_retiring {
                database.execute("DELETE FROM instance_facts WHERE name = 'retired'").await.unwrap();
            }
            let refused = Store::open(&to.url()).await.unwrap_err();
            assert!(refused.to_string().contains("unfinished copy"), "{refused}");
            move_database(&database.url(), &to.url()).await.unwrap();
            assert_eq!(to.dump().await, before);
            assert!(Store::open(&database.url()).await.is_err());
            to.open().await.close().await.unwrap();
        }
    }

    async fn a_target_with_data_is_left_as_it_is(database: &TestDatabase) {
        let from = TestDatabase::sqlite();
        from.open().await.close().await.unwrap();
        let store = database.open().await;
        account(&store, "ada").await;
        store.close().await.unwrap();
        let before = database.dump().await;
        let refused = move_database(&from.url(), &database.url()).await.unwrap_err();
        assert!(refused.to_string().contains("holds data"), "{refused}");
        assert_eq!(database.dump().await, before);
        from.open().await.close().await.unwrap();
        let refused = move_database(&database.url(), &database.url()).await.unwrap_err();
        assert!(refused.to_string().contains("is where the data is"), "{refused}");
        drop(DatabaseLock::alone(&database.url()).await.unwrap());
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_moved() {
    let (from, to) = (TestDatabase::sqlite(), TestDatabase::sqlite());
    let refused = move_database(&from.url(), &to.url()).await.unwrap_err();
    assert!(refused.to_string().contains("is not there"), "{refused}");
    assert!(!std::path::Path::new(&to.address).exists());
}
