//! Backups in a folder.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::manifest::{Manifest, manifest_name, time_of};
use super::place::{Opened, Place, Unfinished};
use super::{BackupError, Result};

/// Whoever writes to the folder holds this file's lock.
const LOCK: &str = ".launchpad-backup.lock";
/// What is not finished ends so; whoever holds the lock may remove it.
const PARTIAL: &str = ".partial";
/// Most bytes of a manifest.
pub(super) const MAX_MANIFEST: u64 = 1 << 20;

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
struct Writing {
    folder: PathBuf,
    file: String,
    partial: PathBuf,
    _lock: File,
}

impl Drop for Writing {
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
}

#[async_trait]
impl Place for Folder {
    async fn files(&self) -> Result<BTreeMap<String, u64>> {
        let folder = self.0.clone();
        tokio::task::spawn_blocking(move || files(&folder)).await?
    }

    async fn read(&self, manifest: &str) -> Result<Vec<u8>> {
        let path = self.0.join(manifest);
        tokio::task::spawn_blocking(move || {
            let mut text = Vec::new();
            File::open(&path)
                .and_then(|file| file.take(MAX_MANIFEST).read_to_end(&mut text))
                .map_err(BackupError::at(&path))?;
            Ok(text)
        })
        .await?
    }

    async fn fetch(&self, snapshot: &str, to: &Path) -> Result<()> {
        let (from, to) = (self.0.join(snapshot), to.to_owned());
        tokio::task::spawn_blocking(move || {
            let mut source = File::open(&from).map_err(BackupError::at(&from))?;
            let mut copy = new_file(&to).map_err(BackupError::at(&to))?;
            std::io::copy(&mut source, &mut copy).map_err(BackupError::at(&to))?;
            Ok(())
        })
        .await?
    }

    async fn open(&self, snapshot: &str) -> Result<Opened> {
        Ok(Opened {
            path: self.0.join(snapshot),
            _brought_to: None,
        })
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let file = self.0.join(name);
        match tokio::fs::remove_file(&file).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(BackupError::at(&file)(error)),
            _ => Ok(()),
        }
    }

    /// Makes the folder where it is missing, and keeps other backups out until this one is written.
    async fn begin(&self, snapshot: String) -> Result<Box<dyn Unfinished>> {
        let folder = self.0.clone();
        let writing = tokio::task::spawn_blocking(move || begin(folder, snapshot)).await??;
        Ok(Box::new(writing))
    }
}

#[async_trait]
impl Unfinished for Writing {
    fn path(&self) -> &Path {
        &self.partial
    }

    async fn finish(self: Box<Self>, manifest: &Manifest) -> Result<()> {
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

fn files(folder: &Path) -> Result<BTreeMap<String, u64>> {
    let at = BackupError::at(folder);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.map_err(&at)?,
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(&at)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| time_of(name).is_some()) else {
            continue;
        };
        match entry.metadata() {
            Ok(metadata) => drop(files.insert(name.to_owned(), metadata.len())),
            // Removed since the folder was read.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(at(error)),
        }
    }
    Ok(files)
}

fn begin(folder: PathBuf, file: String) -> Result<Writing> {
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
    Ok(Writing {
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
