//! Opening the database.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::InstanceId;
use launchpad_migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ActiveValue::Set, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, EntityTrait, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use crate::StoreError;
use crate::entities::fact;

type Result<T> = std::result::Result<T, StoreError>;

/// How long a writer waits for another.
const BUSY: Duration = Duration::from_secs(5);
/// Connections that only read.
const READERS: u32 = 4;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;
/// Below this version two connections that checkpoint together may corrupt a WAL database.
const LEAST_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// With which bytes every SQLite file begins.
const SQLITE_HEADER: &[u8] = b"SQLite format 3\0";

/// The fact that holds the instance's id.
const INSTANCE: &str = "instance_id";

/// Where the data is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A `postgres://` URL, password and all.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Ok(Self::Postgres(text.to_owned()))
        } else if text.contains("://") {
            Err("must be a path or a postgres:// URL".to_owned())
        } else if text.trim().is_empty() {
            Err("must not be empty".to_owned())
        } else {
            Ok(Self::Sqlite(PathBuf::from(text)))
        }
    }
}

impl fmt::Display for DatabaseUrl {
    /// The password is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => match (url.find("://"), url.rfind('@')) {
                (Some(scheme), Some(at)) if scheme < at => {
                    let user = url[scheme + 3..at].split(':').next().unwrap_or_default();
                    write!(f, "{}{user}:***{}", &url[..scheme + 3], &url[at..])
                }
                _ => f.write_str(url),
            },
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// The open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    instance: InstanceId,
}

impl Store {
    /// Opens the database, brings its schema up to date, and finds or makes the instance's id.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a file that is missing but was there before, that is no SQLite database, or
    /// that a newer version has written.
    pub async fn open(url: &DatabaseUrl) -> Result<Self> {
        let (reader, writer) = match url {
            DatabaseUrl::Sqlite(path) => {
                check_file(path)?;
                let writer = connect_sqlite(path, 1).await?;
                check_version(&writer).await?;
                (None, writer)
            }
            DatabaseUrl::Postgres(address) => {
                let mut options = ConnectOptions::new(address);
                options
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(Duration::from_secs(3))
                    .sqlx_logging(false);
                let connection = Database::connect(options).await?;
                (Some(connection.clone()), connection)
            }
        };
        migrate(&writer).await?;
        let reader = match (reader, url) {
            (Some(reader), _) => reader,
            (None, DatabaseUrl::Sqlite(path)) => connect_sqlite(path, READERS).await?,
            (None, DatabaseUrl::Postgres(_)) => writer.clone(),
        };
        let instance = instance(&writer).await?;
        Ok(Self(Arc::new(Inner {
            reader,
            writer,
            instance,
        })))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.0.reader.ping().await?)
    }

    /// The instance's id.
    pub fn instance(&self) -> InstanceId {
        self.0.instance
    }

    /// The connection for reading.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.0.reader
    }

    /// Begins a transaction that will write.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction> {
        begin(&self.0.writer).await
    }
}

async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(writer.begin_with_options(options).await?)
}

async fn connect_sqlite(path: &Path, connections: u32) -> Result<DatabaseConnection> {
    let path = path.to_owned();
    let mut options = ConnectOptions::new("sqlite://");
    options
        .max_connections(connections)
        .acquire_timeout(BUSY)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| {
            options
                .filename(&path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // Without it the last commits are lost in a power cut.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY)
        });
    Ok(Database::connect(options).await?)
}

/// Refuses what must not be opened, before SQLite would create or change anything.
fn check_file(path: &Path) -> Result<()> {
    let name = path.display();
    let mut beside = path.as_os_str().to_owned();
    beside.push("-wal");
    match File::open(path) {
        Ok(mut file) => {
            let mut header = [0; SQLITE_HEADER.len()];
            let read = file
                .read(&mut header)
                .map_err(|error| StoreError::Refused(format!("{name}: {error}")))?;
            // An empty file is how SQLite itself begins.
            if read == 0 || header == SQLITE_HEADER {
                Ok(())
            } else {
                Err(StoreError::Refused(format!(
                    "{name} is damaged, or no SQLite database: restore it from a backup"
                )))
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if Path::new(&beside).exists() {
                Err(StoreError::Refused(format!(
                    "{name} is missing, but {name}-wal shows that there was a database: put the file back or restore \
                     it from a backup; to begin anew, remove {name}-wal"
                )))
            } else {
                Ok(())
            }
        }
        Err(error) => Err(StoreError::Refused(format!("{name} cannot be opened: {error}"))),
    }
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

async fn migrate(writer: &DatabaseConnection) -> Result<()> {
    // One transaction around all of it: two starters, and one migrates; an interrupted one leaves the old schema.
    let transaction = begin(writer).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction
            .execute_unprepared("SELECT pg_advisory_xact_lock(5217840)")
            .await?;
    }
    Migrator::up(&transaction, None).await.map_err(|error| match error {
        DbErr::Custom(text) => StoreError::Refused(format!(
            "the database was written by a newer version of Launchpad: start that one, or restore an older backup ({text})"
        )),
        other => other.into(),
    })?;
    Ok(transaction.commit().await?)
}

async fn instance(writer: &DatabaseConnection) -> Result<InstanceId> {
    let transaction = begin(writer).await?;
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
    fact::Entity::delete_by_id(name).exec(connection).await?;
    let row = fact::ActiveModel {
        name: Set(name.to_owned()),
        value: Set(value),
    };
    fact::Entity::insert(row)
        .exec_without_returning(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let url: DatabaseUrl = "postgres://ada:s3cret@db.example/launchpad".parse().unwrap();
        assert_eq!(format!("{url} {url:?}").matches("s3cret").count(), 0);
        assert!("mysql://x".parse::<DatabaseUrl>().is_err());
    }
}
