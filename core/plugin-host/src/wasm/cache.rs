//! Compiled components, kept from one start to the next.
//!
//! Reading one is as good as running it: the engine trusts its bytes. So the folder is this user's alone, the
//! files are written whole or not at all, and a file's name is made of the component and of everything in the
//! engine that its code depends on.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

const EXTENSION: &str = "cwasm";

/// A folder of compiled components.
pub(crate) struct Cache {
    folder: PathBuf,
    used: Mutex<BTreeSet<PathBuf>>,
}

impl Cache {
    /// Makes the folder, or takes the one that is there.
    ///
    /// # Errors
    /// Where it cannot be made or written to, or others may write to it.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let found = folder.symlink_metadata()?;
        if !found.is_dir() || found.permissions().mode() & 0o077 != 0 || found.uid() != own_id(folder)? {
            return Err(io::Error::other(
                "must be a folder of this user's alone (mode 0700)",
            ));
        }
        Ok(Self {
            folder: folder.to_owned(),
            used: Mutex::default(),
        })
    }

    /// Whether the component was compiled before.
    pub(super) fn keeps(&self, engine: &Engine, bytes: &[u8]) -> bool {
        self.place(engine, bytes).is_file()
    }

    fn place(&self, engine: &Engine, bytes: &[u8]) -> PathBuf {
        self.folder.join(key(engine, bytes)).with_extension(EXTENSION)
    }

    /// The component as it was compiled before, or compiled now.
    pub(super) fn compile(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
        let path = self.place(engine, bytes);
        self.used().insert(path.clone());
        if let Some(component) = kept(engine, &path) {
            return Ok(component);
        }
        let component = Component::from_binary(engine, bytes)?;
        // Without its file the next start is slower, and nothing else.
        if let Err(error) = component
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| write(&path, &code))
        {
            tracing::warn!(file = %path.display(), %error, "a compiled plugin could not be kept");
        }
        Ok(component)
    }

    /// Deletes what was not asked for: an upgrade leaves nothing behind.
    pub(crate) fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let used = self.used();
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == EXTENSION) && !used.contains(&path) {
                // Another start that sweeps at the same time may have been faster.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

impl Cache {
    fn used(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        // A set is whole after every step.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user that this process writes files as.
fn own_id(folder: &Path) -> io::Result<u32> {
    let path = scratch(folder);
    let id = create(&path)?.metadata()?.uid();
    std::fs::remove_file(path)?;
    Ok(id)
}

/// A component that was kept; none if there is none, or the engine cannot use it.
#[expect(
    unsafe_code,
    reason = "the engine cannot check that it wrote these bytes; the folder's owner and mode say so"
)]
fn kept(engine: &Engine, path: &Path) -> Option<Component> {
    if !path.is_file() {
        return None;
    }
    // SAFETY: only this user can write to the folder, and this module writes only what the engine serialised, whole.
    let read = unsafe { Component::deserialize_file(engine, path) };
    read.inspect_err(|error| tracing::info!(file = %path.display(), "compiled anew: {error:#}"))
        .ok()
}

/// Under another name first: a start that dies in between leaves no half component.
fn write(path: &Path, code: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let scratch = scratch(folder);
    let mut file = create(&scratch)?;
    let written = file.write_all(code).and_then(|()| file.sync_all());
    written
        .and_then(|()| std::fs::rename(&scratch, path))
        .inspect_err(|_| {
            // Best effort: the first error is the one to tell.
            let _ = std::fs::remove_file(&scratch);
        })
}

fn scratch(folder: &Path) -> PathBuf {
    folder.join(format!(".{:016x}", rand::random::<u64>()))
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn key(engine: &Engine, bytes: &[u8]) -> String {
    let mut hasher = Sha256Hasher(Sha256::new_with_prefix(Sha256::digest(bytes)));
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hex::encode(hasher.0.finalize())
}

/// The engine tells what its code depends on only to a hasher; the usual ones are too short to be a name.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
