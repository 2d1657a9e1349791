//! Where a plugin's files come from: a folder, or the program itself.

use std::fmt;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::LoadError;

/// Most files of a plugin whose change is noticed, and the deepest folder that is looked into.
const MOST_FILES: usize = 1_000;
const DEEPEST: usize = 4;

/// The folder of one plugin: `plugin.toml` and what that names.
#[derive(Clone)]
pub enum Source {
    /// A plugin that is part of the program.
    Shipped {
        /// The name of its folder.
        name: &'static str,
        /// Its files by their names in the folder.
        files: &'static [(&'static str, &'static [u8])],
    },
    /// A folder of the operator's.
    Folder(PathBuf),
}

impl Source {
    /// The plugins in a folder of plugins: each of its subfolders is one, hidden ones excepted.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn in_folder(folder: &Path) -> Result<Vec<Self>, LoadError> {
        let unreadable = |error: std::io::Error| LoadError::Unreadable {
            name: folder.display().to_string(),
            reason: error.to_string(),
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            // `metadata` of the path follows links: plugins are mounted through them.
            if !hidden && entry.path().metadata().is_ok_and(|meta| meta.is_dir()) {
                found.push(Self::Folder(entry.path()));
            }
        }
        // Of two plugins with one id the first wins: the order must not be the file system's.
        found.sort_by_key(ToString::to_string);
        Ok(found)
    }

    /// Whether the plugin is part of the program.
    pub(crate) fn is_shipped(&self) -> bool {
        matches!(self, Self::Shipped { .. })
    }

    /// What the plugin's files look like from outside: changes when one of them may have changed. Never for a plugin
    /// that is part of the program.
    pub(crate) fn look(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Self::Folder(folder) = self {
            let mut left = MOST_FILES;
            look_into(folder, DEEPEST, &mut left, &mut hasher);
        }
        hasher.finish()
    }

    /// Reads a file of the plugin.
    ///
    /// # Errors
    /// Where it is missing, has more than `most` bytes, or lies outside the plugin's folder.
    pub(crate) fn read(&self, name: &str, most: usize) -> Result<Vec<u8>, LoadError> {
        let unreadable = |reason: String| LoadError::Unreadable {
            name: name.to_owned(),
            reason,
        };
        let inside = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !inside {
            return Err(unreadable(
                "must be the name of a file in the plugin's folder".to_owned(),
            ));
        }
        let bytes = match self {
            Self::Shipped { files, .. } => files
                .iter()
                .find(|(file, _)| *file == name)
                .map(|(_, bytes)| bytes.to_vec())
                .ok_or_else(|| unreadable("there is no such file".to_owned()))?,
            Self::Folder(folder) => {
                read_inside(folder, name, most).map_err(|error| unreadable(error.to_string()))?
            }
        };
        if bytes.len() > most {
            return Err(unreadable(format!("is larger than {most} bytes")));
        }
        Ok(bytes)
    }
}

/// Names, sizes and times of a folder's files; of links, those of what they lead to.
fn look_into(folder: &Path, levels: usize, left: &mut usize, hasher: &mut DefaultHasher) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        0u8.hash(hasher);
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).take(*left).collect();
    paths.sort();
    for path in paths {
        *left = left.saturating_sub(1);
        let Ok(meta) = path.metadata() else { continue };
        path.hash(hasher);
        if meta.is_dir() {
            if levels > 0 {
                look_into(&path, levels - 1, left, hasher);
            }
        } else {
            (meta.len(), meta.modified().ok(), meta.ino()).hash(hasher);
        }
    }
}

/// Reads at most one byte more than `most`, so that a file that grows cannot fill the memory.
fn read_inside(folder: &Path, name: &str, most: usize) -> std::io::Result<Vec<u8>> {
    let path = folder.join(name).canonicalize()?;
    // A link may lead to another place of the folder (mounted configuration does), never out of it.
    if !path.starts_with(folder.canonicalize()?) {
        return Err(std::io::Error::other("is a link out of the plugin's folder"));
    }
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped { name, .. } => write!(f, "shipped plugin {name}"),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
