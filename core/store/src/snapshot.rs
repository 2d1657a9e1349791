//! A database as one SQLite file: what it holds at one moment, whichever kind it is, and what such a file holds.

use std::path::Path;

use launchpad_domain::InstanceId;
use launchpad_migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    AccessMode, ConnectionTrait, Database, DatabaseConnection, DbBackend, IsolationLevel, Statement,
    TransactionTrait,
};

use crate::address::lasting;
use crate::database::{INSTANCE, read_fact};
use crate::error::is_damage;
use crate::schema::{self, MIGRATIONS};
use crate::tables::{self, RowCounts};
use crate::{Store, StoreError, file};

type Result<T> = std::result::Result<T, StoreError>;

/// What a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Whose data it is.
    pub instance: InstanceId,
    /// The migrations that made its tables, in order.
    pub schema: Vec<String>,
    /// How many rows there are, by table.
    pub rows: RowCounts,
}

impl Store {
    /// Writes what the database holds at this moment to a new SQLite file that only its owner may read. Whoever
    /// writes meanwhile goes on. The file is not yet synchronised with the disk.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where the file is there already or cannot be made; what was written of it then stays.
    pub async fn snapshot(&self, path: &Path) -> Result<()> {
        file::make_private(path)?;
        match self.reader().get_database_backend() {
            DbBackend::Sqlite => vacuum_into(self.reader(), path).await,
            _ => self.copy_rows_into(path).await,
        }
    }

    /// One REPEATABLE READ transaction is one moment.
    async fn copy_rows_into(&self, path: &Path) -> Result<()> {
        let moment = self
            .reader()
            .begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly))
            .await?;
        let copy = connect(path, |options| {
            // Whoever asked for the file synchronises it as a whole, or throws it away.
            options
                .journal_mode(SqliteJournalMode::Memory)
                .synchronous(SqliteSynchronous::Off)
        })
        .await?;
        let transaction = copy.begin().await?;
        Migrator::up(&transaction, None).await?;
        tables::copy(&moment, &transaction).await?;
        transaction.commit().await?;
        moment.commit().await?;
        Ok(copy.close().await?)
    }
}

/// SQLite's own online copy: a read transaction for whoever writes to a database with a write-ahead log.
pub(crate) async fn vacuum_into(connection: &DatabaseConnection, path: &Path) -> Result<()> {
    let path = path
        .to_str()
        .ok_or_else(|| StoreError::Refused(format!("{} is no text", path.display())))?;
    let copy = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]);
    // A disk that does not take the copy is not the disk of the database.
    connection.execute_raw(copy).await.map_err(StoreError::Database)?;
    Ok(())
}

/// Opens a snapshot, reads all of it, and says what it holds. Changes nothing.
///
/// # Errors
/// [`StoreError::Refused`] for a file that is damaged, is none of ours, or was written by a newer version.
pub async fn inspect(path: &Path) -> Result<Contents> {
    std::fs::metadata(path)
        .map_err(|error| StoreError::Refused(format!("{} cannot be read: {error}", path.display())))?;
    let read = async {
        let connection = connect(path, |options| options.read_only(true).immutable(true)).await?;
        let contents = read(&connection, path).await;
        connection.close().await?;
        contents
    };
    read.await.map_err(|error| match error {
        StoreError::Database(cause) if is_damage(&cause) => damaged(path, &cause.to_string()),
        other => other,
    })
}

async fn read(connection: &DatabaseConnection, path: &Path) -> Result<Contents> {
    for row in all(connection, "PRAGMA integrity_check(1)").await? {
        let found: String = row.try_get_by_index(0)?;
        if found != "ok" {
            return Err(damaged(path, &found.replace('\n', " ")));
        }
    }
    if let Some(row) = all(connection, "PRAGMA foreign_key_check").await?.first() {
        let table: String = row.try_get_by_index(0)?;
        return Err(damaged(path, &format!("a row of {table} refers to none")));
    }
    let mut rows = RowCounts::new();
    for table in texts(
        connection,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .await?
    {
        let count = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
        let found = all(connection, &count).await?;
        let number: i64 = found
            .first()
            .map(|row| row.try_get_by_index(0))
            .transpose()?
            .unwrap_or_default();
        rows.insert(table, u64::try_from(number).unwrap_or_default());
    }
    if rows.remove(MIGRATIONS).is_none() {
        return Err(StoreError::Refused(format!(
            "{} holds no data of Launchpad",
            path.display()
        )));
    }
    let versions = format!("SELECT version FROM {MIGRATIONS} ORDER BY version");
    let schema = texts(connection, &versions).await?;
    if let Some(unknown) = schema::unknown(&schema).pop() {
        return Err(StoreError::Refused(format!(
            "{} was written by a newer version of Launchpad ({unknown}): restore it with that one",
            path.display()
        )));
    }
    let instance = read_fact(connection, INSTANCE)
        .await?
        .ok_or_else(|| StoreError::Refused(format!("{} does not say whose data it holds", path.display())))?;
    Ok(Contents {
        instance: instance.parse().map_err(StoreError::Corrupt)?,
        schema,
        rows,
    })
}

fn damaged(path: &Path, how: &str) -> StoreError {
    StoreError::Refused(format!("{} is damaged ({how})", path.display()))
}

/// One connection to a file that nobody else uses.
pub(crate) async fn connect(
    path: &Path,
    adjust: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions + Send + Sync + 'static,
) -> Result<DatabaseConnection> {
    let path = path.to_owned();
    let mut options = lasting("sqlite://", 1);
    options.map_sqlx_sqlite_opts(move |options| adjust(options.filename(&path)));
    Ok(Database::connect(options).await?)
}

async fn all(connection: &DatabaseConnection, query: &str) -> Result<Vec<sea_orm::QueryResult>> {
    let query = Statement::from_string(DbBackend::Sqlite, query);
    Ok(connection.query_all_raw(query).await?)
}

async fn texts(connection: &DatabaseConnection, query: &str) -> Result<Vec<String>> {
    let rows = all(connection, query).await?;
    rows.iter()
        .map(|row| row.try_get_by_index(0).map_err(StoreError::from))
        .collect()
}
