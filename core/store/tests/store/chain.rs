//! The chain of the audit log: whatever somebody does to the log who has the database but not the key is found.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use launchpad_domain::AuditAction;
use launchpad_store::{AuditKey, ChainLink, ChainReport, Opening, Store, StoreError};
use tempfile::TempDir;

use crate::support::{TestDatabase, account, actor, later, on_both};

struct Signed {
    _folder: TempDir,
    key: PathBuf,
}

impl Signed {
    fn new() -> Self {
        let folder = TempDir::with_prefix("launchpad-key-").unwrap();
        let key = folder.path().join("audit-key");
        Self { _folder: folder, key }
    }

    async fn open(&self, database: &TestDatabase) -> Result<Store, StoreError> {
        let opening = Opening {
            audit_key: Some(self.key.clone()),
            ..Opening::default()
        };
        Store::open_with(&database.url(), opening).await
    }

    fn key(&self) -> AuditKey {
        AuditKey::read(&self.key).unwrap().unwrap()
    }

    /// Ten rows, and the link of the seventh as a checkpoint would have it.
    async fn filled(&self, database: &TestDatabase) -> (Store, ChainLink) {
        let store = self.open(database).await.unwrap();
        write(&store, 7).await;
        let link = store.audit().last_link().await.unwrap().unwrap();
        write(&store, 3).await;
        (store, link)
    }
}

async fn write(store: &Store, rows: i64) {
    for row in 0..rows {
        let details = format!("number {row}");
        store
            .audit()
            .record(&actor(), AuditAction::RefuseAccess, &details, later(row))
            .await
            .unwrap();
    }
}

/// What somebody could do to the log, and what is then said.
const DEEDS: &[(&str, &[&str], &str)] = &[
    (
        "an edit",
        &["UPDATE audit_log SET details = 'nothing' WHERE id = 4"],
        "row 4 is not",
    ),
    (
        "another name",
        &["UPDATE audit_log SET \"user\" = 'eve' WHERE id = 10"],
        "row 10 is not",
    ),
    (
        "a deletion",
        &["DELETE FROM audit_log WHERE id = 5"],
        "row 6 is not",
    ),
    (
        "two that change places",
        &[
            "UPDATE audit_log SET id = 99 WHERE id = 3",
            "UPDATE audit_log SET id = 3 WHERE id = 4",
            "UPDATE audit_log SET id = 4 WHERE id = 99",
        ],
        "row 3 is not",
    ),
    (
        "the end cut off",
        &["DELETE FROM audit_log WHERE id > 6"],
        "row 7 is gone",
    ),
    (
        "the end cut off, and rows of one's own",
        &[
            "DELETE FROM audit_log WHERE id > 6",
            "INSERT INTO audit_log (id, timestamp, \"user\", action, chain) SELECT 7, timestamp, \"user\", action, chain \
             FROM audit_log WHERE id = 6",
        ],
        "row 7 is not",
    ),
    ("all of it gone", &["DELETE FROM audit_log"], "row 7 is gone"),
    (
        "all of it signed anew",
        &["UPDATE audit_log SET chain = 'deadbeef:00'"],
        "row 7 is not the one",
    ),
    (
        "the beginning gone",
        &["DELETE FROM audit_log WHERE id < 3"],
        "row 3 is not",
    ),
    (
        "one put in before the first",
        &[
            "INSERT INTO audit_log (id, timestamp, \"user\", action) SELECT 0, timestamp, \"user\", action FROM audit_log \
             WHERE id = 1",
        ],
        "1 rows before row 1 were put in",
    ),
    (
        "the beginning unsigned",
        &["UPDATE audit_log SET chain = NULL WHERE id < 3"],
        "row 3 is not",
    ),
];

on_both! {
    async fn what_was_written_is_whole(database: &TestDatabase) {
        let signed = Signed::new();
        let (store, link) = signed.filled(database).await;
        account(&store, "ada").await;
        let mode = fs::metadata(&signed.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let whole = ChainReport { signed: 11, ..ChainReport::default() };
        assert_eq!(store.verify_chain(&signed.key(), std::slice::from_ref(&link), None).await.unwrap(), whole);
        let other = AuditKey::from([1; 32]);
        let report = store.verify_chain(&other, &[], None).await.unwrap();
        assert_eq!((report.signed, report.before), (0, 11));
        // A beginning that was deleted by policy is known from outside.
        database.execute("DELETE FROM audit_log WHERE id <= 7").await.unwrap();
        let rest = ChainReport { signed: 4, ..ChainReport::default() };
        assert_eq!(store.verify_chain(&signed.key(), std::slice::from_ref(&link), Some(&link)).await.unwrap(), rest);
        // And that nothing is there in its place.
        let put_in = "INSERT INTO audit_log (id, timestamp, \"user\", action) VALUES (7, '', 'eve', 'LOGIN')";
        database.execute(put_in).await.unwrap();
        let report = store.verify_chain(&signed.key(), &[], Some(&link)).await.unwrap();
        assert!(report.problems[0].contains("1 rows up to row 7 were put in"), "{report:?}");
    }

    async fn whatever_was_done_to_it_is_found(database: &TestDatabase) {
        let signed = Signed::new();
        let (store, link) = signed.filled(database).await;
        database.execute("CREATE TABLE whole AS SELECT * FROM audit_log").await.unwrap();
        for (what, statements, wanted) in DEEDS {
            for statement in *statements {
                database.execute(statement).await.unwrap();
            }
            let report = store.verify_chain(&signed.key(), std::slice::from_ref(&link), None).await.unwrap();
            assert!(report.problems.iter().any(|problem| problem.contains(wanted)), "{what}: {report:?}");
            database.execute("DELETE FROM audit_log").await.unwrap();
            database.execute("INSERT INTO audit_log SELECT * FROM whole").await.unwrap();
            let report = store.verify_chain(&signed.key(), std::slice::from_ref(&link), None).await.unwrap();
            assert_eq!(report.problems, Vec::<String>::new());
        }
    }

    async fn a_row_that_was_cut_off_is_missed_also_when_another_has_its_number(database: &TestDatabase) {
        let signed = Signed::new();
        let (store, _) = signed.filled(database).await;
        let before = store.audit().last_link().await.unwrap().unwrap();
        database.execute("DELETE FROM audit_log WHERE id = 10").await.unwrap();
        let again = if database.is_postgres() {
            "SELECT setval(pg_get_serial_sequence('audit_log', 'id'), 9)"
        } else {
            "UPDATE sqlite_sequence SET seq = 9 WHERE name = 'audit_log'"
        };
        database.execute(again).await.unwrap();
        write(&store, 1).await;
        let after = store.audit().last_link().await.unwrap().unwrap();
        assert!(before.id == after.id && before.chain != after.chain, "{before:?} {after:?}");
        let report = store.verify_chain(&signed.key(), &[before, after], None).await.unwrap();
        assert_eq!(report.problems, ["row 10 is not the one that a checkpoint has"]);
    }

    async fn writers_at_once_make_one_chain(database: &TestDatabase) {
        let signed = Signed::new();
        let one = signed.open(database).await.unwrap();
        let other = signed.open(database).await.unwrap();
        tokio::join!(write(&one, 20), write(&other, 20), write(&one, 20));
        let report = one.verify_chain(&signed.key(), &[], None).await.unwrap();
        assert_eq!(report, ChainReport { signed: 60, ..ChainReport::default() });
    }

    async fn a_lost_key_is_missed(database: &TestDatabase) {
        let signed = Signed::new();
        let (store, _) = signed.filled(database).await;
        store.close().await.unwrap();
        let old = signed.key();
        fs::remove_file(&signed.key).unwrap();
        let error = signed.open(database).await.unwrap_err();
        assert!(error.to_string().contains(&format!("signed with the key {}", old.id())), "{error}");
        assert!(!signed.key.exists(), "none is made in its place");
        fs::write(&signed.key, "00".repeat(32)).unwrap();
        let readable = fs::Permissions::from_mode(0o644);
        fs::set_permissions(&signed.key, readable).unwrap();
        let error = signed.open(database).await.unwrap_err();
        assert!(error.to_string().contains("run chmod 600"), "{error}");
        fs::set_permissions(&signed.key, fs::Permissions::from_mode(0o600)).unwrap();
        let error = signed.open(database).await.unwrap_err();
        assert!(error.to_string().contains("put the key back"), "{error}");
        fs::write(&signed.key, "no key").unwrap();
        let error = signed.open(database).await.unwrap_err();
        assert!(error.to_string().contains("64 hexadecimal digits"), "{error}");

        fs::remove_file(&signed.key).unwrap();
        let opening = Opening {
            audit_key: Some(signed.key.clone()),
            new_audit_key: true,
            ..Opening::default()
        };
        let store = Store::open_with(&database.url(), opening).await.unwrap();
        write(&store, 2).await;
        let report = store.verify_chain(&signed.key(), &[], None).await.unwrap();
        assert_eq!((report.before, report.signed, report.problems.len()), (10, 2, 0));
        let report = store.verify_chain(&old, &[], None).await.unwrap();
        assert_eq!((report.signed, report.after, report.problems.len()), (10, 2, 0));
        // The new rows hold the old ones too.
        database.execute("UPDATE audit_log SET chain = 'x' WHERE id = 10").await.unwrap();
        assert_eq!(store.verify_chain(&signed.key(), &[], None).await.unwrap().problems.len(), 1);
    }
}
