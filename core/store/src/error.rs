//! Why the store did not do what it was asked.

use sea_orm::{DbErr, SqlErr};

/// Nothing was changed, whichever it is.
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
    /// Somebody else holds the database longer than one waits.
    #[error("the database is busy")]
    Busy(#[source] DbErr),
    /// The database may not be opened; says why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// A row that we cannot have written.
    #[error("unreadable row: {0}")]
    Corrupt(String),
    /// Anything else.
    #[error("database: {0}")]
    Database(#[source] DbErr),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let text = error.to_string();
        let busy = matches!(error, DbErr::ConnectionAcquire(_)) || text.contains("database is locked");
        if busy {
            Self::Busy(error)
        } else {
            Self::Database(error)
        }
    }
}

/// Whether an insert failed because its key is there already.
pub(crate) fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
