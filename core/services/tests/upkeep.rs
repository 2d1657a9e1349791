//! What is deleted by policy, and that the audit log can still be proved afterwards, on real files.
#![expect(
    clippy::unwrap_used,
    reason = "clippy does not count the helpers of tests as tests"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::{Actor, AuditAction, AuditFilter, Clock};
use launchpad_services::audit::{AuditReport, CheckpointKind, Checkpoints, verify};
use launchpad_services::upkeep::{RetentionPolicy, Upkeep};
use launchpad_store::{AuditKey, ChainLink, DatabaseUrl, Opening, Store};
use sea_orm::{ConnectOptions, ConnectionTrait, Database};

/// The time of these tests.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }
}

struct Scene {
    folder: tempfile::TempDir,
    store: Store,
}

impl Scene {
    /// A log of so many entries, an hour apart, the last one so long ago.
    async fn with_entries(entries: i32, age: TimeDelta) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let opening = Opening {
            audit_key: Some(folder.path().join("key")),
            ..Opening::default()
        };
        let url = DatabaseUrl::Sqlite(folder.path().join("launchpad.db"));
        let store = Store::open_with(&url, opening).await.unwrap();
        for hours in (0..entries).rev() {
            let at = Noon.now() - age - TimeDelta::hours(hours.into());
            let (actor, action) = (Actor::portal(), AuditAction::RefuseAccess);
            store
                .audit()
                .record(&actor, action, "something", at)
                .await
                .unwrap();
        }
        Self { folder, store }
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn key(&self) -> AuditKey {
        AuditKey::read(&self.key_file()).unwrap().unwrap()
    }

    fn checkpoints(&self) -> Checkpoints {
        Checkpoints::beside(&self.key_file())
    }

    async fn keep(&self, policy: RetentionPolicy) {
        let (store, key) = (self.store.clone(), self.key());
        let upkeep = Upkeep::new(policy, store, key, self.checkpoints(), Arc::new(Noon));
        upkeep.purge().await.unwrap();
    }

    async fn verify(&self) -> AuditReport {
        verify(&self.store, &self.key(), &self.checkpoints(), true)
            .await
            .unwrap()
    }

    /// As another process finds it.
    async fn open_again(&self) -> Store {
        let url = DatabaseUrl::Sqlite(self.folder.path().join("launchpad.db"));
        Store::open(&url).await.unwrap()
    }

    /// Somebody with a database tool.
    async fn behind_the_back(&self, sql: &str) {
        let connection = connect(self.folder.path()).await;
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }
}

async fn connect(folder: &Path) -> sea_orm::DatabaseConnection {
    let address = format!("sqlite://{}", folder.join("launchpad.db").display());
    let mut options = ConnectOptions::new(address);
    // As the store's own: sqlx's task that watches them may spin for ever.
    options
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>);
    Database::connect(options).await.unwrap()
}

fn audit_for(days: i64) -> RetentionPolicy {
    RetentionPolicy {
        audit: Some(TimeDelta::days(days)),
        ..RetentionPolicy::default()
    }
}

#[tokio::test]
async fn the_rest_of_the_log_is_proved_after_its_beginning_was_deleted() {
    let scene = Scene::with_entries(100, TimeDelta::zero()).await;
    let last = scene.store.audit().last_link().await.unwrap();
    scene
        .checkpoints()
        .add(
            &scene.key(),
            scene.store.instance(),
            CheckpointKind::Head,
            last,
            Noon.now(),
        )
        .unwrap();
    scene.keep(audit_for(2)).await;
    let report = scene.verify().await;
    assert_eq!(report.problems, Vec::<String>::new());
    // Two days of entries, the one of their first hour, and the one that says what was done.
    assert_eq!(report.chain.signed, 50);
    let entries = scene
        .store
        .audit()
        .page(&AuditFilter::default(), None, 1)
        .await
        .unwrap();
    assert_eq!(entries[0].action, "PURGE");
    assert!(
        entries[0].details.contains("51 audit entries"),
        "{}",
        entries[0].details
    );

    // Again there is nothing to do, and nothing is noted.
    scene.keep(audit_for(2)).await;
    assert_eq!(scene.verify().await.chain.signed, 50);

    // The signed fact is in the database and travels with it; the file beside the key says the same.
    std::fs::remove_file(scene.folder.path().join("key.checkpoints")).unwrap();
    assert_eq!(scene.verify().await.problems, Vec::<String>::new());

    // More is missing than the policy deleted.
    scene.behind_the_back("DELETE FROM audit_log WHERE id < 60").await;
    let problems = scene.verify().await.problems;
    assert!(
        problems.iter().any(|problem| problem.contains("row 60 is not")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn nobody_deletes_a_beginning_by_saying_that_it_was_policy() {
    let scene = Scene::with_entries(100, TimeDelta::zero()).await;
    scene.keep(audit_for(2)).await;
    scene
        .behind_the_back("UPDATE audit_log SET details = 'nothing' WHERE id = 70")
        .await;
    let problems = scene.verify().await.problems;
    assert!(
        problems.iter().any(|problem| problem.contains("row 70 is not")),
        "{problems:?}"
    );
    // As if it had been deleted up to there.
    scene
        .behind_the_back("DELETE FROM audit_log WHERE id <= 70")
        .await;
    scene
        .behind_the_back(
            "UPDATE instance_facts SET value = replace(value, '51 ', '70 ') WHERE name = 'audit_pruned'",
        )
        .await;
    assert!(!scene.verify().await.problems.is_empty());
}

#[tokio::test]
async fn the_chain_goes_on_where_all_of_it_was_old() {
    let scene = Scene::with_entries(3, TimeDelta::days(10)).await;
    scene.keep(audit_for(2)).await;
    let report = scene.verify().await;
    // What was written about the deletions.
    assert_eq!((report.problems, report.chain.signed), (Vec::new(), 2));
    let actor = Actor::portal();
    scene
        .store
        .audit()
        .record(&actor, AuditAction::RefuseAccess, "more", Noon.now())
        .await
        .unwrap();
    assert_eq!(scene.verify().await.problems, Vec::<String>::new());
}

#[tokio::test]
async fn without_a_policy_nothing_is_deleted() {
    let scene = Scene::with_entries(10, TimeDelta::zero()).await;
    scene.keep(RetentionPolicy::default()).await;
    assert_eq!(scene.verify().await.chain.signed, 10);
}

#[tokio::test]
async fn two_databases_may_have_one_key_and_one_file_of_checkpoints() {
    let one = Scene::with_entries(3, TimeDelta::zero()).await;
    let other = Scene::with_entries(20, TimeDelta::zero()).await;
    let last = one.store.audit().last_link().await.unwrap();
    // Both signed with one key, as two that were restored from one backup are.
    let checkpoints = one.checkpoints();
    for (store, link) in [(&one.store, last), (&other.store, None)] {
        checkpoints
            .add(
                &one.key(),
                store.instance(),
                CheckpointKind::Head,
                link,
                Noon.now(),
            )
            .unwrap();
    }
    let elsewhere = ChainLink {
        id: 2,
        chain: "of the other".to_owned(),
    };
    checkpoints
        .add(
            &one.key(),
            other.store.instance(),
            CheckpointKind::Head,
            Some(elsewhere),
            Noon.now(),
        )
        .unwrap();
    let report = one.verify().await;
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.checkpoints, 1);

    // Who gives the database another id, to be rid of what is known of it, is found.
    let id = other.store.instance();
    one.behind_the_back(&format!(
        "UPDATE instance_facts SET value = '{id}' WHERE name = 'instance_id'"
    ))
    .await;
    let opened = one.open_again().await;
    let report = verify(&opened, &one.key(), &checkpoints, true).await.unwrap();
    assert!(!report.problems.is_empty());
    let nobody = "00000000-0000-4000-8000-000000000000";
    one.behind_the_back(&format!(
        "UPDATE instance_facts SET value = '{nobody}' WHERE name = 'instance_id'"
    ))
    .await;
    let opened = one.open_again().await;
    let report = verify(&opened, &one.key(), &checkpoints, true).await.unwrap();
    assert_eq!(
        report.problems,
        ["3 lines of the checkpoints are about other databases, and none is about this one"]
    );
}
