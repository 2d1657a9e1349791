//! Real files that a start refuses, and that it leaves as they are.

use std::fs;
use std::path::{Path, PathBuf};

use launchpad_store::{DatabaseUrl, Opening, Store, StoreError};

use crate::support::{TestDatabase, account, actor, app, noon};

pub(crate) fn path(database: &TestDatabase) -> PathBuf {
    PathBuf::from(&database.address)
}

pub(crate) fn beside(database: &TestDatabase, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", database.address))
}

/// A closed database with rows on more than one page.
pub(crate) async fn filled() -> TestDatabase {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    account(&store, "ada").await;
    for number in 0..40 {
        store
            .apps()
            .insert(&actor(), &app(&format!("app-{number}")), noon())
            .await
            .unwrap();
    }
    store.close().await.unwrap();
    database
}

/// What the refusal says; the file must be as it was.
async fn refused(database: &TestDatabase, opening: Opening) -> String {
    let before = fs::read(path(database)).ok();
    let error = Store::open_with(&database.url(), opening).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    assert_eq!(fs::read(path(database)).ok(), before, "it was changed");
    let sentence = error.to_string();
    assert!(sentence.contains("launchpad.db"), "{sentence}");
    sentence
}

fn after(traces: &[&Path]) -> Opening {
    Opening {
        traces: traces.iter().map(|trace| trace.to_path_buf()).collect(),
        ..Opening::default()
    }
}

#[tokio::test]
async fn whoever_only_reads_makes_none() {
    let database = TestDatabase::sqlite();
    for content in [None, Some("")] {
        if let Some(content) = content {
            std::fs::write(path(&database), content).unwrap();
        }
        let existing = Opening {
            existing: true,
            ..Opening::default()
        };
        let refused = Store::open_with(&database.url(), existing).await;
        assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
        assert_eq!(path(&database).exists(), content.is_some());
    }
}

#[tokio::test]
async fn nor_fills_an_empty_one_of_postgresql() {
    let database = TestDatabase::postgres().await;
    let existing = Opening {
        existing: true,
        ..Opening::default()
    };
    let refused = Store::open_with(&database.url(), existing).await;
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    assert!(database.dump().await.is_empty());
}

#[tokio::test]
async fn whoever_postgresql_refuses_is_told_what_to_do() {
    let database = TestDatabase::postgres().await;
    database
        .execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
        .await
        .unwrap();
    let told = async |address: String| {
        let refused = Store::open(&address.parse().unwrap()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)), "{refused:?}");
        refused.to_string()
    };
    let elsewhere = database.address.replace("/case_", "/nowhere_");
    assert!(told(elsewhere).await.contains("CREATE DATABASE"));
    let nobody = database.address.replace("launchpad@", "nobody@");
    assert!(told(nobody).await.contains("look at LAUNCHPAD_DB"));
    let guest = database.address.replace("launchpad@", "guest@");
    let said = told(guest).await;
    assert!(said.contains("GRANT") && !said.contains("at line"), "{said}");
    let unknown = "postgres://launchpad:s3cret@nowhere.invalid/launchpad".to_owned();
    let said = told(unknown).await;
    assert!(
        said.contains("look at the host") && !said.contains("s3cret"),
        "{said}"
    );
}

#[tokio::test]
async fn a_new_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    for suffix in ["", "-wal"] {
        let file = std::fs::metadata(beside(&database, suffix)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{suffix}");
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_missing_database_is_made() {
    let database = TestDatabase::sqlite();
    let key = beside(&database, ".key");
    let store = Store::open_with(&database.url(), after(&[&key])).await.unwrap();
    store.ping().await.unwrap();
    assert!(path(&database).exists());
}

#[tokio::test]
async fn an_empty_file_is_a_new_database() {
    let database = TestDatabase::sqlite();
    fs::write(path(&database), "").unwrap();
    database.open().await.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_that_was_there_is_not_made_anew() {
    for (trace, left) in [
        ("-wal", None),
        (".key", None),
        ("-wal", Some("")),
        (".key", Some("")),
    ] {
        let database = TestDatabase::sqlite();
        let trace = beside(&database, trace);
        fs::write(&trace, "left over").unwrap();
        if let Some(left) = left {
            fs::write(path(&database), left).unwrap();
        }
        let key = beside(&database, ".key");
        let sentence = refused(&database, after(&[&key])).await;
        assert!(sentence.contains("restore it from a backup"), "{sentence}");
        assert!(sentence.contains("--init"), "{sentence}");
        assert!(trace.exists());

        let init = Opening {
            init: true,
            ..after(&[&key])
        };
        let store = Store::open_with(&database.url(), init).await.unwrap();
        store.ping().await.unwrap();
        assert!(key.exists() || !trace.ends_with(".key"), "the key stays");
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    for content in [
        "a text that somebody keeps here",
        "S",
        "SQLite format 3",
        &"\0".repeat(8_192),
    ] {
        let database = TestDatabase::sqlite();
        fs::write(path(&database), content).unwrap();
        let sentence = refused(&database, Opening::default()).await;
        assert!(sentence.contains("restore it from a backup"), "{sentence}");
        let init = Opening {
            init: true,
            ..Opening::default()
        };
        refused(&database, init).await;
    }
}

#[tokio::test]
async fn a_damaged_header_is_refused() {
    // The magic, the page size, the file format, the fixed fractions, the root of the schema.
    for (at, bytes) in [
        (0, &b"X"[..]),
        (16, &[3, 1]),
        (18, &[9, 9]),
        (21, &[0, 0, 0]),
        (100, &[0xff; 32]),
    ] {
        let database = filled().await;
        let mut content = fs::read(path(&database)).unwrap();
        content[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(path(&database), content).unwrap();
        let sentence = refused(&database, Opening::default()).await;
        assert!(sentence.contains("is damaged"), "{at}: {sentence}");
    }
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let database = filled().await;
    let whole = fs::read(path(&database)).unwrap();
    for length in [
        1,
        50,
        100,
        4_095,
        4_096,
        whole.len() / 2,
        whole.len() - 4_096,
        whole.len() - 1,
    ] {
        fs::write(path(&database), &whole[..length]).unwrap();
        let sentence = refused(&database, Opening::default()).await;
        assert!(sentence.contains("is damaged"), "{length}: {sentence}");
    }
    fs::write(path(&database), &whole).unwrap();
    assert_eq!(database.open().await.apps().list().await.unwrap().len(), 40);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = filled().await;
    database
        .execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_later', 0)")
        .await
        .unwrap();
    let sentence = refused(&database, Opening::default()).await;
    assert!(sentence.contains("newer version of Launchpad"), "{sentence}");
    assert!(sentence.contains("m20991231_000001_later"), "{sentence}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_postgresql_too() {
    let database = TestDatabase::postgres().await;
    database.open().await.close().await.unwrap();
    database
        .execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_later', 0)")
        .await
        .unwrap();
    let error = Store::open(&database.url()).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    // A port that was free a moment ago, and no other to take it.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("postgres://ada:s3cret@127.0.0.1:{port}/launchpad")
        .parse()
        .unwrap();
    let error = Store::open(&url).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&format!("127.0.0.1:{port}/launchpad does not answer")),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let database = TestDatabase::sqlite();
    let inside = path(&database).with_file_name("none").join("launchpad.db");
    let error = Store::open(&DatabaseUrl::Sqlite(inside.clone()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("folder must exist"), "{error}");
    assert!(!inside.parent().unwrap().exists());
}

#[tokio::test]
async fn a_folder_is_no_database() {
    let database = TestDatabase::sqlite();
    fs::create_dir(path(&database)).unwrap();
    let error = Store::open(&database.url()).await.unwrap_err();
    assert!(
        error.to_string().contains("cannot be read and written"),
        "{error}"
    );
}
