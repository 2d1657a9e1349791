//! Snapshots and what becomes of them: taken under load, put elsewhere, held against every row.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use launchpad_domain::{Failure, Preferences, Reason, SignInId, Status, TokenId};
use launchpad_store::{Entry, NewToken, Replaced, Replacement, Restoring, Store, StoreError, inspect};
use tempfile::TempDir;

use crate::opening::beside;
use crate::support::{TestDatabase, account, actor, app, end, later, noon, on_both, session};

fn restoring(keep_instance: bool) -> Restoring {
    Restoring {
        actor: actor(),
        origin: "a backup".to_owned(),
        keep_instance,
        audit_key: None,
        new_audit_key: false,
        now: later(3),
    }
}

async fn restore(
    database: &TestDatabase,
    snapshot: &Path,
    keep_instance: bool,
) -> Result<Replaced, StoreError> {
    let replacement = Replacement::begin(&database.url()).await?;
    fs::copy(snapshot, replacement.staging()).unwrap();
    replacement.finish(&restoring(keep_instance)).await
}

/// Rows in every table, and texts that a copy could spoil.
async fn fill(store: &Store) {
    let ada = account(store, "ada").await;
    for number in 0..450 {
        let mut app = app(&format!("app-{number}"));
        "\u{1f600} 'x' \"y\" \\ \n\r\t %s".clone_into(&mut app.description);
        store.apps().insert(&actor(), &app, noon()).await.unwrap();
    }
    store.apps().insert(&actor(), &app("gone"), noon()).await.unwrap();
    store
        .apps()
        .delete(&actor(), &app("gone").id, None, noon())
        .await
        .unwrap();
    let done = session(store, ada.id).await;
    let failure = Failure::new(Reason::ImageMissing, "");
    end(store, done.id, (Status::Creating, Status::Failed), Some(&failure))
        .await
        .unwrap();
    session(store, ada.id).await;
    let chosen = Preferences::default();
    store
        .preferences()
        .put(&actor(), ada.id, &chosen, noon())
        .await
        .unwrap();
    let id = SignInId::new();
    store
        .sign_ins()
        .insert(&actor(), id, ada.id, "a hash", later(60), noon())
        .await
        .unwrap();
    let code = Entry {
        hash: "a hash of a code".to_owned(),
        session: done.id,
        sign_in: id,
        expires_at: later(60),
    };
    store.entries().insert_code(&code, noon()).await.unwrap();
    let token = NewToken {
        id: TokenId::new(),
        user_id: ada.id,
        hash: "another hash".to_owned(),
        expires_at: later(60),
    };
    store.tokens().insert(&actor(), &token, noon()).await.unwrap();
}

struct Snapshot {
    _folder: TempDir,
    path: PathBuf,
}

async fn snapshot(store: &Store) -> Snapshot {
    let folder = TempDir::with_prefix("launchpad-snapshot-").unwrap();
    let path = folder.path().join("snapshot.db");
    store.snapshot(&path).await.unwrap();
    Snapshot {
        _folder: folder,
        path,
    }
}

on_both! {
    async fn every_row_arrives_in_either_database(database: &TestDatabase) {
        let store = database.open().await;
        fill(&store).await;
        for (table, keys) in [("plugin_values", "plugin_id"), ("session_values", "session_id")] {
            database.execute(&format!(
                "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 450) \
                 INSERT INTO {table} ({keys}, name, value) SELECT 'P' || x % 3, 'n' || x, 'v' FROM n"
            )).await.unwrap();
        }
        database.execute("INSERT INTO plugins_off (plugin_id, since) VALUES ('p', 't')").await.unwrap();
        let wish = "INSERT INTO workspace_removals (name, runtime, requested_at) VALUES ('w', 'podman', 't')";
        database.execute(wish).await.unwrap();
        let grant = "INSERT INTO plugin_grants (plugin_id, source, capabilities, since) VALUES ('p', '/p', '[]', 't')";
        database.execute(grant).await.unwrap();
        let taken = snapshot(&store).await;
        let mode = fs::metadata(&taken.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let contents = inspect(&taken.path).await.unwrap();
        assert_eq!((contents.instance, contents.rows["applications"]), (store.instance(), 450));
        let before = database.dump().await;
        for (table, rows) in &before {
            assert_eq!(contents.rows[table], rows.len() as u64, "{table}");
            assert!(!rows.is_empty(), "{table} proves nothing");
        }
        for elsewhere in [TestDatabase::sqlite(), TestDatabase::postgres().await] {
            let replaced = restore(&elsewhere, &taken.path, true).await.unwrap();
            assert_eq!((replaced.instance, replaced.ended, replaced.kept), (store.instance(), 0, None));
            let mut after = elsewhere.dump().await;
            let told: BTreeSet<_> = after["audit_log"].difference(&before["audit_log"]).cloned().collect();
            assert_eq!(told.len(), 1, "the restore itself");
            after.get_mut("audit_log").unwrap().retain(|row| !told.contains(row));
            let wishes = after.insert("workspace_removals".to_owned(), before["workspace_removals"].clone());
            assert_eq!(wishes, Some(BTreeSet::new()), "an old wish may be about a new workspace");
            assert_eq!(after, before);
            elsewhere.open().await.ping().await.unwrap();
        }
    }

    async fn a_number_is_not_given_again_after_a_restore(database: &TestDatabase) {
        let store = database.open().await;
        account(&store, "ada").await;
        database.execute("DELETE FROM audit_log").await.unwrap();
        let taken = snapshot(&store).await;
        for elsewhere in [TestDatabase::sqlite(), TestDatabase::postgres().await] {
            restore(&elsewhere, &taken.path, true).await.unwrap();
            assert_eq!(elsewhere.number("SELECT min(id) FROM audit_log").await, 2);
            let store = elsewhere.open().await;
            account(&store, "eve").await;
            assert_eq!(elsewhere.number("SELECT max(id) FROM audit_log").await, 3);
        }
    }

    async fn a_snapshot_under_load_is_of_one_moment(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await.id;
        for _ in 0..100 {
            session(&store, ada).await;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..2).map(|_| {
            let (store, stop, written) = (store.clone(), stop.clone(), written.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    session(&store, ada).await;
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        }).collect();
        let mut snapshots = Vec::new();
        for _ in 0..3 {
            let before = written.load(Ordering::Relaxed);
            snapshots.push(snapshot(&store).await);
            // The writers go on meanwhile and after it.
            while written.load(Ordering::Relaxed) == before {
                tokio::task::yield_now().await;
            }
        }
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        let all = database.dump().await;
        for taken in snapshots {
            let elsewhere = TestDatabase::sqlite();
            restore(&elsewhere, &taken.path, true).await.unwrap();
            let dump = elsewhere.dump().await;
            // A session, its launch and its audit row are written together.
            let sessions = dump["sessions"].len();
            assert!(sessions >= 100);
            assert_eq!(dump["analytics"].len(), sessions);
            assert_eq!(dump["audit_log"].len(), sessions + 2, "the account's and the restore's");
            assert!(dump["sessions"].is_subset(&all["sessions"]));
            assert_eq!(dump["audit_log"].difference(&all["audit_log"]).count(), 1);
        }
    }

    async fn a_restored_database_is_another_instance(database: &TestDatabase) {
        let store = database.open().await;
        let ada = account(&store, "ada").await;
        let live = session(&store, ada.id).await;
        let over = session(&store, ada.id).await;
        end(&store, over.id, (Status::Creating, Status::Failed), None).await.unwrap();
        let was = store.instance();
        let taken = snapshot(&store).await;
        account(&store, "eve").await;
        let refused = Replacement::begin(&database.url()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Locked(_)), "{refused:?}");
        store.close().await.unwrap();

        let replaced = restore(database, &taken.path, false).await.unwrap();
        assert_eq!((replaced.was, replaced.ended), (was, 1));
        assert_ne!(replaced.instance, was);
        let store = database.open().await;
        assert_eq!(store.instance(), replaced.instance);
        let failed = store.sessions().get(live.id).await.unwrap().unwrap();
        assert_eq!(failed.status, Status::Failed);
        assert_eq!(failed.failure.unwrap().reason.as_str(), "restored");
        assert_eq!(store.sessions().get(over.id).await.unwrap().unwrap().failure, None);
        assert_eq!(database.number("SELECT count(*) FROM accounts").await, 1, "eve came later");
        let told = database.texts("SELECT action FROM audit_log ORDER BY id DESC LIMIT 2").await;
        assert_eq!(told, [Some("RESTORE".to_owned()), Some("TERMINATE_SESSION".to_owned())]);
        // What was there is still there.
        let kept = replaced.kept.unwrap();
        let names = if database.is_postgres() {
            let schema = kept.split(' ').nth(2).unwrap();
            database.texts(&format!("SELECT name FROM {schema}.accounts ORDER BY name")).await
        } else {
            let old = TestDatabase::at(&kept);
            old.texts("SELECT name FROM accounts ORDER BY name").await
        };
        assert_eq!(names, [Some("ada".to_owned()), Some("eve".to_owned())]);
    }

    async fn what_is_no_snapshot_changes_nothing(database: &TestDatabase) {
        let store = database.open().await;
        account(&store, "ada").await;
        let whole = fs::read(snapshot(&store).await.path).unwrap();
        store.close().await.unwrap();
        let before = database.dump().await;
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        for byte in &mut flipped[middle..middle + 4_096] {
            *byte ^= 0xff;
        }
        for (bad, why) in [
            (Vec::new(), "holds no data"),
            (b"hello".to_vec(), "damaged"),
            (whole[..whole.len() - 4_096].to_vec(), "damaged"),
            (flipped, "damaged"),
        ] {
            let replacement = Replacement::begin(&database.url()).await.unwrap();
            let staging = replacement.staging().to_owned();
            fs::write(&staging, bad).unwrap();
            let error = replacement.finish(&restoring(false)).await.unwrap_err();
            assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
            assert!(error.to_string().contains(why), "{error}");
            assert!(!staging.exists());
            assert_eq!(database.dump().await, before);
        }
    }

    async fn a_newer_snapshot_is_refused(database: &TestDatabase) {
        let store = database.open().await;
        let taken = snapshot(&store).await;
        store.close().await.unwrap();
        let newer = TestDatabase::at(taken.path.to_str().unwrap());
        newer.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_later', 0)")
            .await.unwrap();
        let error = restore(database, &taken.path, false).await.unwrap_err();
        assert!(error.to_string().contains("newer version of Launchpad"), "{error}");
        database.open().await.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_restore_that_was_cut_short_is_no_new_database() {
    let database = TestDatabase::sqlite();
    fs::write(beside(&database, ".restoring"), "half of it").unwrap();
    let error = Store::open(&database.url()).await.unwrap_err();
    assert!(error.to_string().contains("restore it from a backup"), "{error}");

    let other = TestDatabase::sqlite();
    let store = other.open().await;
    let taken = snapshot(&store).await;
    restore(&database, &taken.path, true).await.unwrap();
    assert!(!beside(&database, ".restoring").exists());
    assert_eq!(database.open().await.instance(), store.instance());
}

#[tokio::test]
async fn the_log_of_a_replaced_file_goes_with_it() {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    let taken = snapshot(&store).await;
    // As a killed process leaves it: the last commit is in the log alone.
    account(&store, "eve").await;
    let crashed = TestDatabase::sqlite();
    for suffix in ["", "-wal"] {
        fs::copy(beside(&database, suffix), beside(&crashed, suffix)).unwrap();
    }
    let kept = restore(&crashed, &taken.path, true).await.unwrap().kept.unwrap();
    let accounts = "SELECT count(*) FROM accounts";
    assert_eq!(crashed.number(accounts).await, 1);
    assert_eq!(TestDatabase::at(&kept).number(accounts).await, 2);
}

#[tokio::test]
async fn two_restores_in_one_second_keep_both_that_were_there() {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    let taken = snapshot(&store).await;
    account(&store, "ada").await;
    store.close().await.unwrap();
    let accounts = "SELECT count(*) FROM accounts";
    for known in [1, 0] {
        let kept = restore(&database, &taken.path, true).await.unwrap().kept.unwrap();
        assert_eq!(TestDatabase::at(&kept).number(accounts).await, known);
    }
    let first = beside(&database, ".before-restore-");
    let folder = first.parent().unwrap();
    let kept = fs::read_dir(folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        let name = name.to_string_lossy();
        name.contains(".before-restore-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    });
    assert_eq!(kept.count(), 2);
}
