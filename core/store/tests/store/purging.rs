//! What is deleted by policy, and an account that is forgotten.

use chrono::TimeDelta;
use launchpad_domain::{Actor, AnalyticsQuery, Failure, Preferences, Reason, Role, SignInId, Status, UserId};
use launchpad_store::{Detail, NewAccount, NewSession, Store};

use crate::support::{TestDatabase, account, actor, app, end, later, new_session, noon, on_both};

/// A session that was launched and failed so many days after noon, and of which nothing is left.
async fn past(store: &Store, user: launchpad_domain::UserId, days: i64) {
    let begun = noon() + TimeDelta::days(days);
    let new = NewSession {
        created_at: begun,
        ..new_session(user, "desk")
    };
    store.sessions().insert(&actor(), &new, 100).await.unwrap();
    let failure = Failure::new(Reason::ImageMissing, "");
    let (from, to) = (Status::Creating, Status::Failed);
    assert!(
        store
            .sessions()
            .finish(&actor(), new.id, from, to, Some(&failure), begun)
            .await
            .unwrap()
    );
    assert!(store.sessions().set_cleaned(new.id, begun).await.unwrap());
}

async fn all(step: impl AsyncFn() -> u64) -> u64 {
    let mut rows = 0;
    loop {
        match step().await {
            0 => return rows,
            some => rows += some,
        }
    }
}

on_both! {
    async fn only_what_is_older_goes(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        for days in [0, 1, 2, 3] {
            past(&store, user, days).await;
        }
        // It is old, and still runs.
        let live = store.sessions().insert(&actor(), &new_session(user, "desk"), 100).await.unwrap().id;
        let (purging, who) = (store.purging(), actor());
        let (before, now) = (noon() + TimeDelta::days(2), noon() + TimeDelta::days(9));
        assert_eq!(all(async || purging.sessions(&who, before, now).await.unwrap()).await, 2);
        assert_eq!(store.sessions().all(10).await.unwrap().len(), 3);
        assert!(store.sessions().get(live).await.unwrap().is_some());

        assert_eq!(all(async || purging.launches(&who, before, now).await.unwrap()).await, 3);
        assert_eq!(database.number("SELECT count(*) FROM analytics").await, 2);
        all(async || purging.sums(&who, before, now).await.unwrap()).await;
        let query = AnalyticsQuery::parse("2026-11-20", "2026-11-30", "", "", noon().date_naive()).unwrap();
        let report = store.analytics().report(&query, Detail::Every).await.unwrap();
        assert_eq!((report.total.launches, report.failures[0].launching), (2, 2));
        assert_eq!(store.analytics().counts().await.unwrap().total_launches, 5, "of all time");
        assert_eq!(database.number("SELECT count(*) FROM launch_hours WHERE hour < '2026-11-25'").await, 0);
        let purges = "SELECT count(*) FROM audit_log WHERE action = 'PURGE'";
        assert_eq!(database.number(purges).await, 4, "one for each transaction that deleted something");
    }

    async fn a_deleted_app_goes_for_good_when_its_time_is_over(database: &TestDatabase) {
        let store = database.open().await;
        for id in ["old", "young"] {
            store.apps().insert(&actor(), &app(id), noon()).await.unwrap();
        }
        store.apps().delete(&actor(), &app("old").id, None, noon()).await.unwrap();
        store.apps().delete(&actor(), &app("young").id, None, later(10)).await.unwrap();
        assert_eq!(store.purging().deleted_apps(&actor(), later(5), later(20)).await.unwrap(), 1);
        let left = store.apps().deleted(10).await.unwrap();
        assert_eq!(left.iter().map(|deleted| deleted.app.id.as_str()).collect::<Vec<_>>(), ["young"]);
    }

    async fn a_forgotten_account_is_named_nowhere_but_in_the_audit_log(database: &TestDatabase) {
        let store = database.open().await;
        let (ada, eve) = (account(&store, "ada").await.id, account(&store, "eve").await.id);
        for user in [ada, eve] {
            past(&store, user, 0).await;
            let who = Actor { id: Some(user), ..actor() };
            store.analytics().open_link(&who, &app("wiki"), later(1)).await.unwrap();
            store.preferences().put(&who, user, &Preferences::default(), noon()).await.unwrap();
            let hash = format!("hash of {user}");
            store.sign_ins().insert(&who, SignInId::new(), user, &hash, later(600), noon()).await.unwrap();
        }
        let live = store.sessions().insert(&actor(), &new_session(ada, "desk"), 100).await.unwrap().id;
        assert_eq!(store.accounts().forget(&actor(), ada, later(2)).await.unwrap(), None, "it has a live session");
        assert!(store.accounts().get(ada).await.unwrap().is_some());
        assert!(end(&store, live, (Status::Creating, Status::Failed), None).await.unwrap());
        assert_eq!(store.accounts().forget(&actor(), ada, later(2)).await.unwrap(), None, "it is not cleaned up");
        assert!(store.sessions().set_cleaned(live, later(2)).await.unwrap());

        let forgotten = store.accounts().forget(&actor(), ada, later(3)).await.unwrap().unwrap();
        assert_eq!((forgotten.sessions, forgotten.launches, forgotten.sign_ins), (2, 3, 1));
        for (table, rows) in database.dump().await {
            let named = rows.iter().flatten().flatten().any(|cell| cell.contains(&ada.to_string()));
            assert_eq!(named, table == "audit_log", "{table}");
            assert!(rows.iter().flatten().flatten().any(|cell| cell.contains(&eve.to_string())) || ![
                "accounts", "sessions", "analytics", "user_preferences", "sign_ins", "launch_people", "recent_apps",
            ].contains(&table.as_str()), "{table} lost another's row");
        }
        let query = AnalyticsQuery::parse("2026-11-23", "2026-11-23", "", "", noon().date_naive()).unwrap();
        let total = store.analytics().report(&query, Detail::Every).await.unwrap().total;
        assert_eq!((total.launches, total.people), (5, Some(2)), "counted on without a name");
    }
}

#[tokio::test]
async fn nothing_of_a_forgotten_password_is_left_in_the_file() {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    let new = NewAccount {
        id: UserId::new(),
        name: "ada".parse().unwrap(),
        role: Role::User,
        password_hash: Some("$argon2id$v=19$of-adas-password".to_owned()),
    };
    store.accounts().insert(&actor(), &new, noon()).await.unwrap();
    let lies_there = || {
        ["", "-wal"].iter().any(|suffix| {
            std::fs::read(format!("{}{suffix}", database.address))
                .is_ok_and(|bytes| bytes.windows(16).any(|part| part == b"of-adas-password"))
        })
    };
    assert!(lies_there(), "else this finds nothing");
    store
        .accounts()
        .forget(&actor(), new.id, later(1))
        .await
        .unwrap()
        .unwrap();
    assert!(!lies_there());
    store.close().await.unwrap();
    assert!(!lies_there());
}
