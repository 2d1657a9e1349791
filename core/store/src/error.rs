//! Why the store did not do what it was asked.

use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxError};

/// Nothing was changed, whichever it is, but for [`StoreError::Away`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An id or a name belongs to something else already.
    #[error("{0} is taken")]
    Taken(String),
    /// The row is not at the revision that the caller had read.
    #[error("it was changed in the meantime")]
    Stale,
    /// The account has as many live sessions as it may.
    #[error("the limit of {limit} sessions is reached")]
    OverLimit {
        /// How many.
        limit: u32,
    },
    /// Plugins keep as much as they may.
    #[error("the {kib} KiB that may be kept are used up")]
    OverSize {
        /// How much, in KiB.
        kib: i64,
    },
    /// What something was to be kept for is not there any more.
    #[error("{0} is gone")]
    Gone(&'static str),
    /// Somebody else holds the database longer than one waits.
    #[error("the database is busy")]
    Busy(#[source] DbErr),
    /// PostgreSQL was cut off or is not there. A change that was under way may have been made.
    #[error(
        "the database does not answer: whether the change was made is not known, so look before it is tried again"
    )]
    Away(#[source] DbErr),
    /// The disk of the database is full.
    #[error("there is no room left on the disk of the database")]
    Full(#[source] DbErr),
    /// The database may not be opened; says why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// There is no database yet, and nobody asked for a new one; says what to do.
    #[error("{0}")]
    Missing(String),
    /// Somebody holds the database alone, or anybody holds it whom we need alone; says what to do.
    #[error("{0}")]
    Locked(String),
    /// Another portal leads by now: what this one decided as the leader may be old.
    #[error("another portal leads by now")]
    NotLeading,
    /// A row that we cannot have written.
    #[error("unreadable row: {0}")]
    Corrupt(String),
    /// Anything else.
    #[error("database: {0}")]
    Database(#[source] DbErr),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if is_failed_sync(&error) {
            give_up(&error);
        }
        if is_timeout(&error) || says(&error, &["database is locked"]) {
            Self::Busy(error)
        } else if is_away(&error) {
            Self::Away(error)
        } else if says(&error, &["database or disk is full", "No space left on device"]) {
            Self::Full(error)
        } else {
            Self::Database(error)
        }
    }
}

/// Whether the system could not bring SQLite's writes to the disk (`SQLITE_IOERR_FSYNC`, `SQLITE_IOERR_DIR_FSYNC`).
fn is_failed_sync(error: &DbErr) -> bool {
    says(error, &["(code: 1034)", "(code: 1290)"])
}

/// After a failed sync nobody knows what is on the disk, and a second one may succeed although the pages of the first
/// are lost (Rebello et al., 2020). Only a new process, which reads what is there, can go on.
fn give_up(error: &DbErr) -> ! {
    tracing::error!(%error, "the disk did not take what was written: the process ends, so that a new one reads what is there");
    std::process::exit(1)
}

/// Whether the connection to PostgreSQL broke, or could not be made, or PostgreSQL is starting or ending. An answer that
/// is none is one that was cut off.
pub(crate) fn is_away(error: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return false;
    };
    let RuntimeErr::SqlxError(cause) = cause else {
        return false;
    };
    match &**cause {
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) | SqlxError::BeginFailed => true,
        SqlxError::Database(refused) => refused.code().is_some_and(|code| is_sign_of_absence(&code)),
        _ => false,
    }
}

/// Connection exceptions, `too_many_connections`, `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn is_sign_of_absence(sqlstate: &str) -> bool {
    sqlstate.starts_with("08") || matches!(sqlstate, "53300" | "57P01" | "57P02" | "57P03")
}

/// What PostgreSQL says it refused, and what to do where it refused this role, its password, its database or its rights:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(crate) fn refused_by_postgres(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return None;
    };
    let RuntimeErr::SqlxError(cause) = cause else {
        return None;
    };
    let SqlxError::Database(refused) = &**cause else {
        return None;
    };
    let remedy = match refused.code()?.as_ref() {
        "28P01" => "look at the name and the password in LAUNCHPAD_DB",
        "28000" => {
            "the role must exist and be allowed in: look at LAUNCHPAD_DB, and at the server's pg_hba.conf"
        }
        "3D000" => "make it, as the server's administrator: CREATE DATABASE launchpad OWNER launchpad",
        "42501" | "3F000" => {
            "the role must own the database, or may be given what it lacks: GRANT CREATE ON DATABASE launchpad TO launchpad; \
             GRANT ALL ON SCHEMA public TO launchpad"
        }
        _ => return None,
    };
    Some(format!("{}; {remedy}", refused.message()))
}

/// Whether an insert failed because its key is there already.
pub(crate) fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether SQLite found that the file is no database, or not a whole one.
pub(crate) fn is_damage(error: &DbErr) -> bool {
    says(
        error,
        &[
            "is malformed",
            "file is not a database",
            "malformed database schema",
        ],
    )
}

/// Whether SQLite may not write the file, or not make its own beside it.
pub(crate) fn is_unwritable(error: &DbErr) -> bool {
    says(error, &["readonly database", "unable to open database file"])
}

/// Whether no connection could be had in time. A refused one is tried again until then.
pub(crate) fn is_timeout(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(_)) || says(error, &["pool timed out"])
}

fn says(error: &DbErr, signs: &[&str]) -> bool {
    let text = error.to_string();
    signs.iter().any(|sign| text.contains(sign))
}

/// What can be read of a list: one row that nobody can read must not hide the others.
pub(crate) fn readable<Row, T>(rows: Vec<Row>, read: impl Fn(Row) -> Result<T, StoreError>) -> Vec<T> {
    let warn = |error: &StoreError| tracing::warn!(%error, "a row is left out of a list");
    rows.into_iter()
        .filter_map(|row| read(row).inspect_err(warn).ok())
        .collect()
}
