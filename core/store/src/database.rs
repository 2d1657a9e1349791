//! Opening the database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use launchpad_domain::InstanceId;
use sea_orm::sea_query::OnConflict;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    EntityTrait, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use crate::address::{connect_postgres, lasting};
use crate::entities::fact;
use crate::error::{is_damage, is_unwritable};
use crate::moving::check_in_use;
use crate::schema::{migrate, present_tables};
use crate::{AuditKey, DatabaseLock, DatabaseUrl, StoreError, audit_key, file};

type Result<T> = std::result::Result<T, StoreError>;

/// How long a writer waits for another.
const BUSY: Duration = Duration::from_secs(5);
/// After how long one asks again where SQLite itself does not wait.
const RETRY: Duration = Duration::from_millis(20);
/// Connections that only read.
const READERS: u32 = 4;
/// What each connection keeps of the file for itself, in KiB and with the sign by which SQLite tells them from pages. The
/// operating system keeps the file for all of them.
const CACHE: &str = "-512";
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;
/// Below this version two connections that checkpoint together may corrupt a WAL database.
const LEAST_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// By which PostgreSQL knows who changes what there is once: the schema and the facts.
const POSTGRES_KEY: i64 = 5_217_840;
/// The fact that holds the instance's id.
pub(crate) const INSTANCE: &str = "instance_id";

/// How a database is opened.
#[derive(Debug, Default)]
pub struct Opening {
    /// Begins anew where the file is missing and something shows that there was one; a log that was left beside
    /// the missing file is removed. This is `--init`.
    pub init: bool,
    /// Refuses where there is nothing yet, instead of making it: for whoever only works with what is there.
    pub existing: bool,
    /// Files that only an earlier start can have made, such as the instance's key: where one is there and the
    /// database file is not, the database was lost.
    pub traces: Vec<PathBuf>,
    /// The file with the key that signs the audit log, made where it is missing and none is missed; none: what is
    /// written is not signed, which only tests want.
    pub audit_key: Option<PathBuf>,
    /// Whether the log may have been signed with another key so far, and now goes on with this one.
    pub new_audit_key: bool,
    /// The lock that the caller holds already; none: the database is shared.
    pub lock: Option<DatabaseLock>,
}

/// The open database. Cheap to clone.
///
/// One process opens a database file once: closing any descriptor of a file ends all the locks that its process
/// has on it, those of SQLite among them.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How its connections are called, where others can see them.
    name: String,
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    instance: InstanceId,
    audit_key: Option<AuditKey>,
    /// Last, so that it is let go after the connections.
    lock: DatabaseLock,
}

impl Store {
    /// Opens the database as [`Opening::default`] says, to share it.
    ///
    /// # Errors
    /// See [`Store::open_with`].
    pub async fn open(url: &DatabaseUrl) -> Result<Self> {
        Self::open_with(url, Opening::default()).await
    }

    /// Opens the database, brings its schema up to date, and finds or makes the instance's id.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while somebody else has the database alone. [`StoreError::Missing`] where there is none
    /// and [`Opening::existing`] wants one. [`StoreError::Refused`] for a file that is missing but was there before, that is damaged or no SQLite database, that may not be written, or that a
    /// newer version has written; it is left as it is.
    pub async fn open_with(url: &DatabaseUrl, mut opening: Opening) -> Result<Self> {
        let lock = match opening.lock.take() {
            Some(lock) => lock,
            None => DatabaseLock::shared(url).await?,
        };
        let name = format!("launchpad-{}", uuid::Uuid::new_v4().simple());
        let (reader, writer) = match url {
            DatabaseUrl::Sqlite(path) => open_file(path, url, &opening).await?,
            DatabaseUrl::Postgres(address) => {
                let connection = connect_postgres(address, POSTGRES_CONNECTIONS, |options| {
                    let name = name.clone();
                    options.map_sqlx_postgres_opts(move |options| options.application_name(&name));
                })
                .await?;
                if opening.existing && present_tables(&connection).await?.is_empty() {
                    return Err(StoreError::Missing(format!(
                        "{url} holds nothing of Launchpad yet: the first start of the portal makes its tables"
                    )));
                }
                migrate(&connection, url).await?;
                (connection.clone(), connection)
            }
        };
        check_in_use(&writer, url).await?;
        let instance = instance(&writer).await?;
        let audit_key = match &opening.audit_key {
            Some(path) => Some(audit_key::settle(&writer, path, opening.new_audit_key).await?),
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            name,
            reader,
            writer,
            instance,
            audit_key,
            lock,
        })))
    }

    /// Closes the database for all clones, and waits until it is closed and the lock is free.
    pub async fn close(self) -> Result<()> {
        self.0.reader.close_by_ref().await?;
        self.0.writer.close_by_ref().await?;
        self.0.lock.release().await
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.0.reader.ping().await?)
    }

    /// The instance's id.
    pub fn instance(&self) -> InstanceId {
        self.0.instance
    }

    /// What the audit log is signed with.
    pub(crate) fn audit_key(&self) -> Option<&AuditKey> {
        self.0.audit_key.as_ref()
    }

    /// The connection for reading.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.0.reader
    }

    /// Whether other portals on this database are told of what is changed, and may have others' sessions to show.
    pub fn tells_others(&self) -> bool {
        self.0.writer.get_database_backend() == DbBackend::Postgres
    }

    /// The connection for writing.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.0.writer
    }

    /// How its connections are called, where others can see them.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Writes what lies in SQLite's log into the file, and empties the log, which still has old pages of what was
    /// deleted. While somebody reads it, that is left to the next time, and at the latest to the end of the process.
    pub(crate) async fn empty_log(&self) {
        if self.0.writer.get_database_backend() != DbBackend::Sqlite {
            return;
        }
        let emptied = self
            .0
            .writer
            .execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)")
            .await;
        if let Err(error) = emptied {
            tracing::warn!(%error, "the log of the database still holds pages of what was deleted");
        }
    }

    /// Begins a transaction that will write.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction> {
        begin(&self.0.writer).await
    }

    /// Begins a transaction that will read and write what there is once, such as a fact: the second waits.
    pub(crate) async fn begin_once(&self) -> Result<DatabaseTransaction> {
        begin_once(&self.0.writer).await
    }
}

pub(crate) async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(writer.begin_with_options(options).await?)
}

/// On SQLite every writer is alone anyway.
pub(crate) async fn begin_once(writer: &DatabaseConnection) -> Result<DatabaseTransaction> {
    let transaction = begin(writer).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({POSTGRES_KEY})");
        transaction.execute_unprepared(&lock).await?;
    }
    Ok(transaction)
}

/// The connection that reads and the one that writes.
async fn open_file(
    path: &Path,
    url: &DatabaseUrl,
    opening: &Opening,
) -> Result<(DatabaseConnection, DatabaseConnection)> {
    file::check(path, opening)?;
    file::make_private_unless_there(path)?;
    let opened = async {
        let writer = connect_first(path).await?;
        check_version(&writer).await?;
        migrate(&writer, url).await?;
        Ok((connect_sqlite(path, READERS).await?, writer))
    };
    opened.await.map_err(|error| match error {
        StoreError::Database(cause) if is_damage(&cause) => file::damaged(path, &cause.to_string()),
        StoreError::Database(cause) if is_unwritable(&cause) => file::unusable(path, &cause),
        other => other,
    })
}

/// The first connection, which makes the file a WAL database. While another does that, SQLite refuses at once
/// and heeds no timeout, lest both wait for each other; so the waiting is done here.
pub(crate) async fn connect_first(path: &Path) -> Result<DatabaseConnection> {
    let deadline = Instant::now() + BUSY;
    loop {
        match connect_sqlite(path, 1).await {
            Err(StoreError::Busy(_)) if Instant::now() < deadline => tokio::time::sleep(RETRY).await,
            done => return done,
        }
    }
}

async fn connect_sqlite(path: &Path, connections: u32) -> Result<DatabaseConnection> {
    let path = path.to_owned();
    let mut options = lasting("sqlite://", connections);
    options
        .acquire_timeout(BUSY)
        .map_sqlx_sqlite_opts(move |options| {
            options
                .filename(&path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // Without it the last commits are lost in a power cut.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                // What is deleted, such as the hash of a forgotten account's password, is not left lying in the file.
                .pragma("secure_delete", "ON")
                .pragma("cache_size", CACHE)
                .busy_timeout(BUSY)
        });
    Ok(Database::connect(options).await?)
}

async fn check_version(connection: &DatabaseConnection) -> Result<()> {
    let query = Statement::from_string(DbBackend::Sqlite, "SELECT sqlite_version() AS version");
    let row = connection.query_one_raw(query).await?;
    let version: String = row
        .map(|row| row.try_get("", "version"))
        .transpose()?
        .unwrap_or_default();
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < LEAST_SQLITE {
        return Err(StoreError::Refused(format!(
            "SQLite {version} may corrupt its files: 3.51.3 is needed"
        )));
    }
    Ok(())
}

async fn instance(writer: &DatabaseConnection) -> Result<InstanceId> {
    let transaction = begin_once(writer).await?;
    let id = if let Some(text) = read_fact(&transaction, INSTANCE).await? {
        text.parse().map_err(StoreError::Corrupt)?
    } else {
        let id = InstanceId::new();
        write_fact(&transaction, INSTANCE, id.to_string()).await?;
        id
    };
    transaction.commit().await?;
    Ok(id)
}

/// One of the facts of which an instance has one each.
pub(crate) async fn read_fact(connection: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    Ok(fact::Entity::find_by_id(name)
        .one(connection)
        .await?
        .map(|row| row.value))
}

/// Replaces a fact.
pub(crate) async fn write_fact(connection: &impl ConnectionTrait, name: &str, value: String) -> Result<()> {
    let row = fact::ActiveModel {
        name: Set(name.to_owned()),
        value: Set(value),
    };
    let replace = OnConflict::column(fact::Column::Name)
        .update_column(fact::Column::Value)
        .to_owned();
    fact::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_connection_is_watched_for_its_age() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("launchpad.db"));
        let store = Store::open(&url).await.unwrap();
        for pool in [store.reader(), store.writer()] {
            let options = pool.get_sqlite_connection_pool().options().clone();
            assert_eq!(
                (options.get_idle_timeout(), options.get_max_lifetime()),
                (None, None)
            );
        }
    }
}
