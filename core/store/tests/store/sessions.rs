//! Sessions: what a launch writes, the limit, the lists.

use launchpad_domain::{RuntimeKind, SessionId, Stage, Status};
use launchpad_store::StoreError;

use crate::support::{TestDatabase, account, actor, end, later, new_session, noon, on_both, session};

on_both! {
    async fn a_launch_is_one_row_in_each_of_three_tables(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let new = new_session(user, "wiki");
        let made = store.sessions().insert(&actor(), &new, 1).await.unwrap();
        assert_eq!(store.sessions().get(new.id).await.unwrap(), Some(made.clone()));
        assert_eq!((made.status, made.stage), (Status::Creating, Stage::Planning));
        assert_eq!((made.created_at, made.updated_at, made.expires_at), (noon(), noon(), later(2)));
        assert_eq!((made.params, made.app_name), (new.params, new.app_name));
        assert_eq!(database.number("SELECT count(*) FROM analytics WHERE app_id = 'wiki'").await, 1);
        let row = &store.audit().page(&launchpad_domain::AuditFilter::default(), None, 1).await.unwrap()[0];
        assert_eq!(row.action, "CREATE_SESSION");
        assert!(row.details.contains(&new.id.to_string()));
        assert_eq!(store.sessions().get(SessionId::new()).await.unwrap(), None);
    }

    async fn of_two_launches_at_once_one_reaches_the_limit(database: &TestDatabase) {
        let store = database.open().await;
        let other = database.open().await;
        for round in 0..10 {
            let user = account(&store, &format!("user{round}")).await.id;
            let (one, two) = (new_session(user, "wiki"), new_session(user, "wiki"));
            let actor = actor();
            let (sessions, others) = (store.sessions(), other.sessions());
            let (one, two) = tokio::join!(sessions.insert(&actor, &one, 1), others.insert(&actor, &two, 1));
            let refused = match (&one, &two) {
                (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
                both => panic!("{both:?}"),
            };
            assert!(matches!(refused, StoreError::OverLimit { limit: 1 }), "{refused}");
            assert_eq!(store.sessions().of_user(user, 10).await.unwrap().len(), 1);
        }
        assert_eq!(database.number("SELECT count(*) FROM analytics").await, 10);
    }

    async fn a_burst_of_launches_reaches_the_limit_exactly(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let mut launches = tokio::task::JoinSet::new();
        for _ in 0..24 {
            let store = store.clone();
            launches.spawn(async move {
                store.sessions().insert(&actor(), &new_session(user, "wiki"), 3).await.is_ok()
            });
        }
        let made = launches.join_all().await.into_iter().filter(|made| *made).count();
        assert_eq!(made, 3);
    }

    async fn the_limit_counts_live_sessions_of_the_account_only(database: &TestDatabase) {
        let store = database.open().await;
        let (ada, bob) = (account(&store, "ada").await.id, account(&store, "bob").await.id);
        let first = session(&store, ada).await.id;
        let launch = |user| {
            let store = store.clone();
            async move { store.sessions().insert(&actor(), &new_session(user, "wiki"), 1).await }
        };
        assert!(launch(ada).await.is_err());
        launch(bob).await.unwrap();
        assert!(end(&store, first, (Status::Creating, Status::Failed), None).await.unwrap());
        launch(ada).await.unwrap();
    }

    async fn lists_are_newest_first_and_bounded(database: &TestDatabase) {
        let store = database.open().await;
        let (ada, bob) = (account(&store, "ada").await.id, account(&store, "bob").await.id);
        let mut made = Vec::new();
        for user in [ada, bob, ada, bob, ada] {
            made.push(session(&store, user).await.id);
        }
        let ids = |sessions: Vec<launchpad_domain::Session>| sessions.into_iter().map(|s| s.id).collect::<Vec<_>>();
        assert_eq!(ids(store.sessions().all(3).await.unwrap()), [made[4], made[3], made[2]]);
        assert_eq!(ids(store.sessions().of_user(ada, 10).await.unwrap()), [made[4], made[2], made[0]]);
        assert_eq!(ids(store.sessions().of_user(bob, 1).await.unwrap()), [made[3]]);
    }

    async fn only_what_is_not_cleaned_is_unfinished(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let sessions = store.sessions();
        let id = session(&store, user).await.id;
        assert!(!sessions.set_cleaned(id, later(1)).await.unwrap(), "it is live");
        assert_eq!(sessions.unfinished(RuntimeKind::Podman).await.unwrap().len(), 1);
        assert!(sessions.unfinished(RuntimeKind::Kubernetes).await.unwrap().is_empty());
        assert!(end(&store, id, (Status::Creating, Status::Failed), None).await.unwrap());
        assert_eq!(sessions.unfinished(RuntimeKind::Podman).await.unwrap().len(), 1);
        assert!(sessions.set_cleaned(id, later(1)).await.unwrap());
        assert!(sessions.unfinished(RuntimeKind::Podman).await.unwrap().is_empty());
    }
}
