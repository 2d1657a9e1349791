//! Why the program ends without having done what it was asked.

use std::process::ExitCode;

use launchpad_services::audit::CheckpointError;
use launchpad_services::{BackupError, SeedError, ServiceError};

use crate::config::ConfigProblems;

/// Why the program failed; its text is what the operator reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// Settings that may not stand.
    #[error(transparent)]
    Config(#[from] ConfigProblems),
    /// The database was not opened.
    #[error("the database {address}: {cause}")]
    Database {
        /// Which, without its password.
        address: String,
        /// Why not.
        cause: String,
    },
    /// A seed or an import was not loaded.
    #[error("{path} was not loaded:\n{cause}")]
    Seed {
        /// The file.
        path: String,
        /// Every problem with its place.
        cause: String,
    },
    /// The portal cannot listen where it should.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// A use case refused a command.
    #[error("{0}")]
    Refused(#[from] ServiceError),
    /// A backup was not taken, or not restored.
    #[error("{0}")]
    Backup(#[from] BackupError),
    /// The audit log could not be proved, or its checkpoints not be written.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// Nothing could be read or written where a command does that.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What a command looked at is not as it should be; the command has told the rest.
    #[error("{0}")]
    Unfit(String),
    /// Anything else that has to be right for the program to start.
    #[error("{0}")]
    Start(String),
}

impl ServerError {
    /// A seed or an import that was refused.
    pub(crate) fn seed(path: &std::path::Path, error: &SeedError) -> Self {
        let cause = match error {
            SeedError::Invalid(problems) => problems
                .0
                .iter()
                .map(|problem| match problem.path.as_str() {
                    "" => format!("  {}", problem.message),
                    path => format!("  {path}: {}", problem.message),
                })
                .collect::<Vec<_>>()
                .join("\n"),
            SeedError::Service(error) => format!("  {error}"),
        };
        Self::Seed {
            path: path.display().to_string(),
            cause,
        }
    }

    /// The exit status: 2 where the operator wrote something wrong, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
