//! Backups in a folder.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::manifest::{Manifest, manifest_name, time_of};
use super::{BackupError, Result};

/// Whoever writes to the folder holds this file's lock.
const LOCK: &str = ".launchpad-backup.lock";
/// What is not finished ends so; whoever holds the lock may remove it.
const PARTIAL: &str = ".partial";
/// Most bytes of a manifest.
const MAX_MANIFEST: u64 = 1 << 20;

/// A folder.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// A backup that is being written. Dropped before its end, it leaves nothing.
#[derive(Debug)]
pub(super) struct Unfinished {
    folder: PathBuf,
    file: String,
    partial: PathBuf,
    _lock: File,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // SQLite's own file, where it is interrupted, lies beside it.
        for suffix in ["", "-journal"] {
            let mut left = self.partial.clone().into_os_string();
            left.push(suffix);
            if let Err(error) = fs::remove_file(&left)
                && error.kind() != ErrorKind::NotFound
            {
                tracing::warn!(file = %left.display(), %error, "a backup leaves a file behind");
            }
        }
    }
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn exists(&self) -> bool {
        self.0.is_dir()
    }

    /// Removes a backup by its manifest's name: that first, so that whoever finds one finds a backup.
    pub(super) async fn remove(&self, manifest: &str) -> Result<()> {
        let stem = manifest.strip_suffix(".json").unwrap_or(manifest);
        let files = [self.path_of(manifest), self.path_of(&format!("{stem}.db"))];
        tokio::task::spawn_blocking(move || {
            for file in files {
                match fs::remove_file(&file) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(BackupError::at(&file)(error));
                    }
                    _ => {}
                }
            }
            Ok(())
        })
        .await?
    }

    /// Makes the folder where it is missing, and keeps other backups out until this one is written.
    pub(super) async fn begin(&self, file: String) -> Result<Unfinished> {
        let folder = self.0.clone();
        tokio::task::spawn_blocking(move || begin(folder, file)).await?
    }

    /// The names of all manifests, newest first.
    pub(super) async fn manifests(&self) -> Result<Vec<String>> {
        self.names(".json").await
    }

    /// Snapshots without a manifest.
    pub(super) async fn without_manifest(&self) -> Result<Vec<String>> {
        let mut names = self.names(".db").await?;
        names.retain(|name| !self.path_of(&manifest_name(name)).exists());
        Ok(names)
    }

    pub(super) async fn manifest(&self, name: &str) -> Result<Manifest> {
        let path = self.path_of(name);
        let text = tokio::task::spawn_blocking(move || {
            let mut text = Vec::new();
            File::open(&path)
                .and_then(|file| file.take(MAX_MANIFEST).read_to_end(&mut text))
                .map_err(BackupError::at(&path))?;
            Ok::<_, BackupError>(text)
        })
        .await??;
        Manifest::parse(name, &text)
    }

    /// Copies a snapshot to a new file that only its owner may read.
    pub(super) async fn fetch(&self, name: &str, to: &Path) -> Result<()> {
        let (from, to) = (self.path_of(name), to.to_owned());
        tokio::task::spawn_blocking(move || {
            let mut source = File::open(&from).map_err(BackupError::at(&from))?;
            let mut copy = new_file(&to).map_err(BackupError::at(&to))?;
            std::io::copy(&mut source, &mut copy).map_err(BackupError::at(&to))?;
            Ok(())
        })
        .await?
    }

    async fn names(&self, suffix: &'static str) -> Result<Vec<String>> {
        let folder = self.0.clone();
        tokio::task::spawn_blocking(move || {
            let at = BackupError::at(&folder);
            let mut names = Vec::new();
            for entry in fs::read_dir(&folder).map_err(&at)? {
                let name = entry.map_err(&at)?.file_name();
                let name = name
                    .to_str()
                    .filter(|name| name.ends_with(suffix) && time_of(name).is_some());
                names.extend(name.map(str::to_owned));
            }
            names.sort_unstable_by(|one, other| other.cmp(one));
            Ok(names)
        })
        .await?
    }
}

impl Unfinished {
    /// Where the snapshot is to be written; there is no such file now.
    pub(super) fn path(&self) -> &Path {
        &self.partial
    }

    /// The snapshot gets its name, then the manifest is written: each whole and on the disk before the next.
    pub(super) async fn finish(self, manifest: &Manifest) -> Result<()> {
        let text = manifest.text()?;
        tokio::task::spawn_blocking(move || {
            let synchronise = |path: &Path| {
                let done = File::open(path).and_then(|file| file.sync_all());
                done.map_err(BackupError::at(path))
            };
            synchronise(&self.partial)?;
            rename(&self.partial, &self.folder.join(&self.file))?;
            let name = self.folder.join(manifest_name(&self.file));
            let partial = with_suffix(&name, PARTIAL);
            new_file(&partial)
                .and_then(|mut file| {
                    file.write_all(text.as_bytes())?;
                    file.sync_all()
                })
                .map_err(BackupError::at(&partial))?;
            synchronise(&self.folder)?;
            rename(&partial, &name)?;
            synchronise(&self.folder)
        })
        .await?
    }
}

fn begin(folder: PathBuf, file: String) -> Result<Unfinished> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(BackupError::at(&folder))?;
    let lock = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join(LOCK))
        .map_err(BackupError::at(&folder))?;
    // Two would only slow each other down; the second is newer, so it waits.
    lock.lock().map_err(BackupError::at(&folder))?;
    for entry in fs::read_dir(&folder).map_err(BackupError::at(&folder))? {
        let path = entry.map_err(BackupError::at(&folder))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name
            .strip_suffix(PARTIAL)
            .is_some_and(|name| time_of(name).is_some())
        {
            fs::remove_file(&path).map_err(BackupError::at(&path))?;
        }
    }
    let place = folder.join(&file);
    if place.exists() {
        return Err(BackupError::Refused(format!(
            "{} is there already",
            place.display()
        )));
    }
    Ok(Unfinished {
        partial: with_suffix(&place, PARTIAL),
        folder,
        file,
        _lock: lock,
    })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn new_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(BackupError::at(to))
}
