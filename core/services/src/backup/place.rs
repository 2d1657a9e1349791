//! Where backups lie: a folder of this machine, or a bucket of an S3-compatible store.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tempfile::TempDir;

use super::Result;
use super::manifest::Manifest;

/// A place that knows files by the names that [`super::manifest`] gives them, and nothing of what is in them.
#[async_trait]
pub(super) trait Place: fmt::Debug + fmt::Display + Send + Sync {
    /// The names of all manifests and snapshots that are there, each with its bytes; none where there is no such place yet.
    async fn files(&self) -> Result<BTreeMap<String, u64>>;

    /// What a manifest says.
    async fn read(&self, manifest: &str) -> Result<Vec<u8>>;

    /// Copies a snapshot to a new file that only its owner may read.
    async fn fetch(&self, snapshot: &str, to: &Path) -> Result<()>;

    /// A snapshot as a file, for as long as the answer is kept.
    async fn open(&self, snapshot: &str) -> Result<Opened>;

    /// Removes one file; one that is not there is no error.
    async fn remove(&self, name: &str) -> Result<()>;

    /// Prepares a backup whose snapshot will have this name.
    async fn begin(&self, snapshot: String) -> Result<Box<dyn Unfinished>>;
}

/// A backup that is being written. Dropped before its end, it leaves nothing that counts.
#[async_trait]
pub(super) trait Unfinished: Send + Sync {
    /// Where the snapshot is to be written; there is no such file now.
    fn path(&self) -> &Path;

    /// The snapshot gets its name, then the manifest is written: each whole and safe before the next.
    async fn finish(self: Box<Self>, manifest: &Manifest) -> Result<()>;
}

/// A snapshot that can be read here.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) path: PathBuf,
    /// Where it was brought to be read, if it was elsewhere.
    pub(super) _brought_to: Option<TempDir>,
}
