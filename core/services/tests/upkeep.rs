//! What is deleted by policy, and that the audit log can still be proved afterwards, on real files.
#![expect(
    clippy::unwrap_used,
    reason = "clippy does not count the helpers of tests as tests"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::{Actor, AuditAction, AuditFilter, Clock};
use launchpad_services::audit::{AuditReport, CheckpointKind, Checkpoints, verify};
use launchpad_services::upkeep::{RetentionPolicy, Upkeep};
use launchpad_store::{AuditKey, DatabaseUrl, Opening, Store};
use sea_orm::{ConnectionTrait, Database};

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

    /// Somebody with a database tool.
    async fn behind_the_back(&self, sql: &str) {
        let connection = connect(self.folder.path()).await;
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }
}

async fn connect(folder: &Path) -> sea_orm::DatabaseConnection {
    let address = format!("sqlite://{}", folder.join("launchpad.db").display());
    Database::connect(address).await.unwrap()
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
        .add(&scene.key(), CheckpointKind::Head, last, Noon.now())
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
