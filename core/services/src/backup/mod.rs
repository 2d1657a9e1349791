//! Backups: snapshots of the database in a folder or a bucket, each with a manifest beside it that says what it must hold.
//!
//! A backup counts once its manifest is there. That is written last, after the snapshot was opened, read and found
//! whole; so whoever finds a manifest finds a backup, whatever was interrupted. What happens to the file later is another
//! matter: a backup stands while its file is as long as its manifest says, and only those that stand are counted as kept.

mod bucket;
mod error;
mod folder;
mod manifest;
mod place;
mod schedule;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use launchpad_domain::{Actor, Clock};
use launchpad_store::{AuditKey, DatabaseUrl, Replaced, Replacement, Restoring, Store, inspect};

use bucket::Bucket;
pub use bucket::BucketAccess;
pub use error::BackupError;
use folder::Folder;
use manifest::Digest;
pub use manifest::Manifest;
use place::Place;
pub use schedule::{BackupPlan, BackupSchedule};

use crate::audit::{CheckpointKind, Checkpoints};

type Result<T> = std::result::Result<T, BackupError>;

/// Where backups are.
#[derive(Debug, Clone)]
pub struct Backups {
    place: Arc<dyn Place>,
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
    /// The backups in a folder, which need not be there yet, or in a bucket (`s3://bucket/prefix`), which must.
    ///
    /// # Errors
    /// [`BackupError::Refused`] for what is neither.
    pub fn at(destination: &str, access: &BucketAccess) -> Result<Self> {
        let place: Arc<dyn Place> = match destination.split_once("://") {
            None if !destination.is_empty() => Arc::new(Folder::new(Path::new(destination))),
            Some(("s3", _)) => Arc::new(Bucket::new(destination, access)?),
            _ => {
                return Err(BackupError::Refused(format!(
                    "`{destination}` is neither a folder nor a bucket (s3://bucket/prefix)"
                )));
            }
        };
        Ok(Self { place })
    }

    /// Takes a backup while the database is in use. It counts once it was opened again and found whole.
    pub async fn take(&self, store: &Store, clock: &dyn Clock) -> Result<Manifest> {
        let taken_at = clock.now();
        let unfinished = self.place.begin(manifest::file_name(taken_at)).await?;
        store.snapshot(unfinished.path()).await?;
        let contents = inspect(unfinished.path()).await?;
        let digest = Digest::of(unfinished.path()).await?;
        let manifest = Manifest::new(taken_at, contents, digest);
        unfinished.finish(&manifest).await?;
        Ok(manifest)
    }

    /// Reads every backup that is there, newest first, as a restore would.
    pub async fn verify(&self) -> Result<Vec<Checked>> {
        let files = self.place.files().await?;
        let mut checked = Vec::new();
        for name in newest_first(&files) {
            let problem = self.check(name).await.err().map(|error| error.to_string());
            checked.push(Checked {
                name: name.clone(),
                problem,
            });
        }
        let lonely = files.keys().filter(|name| {
            !manifest::is_manifest(name) && !files.contains_key(&manifest::manifest_name(name))
        });
        checked.extend(lonely.map(|name| Checked {
            name: name.clone(),
            problem: Some(
                "it has no manifest: a backup that was interrupted, or a manifest that is lost".to_owned(),
            ),
        }));
        if checked.is_empty() {
            return Err(self.empty());
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
        let files = self.place.files().await?;
        let chosen = self.choose(&files, request.at)?;
        let replacement = Replacement::begin(url).await?;
        let manifest = match self.fetch(chosen, replacement.staging()).await {
            Ok(manifest) => manifest,
            Err(error) => return Err(self.with_an_older_one(&files, chosen, error).await),
        };
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
            request.checkpoints.add(
                &key,
                replaced.instance,
                CheckpointKind::Restart,
                link,
                clock.now(),
            )?;
        }
        Ok(Restored { manifest, replaced })
    }

    /// When the newest backup that stands was taken.
    pub async fn newest(&self) -> Result<Option<DateTime<Utc>>> {
        let files = self.place.files().await?;
        for name in newest_first(&files) {
            if self.stands(&files, name).await? {
                return Ok(manifest::time_of(name));
            }
        }
        Ok(None)
    }

    /// Removes what is older than so many of the newest that stand, and answers how many those were. A newer one that does
    /// not stand is left, for whoever wants to know what became of it.
    pub async fn prune(&self, keep: usize) -> Result<usize> {
        let files = self.place.files().await?;
        let (mut standing, mut removed) = (0, 0);
        for name in newest_first(&files) {
            if standing < keep {
                standing += usize::from(self.stands(&files, name).await?);
                continue;
            }
            // The manifest first, so that whoever finds one finds a backup.
            self.place.remove(name).await?;
            self.place.remove(&manifest::file_of(name)).await?;
            removed += 1;
        }
        Ok(removed)
    }

    /// The manifest of the newest backup, or of the newest of a time.
    fn choose<'a>(&self, files: &'a BTreeMap<String, u64>, at: Option<DateTime<Utc>>) -> Result<&'a String> {
        let oldest = newest_first(files).last().ok_or_else(|| self.empty())?;
        let in_time =
            |name: &&String| at.is_none_or(|at| manifest::time_of(name).is_some_and(|taken| taken <= at));
        newest_first(files).find(in_time).ok_or_else(|| {
            BackupError::Refused(format!(
                "{} has no backup that was taken so early; its oldest is {}",
                self.place,
                manifest::file_of(oldest)
            ))
        })
    }

    /// Brings a snapshot here, whole.
    async fn fetch(&self, name: &str, to: &Path) -> Result<Manifest> {
        let manifest = self.manifest(name).await?;
        self.place.fetch(&manifest.file, to).await?;
        // What was fetched is what is held against the manifest, not what lies there.
        manifest.check(&Digest::of(to).await?)?;
        Ok(manifest)
    }

    /// Why one cannot be restored, and which one before it stands.
    async fn with_an_older_one(
        &self,
        files: &BTreeMap<String, u64>,
        broken: &String,
        error: BackupError,
    ) -> BackupError {
        for name in newest_first(files).filter(|name| *name < broken) {
            if let (Ok(true), Some(taken)) = (self.stands(files, name).await, manifest::time_of(name)) {
                return BackupError::Refused(format!(
                    "{error}; nothing was changed. The one before it can be had with --at {}",
                    taken.to_rfc3339_opts(SecondsFormat::Micros, true)
                ));
            }
        }
        error
    }

    /// Whether a snapshot is there, and as long as its manifest says.
    async fn stands(&self, files: &BTreeMap<String, u64>, name: &str) -> Result<bool> {
        match self.manifest(name).await {
            Ok(manifest) => Ok(files.get(&manifest.file) == Some(&manifest.bytes)),
            Err(BackupError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn manifest(&self, name: &str) -> Result<Manifest> {
        Manifest::parse(name, &self.place.read(name).await?)
    }

    async fn check(&self, name: &str) -> Result<()> {
        let manifest = self.manifest(name).await?;
        let file = self.place.open(&manifest.file).await?;
        manifest.check(&Digest::of(&file.path).await?)?;
        manifest.check_contents(&inspect(&file.path).await?)
    }

    fn empty(&self) -> BackupError {
        BackupError::Refused(format!(
            "there is no backup in {}: a backup is a file launchpad-<time>.db with a manifest launchpad-<time>.json beside it",
            self.place
        ))
    }
}

/// The manifests among these files: their names sort by their times.
fn newest_first(files: &BTreeMap<String, u64>) -> impl DoubleEndedIterator<Item = &String> {
    files.keys().rev().filter(|name| manifest::is_manifest(name))
}
