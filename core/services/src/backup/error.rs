//! Why a backup was not taken, or not restored.

use std::io::ErrorKind;
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
    #[error("{path}: {cause}{}", advice(.cause))]
    File {
        /// Which.
        path: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// A bucket could not be read or written.
    #[error("{bucket}: {}", told(.cause))]
    Bucket {
        /// Which, and where in it.
        bucket: String,
        /// Why not.
        cause: object_store::Error,
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

/// What whoever reads it can do.
fn advice(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            ": whoever runs Launchpad must be able to read and write there"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            ": there is no room left; nothing that was there is lost"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => ": backups need a folder, and this is none",
        ErrorKind::NotFound => ": it is missing",
        _ => "",
    }
}

/// What is most likely wrong, and behind it what the store said. Of a listing that is refused `object_store` keeps nothing but the
/// text of the answer, in which S3 names the reason (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
fn told(cause: &object_store::Error) -> String {
    let text = cause.to_string();
    let within = |name: &str| Some(text.split_once(&format!("<{name}>"))?.1.split_once("</")?.0);
    let code = within("Code").unwrap_or_default();
    let likely = match code {
        "NoSuchBucket" => "there is no such bucket",
        "NoSuchKey" => "the object is not there",
        "AccessDenied" | "ExpiredToken" | "InvalidAccessKeyId" | "InvalidToken" | "SignatureDoesNotMatch" => {
            "the store refuses these credentials; look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and at what they may do"
        }
        _ => "the store did not do it; look at AWS_ENDPOINT_URL, AWS_REGION and the credentials",
    };
    match within("Message") {
        Some(message) => format!("{likely} ({code}: {message})"),
        None => format!("{likely} ({text})"),
    }
}
