//! The database lock.

use launchpad_store::{DatabaseLock, Opening, Store, StoreError};

use crate::support::{TestDatabase, on_both};

on_both! {
    async fn stores_share_and_a_restore_needs_it_alone(database: &TestDatabase) {
        let one = database.open().await;
        let two = database.open().await;
        let refused = DatabaseLock::alone(&database.url()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Locked(_)), "{refused:?}");
        assert!(refused.to_string().contains("stop the portal"), "{refused}");
        one.close().await.unwrap();
        assert!(DatabaseLock::alone(&database.url()).await.is_err(), "the other still holds it");
        two.close().await.unwrap();

        let alone = DatabaseLock::alone(&database.url()).await.unwrap();
        let refused = Store::open(&database.url()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Locked(_)), "{refused:?}");
        assert!(refused.to_string().contains("wait"), "{refused}");
        assert!(DatabaseLock::alone(&database.url()).await.is_err());
        assert!(DatabaseLock::shared(&database.url()).await.is_err());

        let opening = Opening { lock: Some(alone), ..Opening::default() };
        let restored = Store::open_with(&database.url(), opening).await.unwrap();
        assert!(Store::open(&database.url()).await.is_err(), "the restore goes on");
        restored.close().await.unwrap();
        database.open().await;
    }

    async fn an_error_shows_no_password(database: &TestDatabase) {
        let _alone = DatabaseLock::alone(&database.url()).await.unwrap();
        let url = database.address.replace("launchpad@", "launchpad:s3cret@").parse().unwrap();
        let refused = Store::open(&url).await.unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("s3cret"));
    }
}
