//! Every schema that was ever released, as it lay in somebody's database: brought up to date by this version, whatever
//! interrupts that; and the statements of the version before, which go on working afterwards, since during an upgrade
//! portals of both versions use one database.
//!
//! The files in `fixtures/` are dumps of databases that the migrations up to a number had made, with rows in every table.
//! They are never changed; a new migration gets new ones once it is released.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use launchpad_domain::Status;
use launchpad_store::{Store, migrations};

use crate::opening::beside;
use crate::support::{TestDatabase, on_both};

/// After which migration, and the dump of either database.
const FIXTURES: &[(&str, &str, &str)] = &[
    (
        "m20261123_000001",
        include_str!("fixtures/000001.sqlite.sql"),
        include_str!("fixtures/000001.postgres.sql"),
    ),
    (
        "m20261123_000002",
        include_str!("fixtures/000002.sqlite.sql"),
        include_str!("fixtures/000002.postgres.sql"),
    ),
    (
        "m20261124_000003",
        include_str!("fixtures/000003.sqlite.sql"),
        include_str!("fixtures/000003.postgres.sql"),
    ),
    (
        "m20261124_000004",
        include_str!("fixtures/000004.sqlite.sql"),
        include_str!("fixtures/000004.postgres.sql"),
    ),
];

/// What a portal of the version before asks of the database.
const STATEMENTS: &str = include_str!("fixtures/000004.statements.sql");

const USER: &str = "0b7e3f2c-4a51-4d0e-9c55-0a8e6c2f7a11";
const SESSION: &str = "5d0c1f9a-7b1e-4c39-8f0d-3a7f8a2b9c10";

/// Another database of the same kind, with a schema of then.
async fn then(kind: &TestDatabase, fixture: &(&str, &str, &str)) -> TestDatabase {
    let (_, sqlite, postgres) = fixture;
    let database = if kind.is_postgres() {
        TestDatabase::postgres().await
    } else {
        TestDatabase::sqlite()
    };
    database.execute(database.either(sqlite, postgres)).await.unwrap();
    database
}

/// Every row of the tables with these columns, each as one text.
async fn rows(database: &TestDatabase, columns: &[(String, Vec<String>)]) -> Vec<BTreeSet<String>> {
    let mut all = Vec::new();
    for (table, columns) in columns {
        let cells: Vec<String> = columns
            .iter()
            .map(|name| format!("COALESCE(CAST(\"{name}\" AS TEXT), '-')"))
            .collect();
        let query = format!("SELECT {} FROM {table}", cells.join(" || '|' || "));
        all.push(database.texts(&query).await.into_iter().flatten().collect());
    }
    all
}

/// The tables and their columns as they are now.
async fn columns(database: &TestDatabase) -> Vec<(String, Vec<String>)> {
    let tables = database.either(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    );
    let mut all = Vec::new();
    for table in database.texts(tables).await.into_iter().flatten() {
        let query = database.either(
            format!("SELECT name FROM pragma_table_info('{table}')"),
            format!(
                "SELECT column_name::text FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}'"
            ),
        );
        let columns = database.texts(&query).await.into_iter().flatten().collect();
        all.push((table, columns));
    }
    all
}

on_both! {
    async fn every_released_schema_is_brought_up_to_date_with_every_row(database: &TestDatabase) {
        for fixture in FIXTURES {
            let name = fixture.0;
            let database = then(database, fixture).await;
            let before = columns(&database).await;
            let rows_before = rows(&database, &before).await;
            assert!(rows_before.iter().all(|rows| !rows.is_empty()), "{name}: a table of the fixture is empty");
            // Two starters, and one migrates.
            let url = database.url();
            let (one, two) = tokio::join!(Store::open(&url), Store::open(&url));
            let (one, two) = (one.unwrap(), two.unwrap());
            assert_eq!(one.instance(), two.instance(), "{name}");
            two.close().await.unwrap();
            let states = migrations(&database.url()).await.unwrap();
            assert!(states.iter().all(|state| state.applied && state.known), "{name}: {states:?}");
            for ((table, _), (then, now)) in
                before.iter().zip(rows_before.iter().zip(rows(&database, &before).await))
            {
                assert!(then.is_subset(&now), "{name}: rows of {table} were lost or changed: {then:?} {now:?}");
            }
            let session = one.sessions().get(SESSION.parse().unwrap()).await.unwrap().unwrap();
            assert_eq!((session.status, session.user_id), (Status::Running, USER.parse().unwrap()), "{name}");
            assert_eq!(one.apps().list().await.unwrap().len(), 1, "{name}");
            one.close().await.unwrap();
            if !database.is_postgres() {
                let folder = beside(&database, "").parent().unwrap().to_owned();
                let mut kept = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
                assert!(kept.any(|file| file.to_string_lossy().contains(".before-m")), "{name}: nothing was kept");
            }
        }
    }

    async fn what_the_version_before_asks_is_still_answered(database: &TestDatabase) {
        let last = FIXTURES.last().unwrap();
        let database = then(database, last).await;
        database.open().await.close().await.unwrap();
        for statement in STATEMENTS.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
            let done = database.execute(statement).await;
            assert!(done.is_ok(), "{statement}: {done:?}");
        }
        // And what it wrote is read by this one.
        let store = database.open().await;
        let id = "5d0c1f9a-7b1e-4c39-8f0d-3a7f8a2b9c77".parse().unwrap();
        let session = store.sessions().get(id).await.unwrap().unwrap();
        assert_eq!(session.status, Status::Stopped);
        assert!(session.cleaned);
        assert_eq!(store.sessions().progress(id).await.unwrap(), None);
    }
}

/// Killed at each sync of a migration: old or new, and the next start goes on.
#[tokio::test]
async fn an_interrupted_migration_leaves_the_old_schema_or_the_new_one() {
    let kind = TestDatabase::sqlite();
    for fixture in FIXTURES {
        for sync in 1..=6 {
            let database = then(&kind, fixture).await;
            let before = columns(&database).await;
            let rows_before = rows(&database, &before).await;
            let ended = open_and_be_killed(&database, sync);
            let applied = database.number("SELECT count(*) FROM seaql_migrations").await;
            let old = FIXTURES.iter().position(|other| other.0 == fixture.0).unwrap() + 1;
            let new = crate::support::migrations();
            assert!(
                applied == i64::try_from(old).unwrap() || applied == new,
                "{} killed at sync {sync} ({ended}): {applied} migrations",
                fixture.0
            );
            let store = database.open().await;
            store.close().await.unwrap();
            let after = rows(&database, &before).await;
            assert!(
                rows_before
                    .iter()
                    .zip(&after)
                    .all(|(then, now)| then.is_subset(now))
            );
        }
    }
}

/// Opens the database in another process that is killed at its n-th sync; how it ended.
fn open_and_be_killed(database: &TestDatabase, sync: u32) -> std::process::ExitStatus {
    let calls = "fsync,fdatasync";
    let mut opener = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={calls}"),
        ])
        .args(["-e", &format!("inject={calls}:signal=KILL:when={sync}")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "permissions::opener", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("strace is not installed: run tests/prepare.sh");
    writeln!(opener.stdin.take().unwrap(), "{}", database.address).unwrap();
    opener.wait().unwrap()
}
