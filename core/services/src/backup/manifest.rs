//! What a backup must hold, as JSON beside it.

use std::fs::File;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};
use launchpad_domain::InstanceId;
use launchpad_store::{Contents, RowCounts};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{BackupError, Result};

/// The one format so far.
const FORMAT: u32 = 1;
/// How a backup's time is written in its names: they sort as it does.
const STAMP: &str = "%Y%m%dT%H%M%S%.6fZ";
const PREFIX: &str = "launchpad-";

/// What a backup must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The SQLite file beside the manifest.
    pub file: String,
    /// When it was begun: everything acknowledged before is in it.
    pub taken_at: DateTime<Utc>,
    /// By which version of Launchpad.
    pub version: String,
    /// Whose data it is.
    pub instance: InstanceId,
    /// The migrations that made its tables.
    pub schema: Vec<String>,
    /// How long the file is.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// How many rows there are, by table.
    pub rows: RowCounts,
}

impl Manifest {
    pub(super) fn new(taken_at: DateTime<Utc>, contents: Contents, digest: Digest) -> Self {
        Self {
            format: FORMAT,
            file: file_name(taken_at),
            taken_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: contents.instance,
            schema: contents.schema,
            bytes: digest.bytes,
            sha256: digest.sha256,
            rows: contents.rows,
        }
    }

    /// Reads one that lies under a name.
    pub(super) fn parse(name: &str, text: &[u8]) -> Result<Self> {
        let refused = |why: String| BackupError::Refused(format!("{name}: {why}"));
        let read: Self = serde_json::from_slice(text).map_err(|error| refused(error.to_string()))?;
        if read.format != FORMAT {
            return Err(refused(format!("format {} is not known here", read.format)));
        }
        if manifest_name(&read.file) != name || file_name(read.taken_at) != read.file {
            return Err(refused(
                "its names and its time do not belong together".to_owned(),
            ));
        }
        Ok(read)
    }

    /// As it is written.
    pub(super) fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self);
        Ok(text.map_err(|error| BackupError::Refused(error.to_string()))? + "\n")
    }

    /// Whether a file is the one that was written.
    pub(super) fn check(&self, found: &Digest) -> Result<()> {
        let refused = |why: String| Err(BackupError::Refused(format!("{} is damaged: {why}", self.file)));
        if found.bytes != self.bytes {
            return refused(format!("it has {} bytes, not {}", found.bytes, self.bytes));
        }
        if found.sha256 != self.sha256 {
            return refused("its checksum is not the one in its manifest".to_owned());
        }
        Ok(())
    }

    /// Whether what was read is what the manifest promises.
    pub(super) fn check_contents(&self, found: &Contents) -> Result<()> {
        if *found == self.contents() {
            return Ok(());
        }
        Err(BackupError::Refused(format!(
            "{} does not hold what its manifest promises",
            self.file
        )))
    }

    fn contents(&self) -> Contents {
        Contents {
            instance: self.instance,
            schema: self.schema.clone(),
            rows: self.rows.clone(),
        }
    }
}

/// How the snapshot of a time is called.
pub(super) fn file_name(taken_at: DateTime<Utc>) -> String {
    format!("{PREFIX}{}.db", taken_at.format(STAMP))
}

/// How the manifest of a snapshot is called.
pub(super) fn manifest_name(file: &str) -> String {
    format!("{}.json", file.strip_suffix(".db").unwrap_or(file))
}

/// How the snapshot of a manifest is called.
pub(super) fn file_of(manifest: &str) -> String {
    format!("{}.db", manifest.strip_suffix(".json").unwrap_or(manifest))
}

/// Whether this is what a manifest is called, rather than a snapshot.
pub(super) fn is_manifest(name: &str) -> bool {
    manifest_name(&file_of(name)) == name
}

/// When a backup was taken, by the name of its manifest or its snapshot; none for other files.
pub(super) fn time_of(name: &str) -> Option<DateTime<Utc>> {
    let stem = name.strip_suffix(".json").or_else(|| name.strip_suffix(".db"))?;
    let time = NaiveDateTime::parse_from_str(stem.strip_prefix(PREFIX)?, STAMP).ok()?;
    Some(time.and_utc())
}

/// A file's length and checksum.
#[derive(Debug)]
pub(super) struct Digest {
    bytes: u64,
    sha256: String,
}

impl Digest {
    /// Reads the file.
    pub(super) async fn of(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || {
            let at = BackupError::at(&path);
            let mut hash = Sha256::new();
            let bytes = File::open(&path)
                .and_then(|mut file| std::io::copy(&mut file, &mut Hashing(&mut hash)))
                .map_err(at)?;
            Ok(Self {
                bytes,
                sha256: hex::encode(hash.finalize()),
            })
        })
        .await?
    }
}

/// A hash to which one can copy.
struct Hashing<'a>(&'a mut Sha256);

impl std::io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_and_read_as_times_do() {
        let times: Vec<DateTime<Utc>> = [
            "2026-11-24T03:31:34Z",
            "2026-11-24T03:31:34.000001Z",
            "2027-01-01T00:00:00Z",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec();
        let names: Vec<String> = times.iter().map(|time| file_name(*time)).collect();
        assert_eq!(names[1], "launchpad-20261124T033134.000001Z.db");
        assert!(names.is_sorted());
        for (name, time) in names.iter().zip(times) {
            assert_eq!(time_of(name), Some(time));
            assert_eq!(time_of(&manifest_name(name)), Some(time));
            assert!(is_manifest(&manifest_name(name)) && !is_manifest(name));
            assert_eq!(file_of(&manifest_name(name)), *name);
        }
        for other in [
            "launchpad-1.db",
            "launchpad.json",
            "x.db",
            "launchpad-20261124T033134.000001Z",
        ] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }
}
