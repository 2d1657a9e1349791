//! The database lock: whoever works with the database shares it, whoever replaces the database needs it alone.

use std::fs::{File, TryLockError};
use std::path::Path;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::address::connect_postgres;
use crate::file::beside;
use crate::{DatabaseUrl, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// By which PostgreSQL knows the lock.
pub(crate) const POSTGRES_KEY: i64 = 5_217_841;

/// Holds the database until it is dropped, or until its process ends, however it ends.
///
/// For a file it is an advisory lock on `<db>.lock`, which stays behind unlocked; for PostgreSQL an advisory lock
/// of a session of its own.
#[derive(Debug)]
pub struct DatabaseLock(Held);

#[derive(Debug)]
enum Held {
    File(#[expect(dead_code, reason = "the lock ends with the descriptor")] File),
    Postgres(DatabaseConnection),
}

/// How the database is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Shared,
    Alone,
}

impl DatabaseLock {
    /// Holds the database together with others: to serve, or to run a command. Never waits.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while somebody holds it alone.
    pub async fn shared(url: &DatabaseUrl) -> Result<Self> {
        hold(url, Mode::Shared).await
    }

    /// Holds the database alone: to replace it. Never waits.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while anybody else holds it.
    pub async fn alone(url: &DatabaseUrl) -> Result<Self> {
        hold(url, Mode::Alone).await
    }

    /// Whether the lock is still held. One of a server ends with the connection, which may be cut.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where it may not be: somebody else may have worked with the database since.
    pub(crate) async fn check(&self) -> Result<()> {
        let Held::Postgres(connection) = &self.0 else {
            return Ok(());
        };
        // Another connection, made in place of the one that was cut, holds nothing.
        let query = format!(
            "SELECT count(*) AS held FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' \
             AND granted AND classid::bigint << 32 | objid::bigint = {POSTGRES_KEY}"
        );
        let row = connection
            .query_one_raw(Statement::from_string(DbBackend::Postgres, query))
            .await?;
        match row.map(|row| row.try_get::<i64>("", "held")).transpose()? {
            Some(held) if held > 0 => Ok(()),
            _ => Err(StoreError::Locked(
                "the connection that held the database for this command was cut: nothing was changed, try again".to_owned(),
            )),
        }
    }

    /// Lets go, and waits until others can see it.
    pub(crate) async fn release(&self) -> Result<()> {
        match &self.0 {
            Held::File(_) => Ok(()),
            Held::Postgres(connection) => {
                // The server notices the end of a connection some time after it.
                connection
                    .execute_unprepared("SELECT pg_advisory_unlock_all()")
                    .await?;
                Ok(connection.close_by_ref().await?)
            }
        }
    }
}

async fn hold(url: &DatabaseUrl, mode: Mode) -> Result<DatabaseLock> {
    let held = match url {
        DatabaseUrl::Sqlite(path) => hold_file(path, mode)?.map(Held::File),
        DatabaseUrl::Postgres(address) => hold_postgres(address, mode).await?.map(Held::Postgres),
    };
    held.map(DatabaseLock).ok_or_else(|| {
        StoreError::Locked(match mode {
            Mode::Shared => format!("{url} is being replaced by another command: wait until that has ended"),
            Mode::Alone => format!("{url} is in use: stop the portal and every other command on it first"),
        })
    })
}

fn hold_file(path: &Path, mode: Mode) -> Result<Option<File>> {
    let name = beside(path, ".lock");
    let refused = |error: std::io::Error| {
        StoreError::Refused(format!(
            "{} cannot be locked: {error}: its folder must exist, and whoever runs Launchpad must be able to write there",
            name.display()
        ))
    };
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name)
        .map_err(refused)?;
    let locked = match mode {
        Mode::Shared => file.try_lock_shared(),
        Mode::Alone => file.try_lock(),
    };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

async fn hold_postgres(address: &str, mode: Mode) -> Result<Option<DatabaseConnection>> {
    // The lock is the connection's, which lasts.
    let connection = connect_postgres(address, 1, |_| {}).await?;
    let function = match mode {
        Mode::Shared => "pg_try_advisory_lock_shared",
        Mode::Alone => "pg_try_advisory_lock",
    };
    let query = format!("SELECT {function}({POSTGRES_KEY}) AS held");
    let row = connection
        .query_one_raw(Statement::from_string(DbBackend::Postgres, query))
        .await?;
    let held = row.map(|row| row.try_get("", "held")).transpose()?;
    Ok((held == Some(true)).then_some(connection))
}
