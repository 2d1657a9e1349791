//! Why a backup was not taken, or not restored.

use std::path::Path;

use launchpad_store::StoreError;

use crate::audit::CheckpointError;

/// Nothing counts as done, whichever it is.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It may not be; says why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// A file or folder could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit log's checkpoints could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A thread of ours broke.
    #[error("a task broke: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl BackupError {
    /// For `map_err`.
    pub(super) fn at(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |cause| Self::File {
            path: path.clone(),
            cause,
        }
    }
}
