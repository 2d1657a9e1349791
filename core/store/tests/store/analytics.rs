//! Launches: each counted once, by whom, and how it went.

use chrono::TimeDelta;
use launchpad_domain::{Actor, AnalyticsQuery, AnalyticsReport, Failure, Reason, SessionId, Status, UserId};
use launchpad_store::{Detail, NewSession, Store};

use crate::support::{TestDatabase, account, actor, app, end, later, new_session, noon, on_both};

/// The days around noon.
fn query(app: &str, granularity: &str) -> AnalyticsQuery {
    let today = noon().date_naive();
    AnalyticsQuery::parse("2026-11-22", "2026-11-24", app, granularity, today).unwrap()
}

async fn report(store: &Store, app: &str) -> AnalyticsReport {
    store
        .analytics()
        .report(&query(app, ""), Detail::Every)
        .await
        .unwrap()
}

async fn open(store: &Store, user: Option<UserId>, id: &str, minutes: i64) {
    let who = Actor { id: user, ..actor() };
    store
        .analytics()
        .open_link(&who, &app(id), later(minutes))
        .await
        .unwrap();
}

/// A session that was launched so many hours after noon.
async fn launch(store: &Store, user: UserId, app: &str, hours: i64) -> SessionId {
    let begun = noon() + TimeDelta::hours(hours);
    let new = NewSession {
        created_at: begun,
        ..new_session(user, app)
    };
    store.sessions().insert(&actor(), &new, 100).await.unwrap().id
}

async fn fail(store: &Store, id: SessionId, from: Status, reason: Reason) {
    assert!(
        end(store, id, (from, Status::Failed), Some(&Failure::new(reason, "")))
            .await
            .unwrap()
    );
}

on_both! {
    async fn launches_are_counted_per_app_with_the_last_one(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        store.apps().insert(&actor(), &app("link"), noon()).await.unwrap();
        for minute in [3, 1, 2] {
            open(&store, None, "link", minute).await;
        }
        store.sessions().insert(&actor(), &new_session(user, "gone"), 1).await.unwrap();

        let counts = store.analytics().counts().await.unwrap();
        assert_eq!(counts.total_launches, 4);
        let rows: Vec<_> = counts
            .apps
            .iter()
            .map(|row| (row.app_id.as_str(), row.app_name.as_str(), row.launches, row.last_launch))
            .collect();
        // The second is deleted since: the name is that of its last launch.
        assert_eq!(rows, [("link", "The app link", 3, later(3)), ("gone", "The app gone", 1, noon())]);
    }

    async fn nothing_launched_counts_nothing(database: &TestDatabase) {
        let store = database.open().await;
        let counts = store.analytics().counts().await.unwrap();
        assert_eq!((counts.total_launches, counts.apps.len()), (0, 0));
        let report = report(&store, "").await;
        assert_eq!((report.steps.len(), report.apps.len(), report.total.people), (3, 0, Some(0)));
    }

    async fn an_opened_link_is_audited(database: &TestDatabase) {
        let store = database.open().await;
        open(&store, None, "wiki", 0).await;
        let row = &store.audit().page(&launchpad_domain::AuditFilter::default(), None, 1).await.unwrap()[0];
        assert_eq!((row.action.as_str(), row.details.as_str()), ("OPEN_LINK", "wiki"));
    }

    async fn people_are_counted_once_however_often_they_come(database: &TestDatabase) {
        let store = database.open().await;
        let (ada, eve) = (account(&store, "ada").await.id, account(&store, "eve").await.id);
        for (user, app, minutes) in [
            (ada, "wiki", 0), (ada, "wiki", 1), (eve, "wiki", 2), (ada, "mail", 3), (ada, "wiki", 1_440), (eve, "wiki", 1_441),
        ] {
            open(&store, Some(user), app, minutes).await;
        }
        open(&store, None, "wiki", 4).await;
        let report = report(&store, "").await;
        assert_eq!((report.total.launches, report.total.people), (7, Some(2)));
        let days: Vec<_> = report.steps.iter().map(|step| (step.figures.launches, step.figures.people)).collect();
        assert_eq!(days, [(0, Some(0)), (5, Some(2)), (2, Some(2))]);
        let apps: Vec<_> =
            report.apps.iter().map(|app| (app.ever.app_id.as_str(), app.figures.launches, app.figures.people)).collect();
        assert_eq!(apps, [("wiki", 6, Some(2)), ("mail", 1, Some(1))]);
        let some = store.analytics().report(&query("", ""), Detail::Most(1)).await.unwrap();
        assert_eq!((some.apps[1].figures.launches, some.apps[1].figures.people), (1, None));
        let recent = store.analytics().recent(ada, 5).await.unwrap();
        assert_eq!(recent, ["wiki".parse().unwrap(), "mail".parse().unwrap()]);
    }

    async fn how_a_launch_went_is_counted_where_it_began(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let ready = launch(&store, user, "desk", 0).await;
        for (hours, reason) in [(0, Reason::ImageMissing), (1, Reason::ImageMissing), (1, Reason::Cancelled)] {
            let id = launch(&store, user, "desk", hours).await;
            fail(&store, id, Status::Creating, reason).await;
        }
        let now = noon() + TimeDelta::milliseconds(2_000);
        assert!(store.sessions().set_running(ready, None, later(60), now).await.unwrap());
        assert!(!store.sessions().set_running(ready, None, later(60), now).await.unwrap(), "it is counted once");
        fail(&store, ready, Status::Running, Reason::OutOfMemory).await;

        let total = report(&store, "desk").await.total;
        assert_eq!((total.launches, total.failed), (4, 2));
        let times = total.ready.unwrap();
        assert!(times.p50_ms.abs_diff(2_000) <= 60 && times.p50_ms == times.p95_ms, "{times:?}");
        let failures: Vec<_> =
            report(&store, "").await.failures.iter().map(|row| (row.reason, row.launching, row.running)).collect();
        assert_eq!(failures, [(Reason::ImageMissing, 2, 0), (Reason::OutOfMemory, 0, 1)]);
        let hours = store.analytics().report(&query("", "hour"), Detail::Every).await.unwrap().steps;
        let of_hour = |hour: usize| (hours[24 + hour].figures.launches, hours[24 + hour].figures.failed);
        assert_eq!((hours.len(), of_hour(12), of_hour(13), of_hour(14)), (72, (2, 1), (2, 1), (0, 0)));
        let rows = database.texts("SELECT outcome FROM analytics ORDER BY id").await;
        let rows: Vec<_> = rows.iter().flatten().map(String::as_str).collect();
        assert_eq!(rows, ["ready", "failed", "failed", "cancelled"]);
    }

    async fn the_most_sessions_at_one_time_are_known(database: &TestDatabase) {
        let store = database.open().await;
        let user = account(&store, "ada").await.id;
        let first = launch(&store, user, "desk", 0).await;
        launch(&store, user, "desk", 0).await;
        launch(&store, user, "other", 0).await;
        fail(&store, first, Status::Creating, Reason::Cancelled).await;
        launch(&store, user, "desk", 0).await;
        // The next day nobody launches, but what runs is seen.
        store.analytics().observe(noon() + TimeDelta::days(1)).await.unwrap();
        let all = report(&store, "").await;
        let peaks: Vec<_> = all.steps.iter().map(|step| step.figures.peak_sessions).collect();
        assert_eq!((all.total.peak_sessions, peaks), (3, vec![0, 3, 3]));
        assert_eq!(report(&store, "desk").await.total.peak_sessions, 2);
    }

    async fn what_was_launched_before_the_sums_is_in_them(database: &TestDatabase) {
        database.migrate_to(4).await;
        for statement in [
            "INSERT INTO analytics (app_id, timestamp) VALUES ('wiki', '2026-11-23T12:00:00.000000Z')",
            "INSERT INTO analytics (app_id, timestamp) VALUES ('wiki', '2026-11-23 12:30:00')",
            "INSERT INTO analytics (app_id, timestamp) VALUES ('mail', '2026-11-24T01:00:00.000000Z')",
        ] {
            database.execute(statement).await.unwrap();
        }
        let store = database.open().await;
        assert_eq!(store.analytics().counts().await.unwrap().total_launches, 3);
        let all = report(&store, "").await;
        let days: Vec<_> = all.steps.iter().map(|step| step.figures.launches).collect();
        assert_eq!((days, all.apps.len()), (vec![0, 2, 1], 2));
        let hours = store.analytics().report(&query("wiki", "hour"), Detail::Every).await.unwrap();
        assert_eq!(hours.steps[24 + 12].figures.launches, 2);
    }
}
