//! Backups that are taken by themselves, on real files.
#![expect(
    clippy::unwrap_used,
    reason = "clippy does not count the helpers of tests as tests"
)]

use std::path::Path;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::{Actor, Clock};
use launchpad_services::audit::Checkpoints;
use launchpad_services::backup::{BackupPlan, RestoreRequest};
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

/// A folder with three backups, a day apart, of which one keeps two.
async fn three_backups(destination: &Path) -> (BackupPlan, Store, Scripted) {
    let url = DatabaseUrl::Sqlite(destination.with_file_name("launchpad.db"));
    let store = Store::open(&url).await.unwrap();
    let clock = Scripted(Mutex::new("2026-11-24T00:00:00Z".parse().unwrap()));
    let plan = BackupPlan {
        backups: Backups::at(destination.to_str().unwrap(), &BucketAccess::default()).unwrap(),
        interval: TimeDelta::hours(24),
        keep: 2,
    };
    for _ in 0..3 {
        plan.backups.take(&store, &clock).await.unwrap();
        clock.pass(TimeDelta::hours(24));
    }
    (plan, store, clock)
}

#[tokio::test]
async fn only_backups_that_stand_are_counted_as_kept() {
    let folder = tempfile::tempdir().unwrap();
    let destination = folder.path().join("backups");
    let (plan, store, clock) = three_backups(&destination).await;
    std::fs::remove_file(destination.join("launchpad-20261126T000000.000000Z.db")).unwrap();
    let half = destination.join("launchpad-20261125T000000.000000Z.db");
    std::fs::File::options()
        .write(true)
        .open(&half)
        .unwrap()
        .set_len(4_096)
        .unwrap();
    std::fs::write(destination.join("launchpad-20261125T120000.000000Z.json"), "{").unwrap();
    assert_eq!(plan.backups.prune(1).await.unwrap(), 0);
    assert!(
        names(&destination).contains(&"launchpad-20261124T000000.000000Z.db".to_owned()),
        "the only one that stands is kept"
    );

    // The newest does not stand, so one is due, though one that stood would be young enough.
    clock.pass(TimeDelta::hours(-23));
    let taken = plan.step(&store, &clock).await.unwrap();
    assert_eq!(taken, Some(clock.now()));
    assert_eq!(plan.backups.newest().await.unwrap(), taken);
    // With two that stand, the third of them would go; what does not stand does not count, and stays for now.
    assert_eq!(names(&destination).len(), 8);
    clock.pass(TimeDelta::hours(24));
    plan.step(&store, &clock).await.unwrap();
    assert_eq!(
        names(&destination),
        [
            "launchpad-20261126T010000.000000Z.db",
            "launchpad-20261126T010000.000000Z.json",
            "launchpad-20261127T010000.000000Z.db",
            "launchpad-20261127T010000.000000Z.json",
        ]
    );
}

#[tokio::test]
async fn a_broken_backup_names_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let destination = folder.path().join("backups");
    let (plan, store, clock) = three_backups(&destination).await;
    store.close().await.unwrap();
    std::fs::write(
        destination.join("launchpad-20261126T000000.000000Z.db"),
        "nothing",
    )
    .unwrap();
    std::fs::remove_file(destination.join("launchpad-20261125T000000.000000Z.db")).unwrap();
    let key = folder.path().join("key");
    let request = RestoreRequest {
        at: None,
        keep_instance: true,
        checkpoints: Checkpoints::beside(&key),
        audit_key: key,
        new_audit_key: false,
    };
    let url = DatabaseUrl::Sqlite(folder.path().join("restored.db"));
    let restored = plan
        .backups
        .restore(&url, &request, Actor::command_line(), &clock)
        .await;
    let told = restored.unwrap_err().to_string();
    assert!(told.contains("--at 2026-11-24T00:00:00.000000Z"), "{told}");
    assert!(!folder.path().join("restored.db").exists());
}
