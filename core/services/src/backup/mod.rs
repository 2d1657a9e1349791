//! Backups: snapshots of the database in a folder, each with a manifest beside it that says what it must hold.
//!
//! A backup counts once its manifest is there. That is written last, after the snapshot was opened, read and found
//! whole; so whoever finds a manifest finds a backup, whatever was interrupted.

mod error;
mod folder;
mod manifest;
mod schedule;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, Clock};
use launchpad_store::{AuditKey, DatabaseUrl, Replaced, Replacement, Restoring, Store, inspect};

pub use error::BackupError;
use folder::Folder;
use manifest::Digest;
pub use manifest::Manifest;
pub use schedule::{BackupPlan, BackupSchedule};

use crate::audit::{CheckpointKind, Checkpoints};

type Result<T> = std::result::Result<T, BackupError>;

/// Where backups are.
#[derive(Debug, Clone)]
pub struct Backups {
    folder: Folder,
}

/// A backup that was looked at.
#[derive(Debug)]
pub struct Checked {
    /// Its manifest's name, or its file's where there is none.
    pub name: String,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// How a backup is restored.
#[derive(Debug)]
pub struct RestoreRequest {
    /// The newest that was taken then or before; none: the newest.
    pub at: Option<DateTime<Utc>>,
    /// Whether the database goes on as the instance that it was.
    pub keep_instance: bool,
    /// The file with the key of the audit log.
    pub audit_key: PathBuf,
    /// What is known of the audit log outside the database.
    pub checkpoints: Checkpoints,
    /// Whether the log may have been signed with another key so far.
    pub new_audit_key: bool,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// From which backup.
    pub manifest: Manifest,
    /// What became of the database.
    pub replaced: Replaced,
}

impl Backups {
    /// The backups in a folder, which need not be there yet.
    ///
    /// # Errors
    /// [`BackupError::Refused`] for what is no folder.
    pub fn at(destination: &str) -> Result<Self> {
        if destination.is_empty() || destination.contains("://") {
            return Err(BackupError::Refused(format!("`{destination}` is no folder")));
        }
        Ok(Self {
            folder: Folder::new(Path::new(destination)),
        })
    }

    /// Takes a backup while the database is in use. It counts once it was opened again and found whole.
    pub async fn take(&self, store: &Store, clock: &dyn Clock) -> Result<Manifest> {
        let taken_at = clock.now();
        let unfinished = self.folder.begin(manifest::file_name(taken_at)).await?;
        store.snapshot(unfinished.path()).await?;
        let contents = inspect(unfinished.path()).await?;
        let digest = Digest::of(unfinished.path()).await?;
        let manifest = Manifest::new(taken_at, contents, digest);
        unfinished.finish(&manifest).await?;
        Ok(manifest)
    }

    /// Reads every backup that is there, newest first, as a restore would.
    pub async fn verify(&self) -> Result<Vec<Checked>> {
        let mut checked = Vec::new();
        for name in self.folder.manifests().await? {
            let problem = self.check(&name).await.err().map(|error| error.to_string());
            checked.push(Checked { name, problem });
        }
        let lonely = self.folder.without_manifest().await?;
        checked.extend(lonely.into_iter().map(|name| Checked {
            name,
            problem: Some(
                "it has no manifest: a backup that was interrupted, or a manifest that is lost".to_owned(),
            ),
        }));
        if checked.is_empty() {
            return Err(self.none());
        }
        Ok(checked)
    }

    /// Puts a backup in the place of the database, which nobody else may use meanwhile.
    ///
    /// # Errors
    /// The database is as it was, whatever fails.
    pub async fn restore(
        &self,
        url: &DatabaseUrl,
        request: &RestoreRequest,
        actor: Actor,
        clock: &dyn Clock,
    ) -> Result<Restored> {
        let manifest = self.choose(request.at).await?;
        let replacement = Replacement::begin(url).await?;
        self.folder.fetch(&manifest.file, replacement.staging()).await?;
        // What was fetched is what is held against the manifest, not what lies there.
        manifest.check(&Digest::of(replacement.staging()).await?)?;
        let how = Restoring {
            actor,
            origin: format!("{} of {}", manifest.file, manifest.taken_at.to_rfc3339()),
            keep_instance: request.keep_instance,
            audit_key: Some(request.audit_key.clone()),
            new_audit_key: request.new_audit_key,
            now: clock.now(),
        };
        let replaced = replacement.finish(&how).await?;
        // Of what the log was before, nothing counts any more.
        if let Some(key) = AuditKey::read(&request.audit_key)? {
            let link = replaced.link.clone();
            request
                .checkpoints
                .add(&key, CheckpointKind::Restart, link, clock.now())?;
        }
        Ok(Restored { manifest, replaced })
    }

    /// When the newest backup was taken.
    pub async fn newest(&self) -> Result<Option<DateTime<Utc>>> {
        if !self.folder.exists() {
            return Ok(None);
        }
        let names = self.folder.manifests().await?;
        Ok(names.first().and_then(|name| manifest::time_of(name)))
    }

    /// Removes all but so many of the newest, and answers how many those were.
    pub async fn prune(&self, keep: usize) -> Result<usize> {
        let names = self.folder.manifests().await?;
        let old = names.get(keep..).unwrap_or_default();
        for name in old {
            self.folder.remove(name).await?;
        }
        Ok(old.len())
    }

    /// The newest backup, or the newest of a time.
    async fn choose(&self, at: Option<DateTime<Utc>>) -> Result<Manifest> {
        for name in self.folder.manifests().await? {
            if at.is_none_or(|at| manifest::time_of(&name).is_some_and(|taken| taken <= at)) {
                return self.folder.manifest(&name).await;
            }
        }
        Err(self.none())
    }

    async fn check(&self, name: &str) -> Result<()> {
        let manifest = self.folder.manifest(name).await?;
        let file = self.folder.path_of(&manifest.file);
        manifest.check(&Digest::of(&file).await?)?;
        manifest.check_contents(&inspect(&file).await?)
    }

    fn none(&self) -> BackupError {
        BackupError::Refused(format!("there is no such backup in {}", self.folder))
    }
}
