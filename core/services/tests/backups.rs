//! Backups that are taken by themselves, on real files.
#![expect(
    clippy::unwrap_used,
    reason = "clippy does not count the helpers of tests as tests"
)]

use std::path::Path;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::Clock;
use launchpad_services::backup::BackupPlan;
use launchpad_services::{Backups, BucketAccess};
use launchpad_store::{DatabaseUrl, Store};

#[derive(Debug)]
struct Scripted(Mutex<DateTime<Utc>>);

impl Clock for Scripted {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

impl Scripted {
    fn pass(&self, time: TimeDelta) {
        *self.0.lock().unwrap() += time;
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_is_taken_when_it_is_due_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&DatabaseUrl::Sqlite(folder.path().join("launchpad.db")))
        .await
        .unwrap();
    let clock = Scripted(Mutex::new("2026-11-24T00:00:00Z".parse().unwrap()));
    let destination = folder.path().join("backups");
    let plan = BackupPlan {
        backups: Backups::at(destination.to_str().unwrap(), &BucketAccess::default()).unwrap(),
        interval: TimeDelta::hours(24),
        keep: 2,
    };
    let first = plan.step(&store, &clock).await.unwrap();
    assert_eq!(first, Some(clock.now()));
    clock.pass(TimeDelta::hours(23));
    assert_eq!(
        plan.step(&store, &clock).await.unwrap(),
        first,
        "it is not due yet"
    );
    for _ in 0..3 {
        clock.pass(TimeDelta::hours(24));
        plan.step(&store, &clock).await.unwrap();
    }
    assert_eq!(
        names(&destination),
        [
            "launchpad-20261126T230000.000000Z.db",
            "launchpad-20261126T230000.000000Z.json",
            "launchpad-20261127T230000.000000Z.db",
            "launchpad-20261127T230000.000000Z.json",
        ]
    );
    let checked = plan.backups.verify().await.unwrap();
    assert!(checked.iter().all(|one| one.problem.is_none()), "{checked:?}");

    // One that fails takes nothing away.
    clock.pass(TimeDelta::hours(24));
    store.clone().close().await.unwrap();
    plan.step(&store, &clock).await.unwrap_err();
    assert_eq!(names(&destination).len(), 4);
}
