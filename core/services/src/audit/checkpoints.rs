//! What is known of the audit log outside the database: a file of signed lines, each with the last row of a moment.
//! Without it nobody could tell that the end of the log was cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use launchpad_domain::InstanceId;
use launchpad_store::{AuditKey, ChainLink, StoreError};
use serde::{Deserialize, Serialize};

/// Why the file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It could not be read or written.
    #[error("the checkpoints of the audit log {path}: {cause}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckpointKind {
    /// This was the last row then.
    Head,
    /// From here the log is another: a backup took its place, or it goes on with another key. What older lines say
    /// counts no more.
    Restart,
    /// This row and those before it were deleted by policy.
    Pruned,
}

impl CheckpointKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Restart => "restart",
            Self::Pruned => "pruned",
        }
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// What it says.
    pub kind: CheckpointKind,
    /// When.
    pub at: DateTime<Utc>,
    /// The number of the last row; 0 where there was none.
    pub id: i64,
    /// What that row carries.
    pub chain: String,
    /// Of which database; several may have one key, and so one file.
    pub instance: InstanceId,
    /// The keyed hash of all that.
    signature: String,
}

impl Checkpoint {
    pub(super) fn link(&self) -> ChainLink {
        ChainLink {
            id: self.id,
            chain: self.chain.clone(),
        }
    }

    fn sign(&self, key: &AuditKey) -> Result<String, StoreError> {
        key.sign(&[
            Some("checkpoint"),
            Some(self.kind.as_str()),
            Some(&self.at.to_rfc3339()),
            Some(&self.id.to_string()),
            Some(&self.chain),
            Some(&self.instance.to_string()),
        ])
    }

    pub(super) fn is_signed_with(&self, key: &AuditKey) -> Result<bool, StoreError> {
        Ok(self.sign(key)? == self.signature)
    }
}

/// The file.
#[derive(Debug, Clone)]
pub struct Checkpoints(PathBuf);

impl Checkpoints {
    /// Those in this file.
    pub fn at(file: PathBuf) -> Self {
        Self(file)
    }

    /// Those that belong to a key.
    pub fn beside(key_file: &Path) -> Self {
        let mut name = key_file.as_os_str().to_owned();
        name.push(".checkpoints");
        Self(PathBuf::from(name))
    }

    /// Adds a line about a database, and waits until it is on the disk.
    pub fn add(
        &self,
        key: &AuditKey,
        instance: InstanceId,
        kind: CheckpointKind,
        last: Option<ChainLink>,
        at: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        let (id, chain) = last.map_or((0, String::new()), |row| (row.id, row.chain));
        let mut line = Checkpoint {
            kind,
            at,
            id,
            chain,
            instance,
            signature: String::new(),
        };
        line.signature = line.sign(key)?;
        let mut text =
            serde_json::to_string(&line).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        text.push('\n');
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.0)
            .and_then(|mut file: File| {
                // In one write: other processes add lines too.
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .map_err(|cause| self.failed(cause))
    }

    /// All lines; one that is torn or none of ours is answered by its number.
    pub(super) fn read(&self) -> Result<Vec<Result<Checkpoint, usize>>, CheckpointError> {
        let text = match fs::read_to_string(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(|cause| self.failed(cause))?,
        };
        let lines = text.lines().enumerate();
        Ok(lines
            .map(|(number, line)| serde_json::from_str(line).map_err(|_| number + 1))
            .collect())
    }

    fn failed(&self, cause: std::io::Error) -> CheckpointError {
        CheckpointError::File {
            path: self.0.display().to_string(),
            cause,
        }
    }
}
