//! Files and folders that the one who starts may not write.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use launchpad_store::{Store, StoreError};

use crate::opening::{beside, filled, path};
use crate::support::TestDatabase;

/// Any account that is not root's, where root runs the tests: it may write nothing.
const NOBODY: u32 = 65_534;

#[tokio::test]
async fn a_file_or_folder_that_may_not_be_written_is_refused() {
    let database = filled().await;
    let folder = path(&database).parent().unwrap().to_owned();
    let before = fs::read(path(&database)).unwrap();
    let mode = |of: &Path, mode| fs::set_permissions(of, fs::Permissions::from_mode(mode)).unwrap();
    let lock = beside(&database, ".lock");

    mode(&folder, 0o777);
    mode(&lock, 0o666);
    mode(&path(&database), 0o444);
    let said = open_as_nobody(&database);
    assert!(
        said.contains("launchpad.db cannot be read and written: Permission denied"),
        "{said}"
    );

    fs::remove_file(&lock).unwrap();
    mode(&path(&database), 0o666);
    mode(&folder, 0o555);
    let said = open_as_nobody(&database);
    assert!(
        said.contains("launchpad.db.lock cannot be locked: Permission denied"),
        "{said}"
    );

    // The lock is there from before: it is SQLite that cannot make its files.
    mode(&folder, 0o777);
    fs::write(&lock, "").unwrap();
    mode(&lock, 0o666);
    mode(&folder, 0o555);
    let said = open_as_nobody(&database);
    assert!(said.contains("refused: "), "{said}");
    assert!(said.contains("launchpad.db"), "{said}");

    assert_eq!(fs::read(path(&database)).unwrap(), before);
    mode(&folder, 0o777);
    let said = open_as_nobody(&database);
    assert!(said.contains("opened"), "{said}");
    mode(&folder, 0o700);
}

/// What somebody without rights of his own is told who opens the database.
fn open_as_nobody(database: &TestDatabase) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "permissions::opener", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut opener = command.spawn().unwrap();
    writeln!(opener.stdin.take().unwrap(), "{}", database.address).unwrap();
    String::from_utf8(opener.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
#[ignore = "the tests of this file run it, as another account"]
async fn opener() {
    let mut address = String::new();
    std::io::stdin().read_line(&mut address).unwrap();
    let said = match Store::open(&address.trim().parse().unwrap()).await {
        Ok(store) => {
            store.close().await.unwrap();
            "opened".to_owned()
        }
        Err(StoreError::Refused(sentence)) => format!("refused: {sentence}"),
        Err(error) => format!("failed: {error}"),
    };
    writeln!(std::io::stdout(), "{said}").unwrap();
}
