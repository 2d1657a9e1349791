//! Looking at a SQLite file before SQLite does, which would create or change it.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::{Opening, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// With which bytes every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// What a restore writes beside the database, to put in its place once it is whole.
pub(crate) const STAGING: &str = ".restoring";
/// Bytes of the header, from which page 1 goes on.
const HEADER: usize = 100;
/// Bytes before the first frame of a write-ahead log, and before the page in each frame.
const WAL_HEADER: u64 = 32;
const WAL_FRAME_HEADER: u64 = 24;

/// Refuses a file that is gone, damaged or not ours to write. Changes nothing.
pub(crate) fn check(path: &Path, opening: &Opening) -> Result<()> {
    // For writing too: SQLite itself would fall back to reading, and fail at the first change.
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => check_content(path, &file, opening),
        Err(error) if error.kind() == ErrorKind::NotFound => check_missing(path, opening),
        Err(error) => Err(unusable(path, &error)),
    }
}

/// Makes the file of a new database, which holds what only its owner may read; its logs get the same rights.
pub(crate) fn make_private_unless_there(path: &Path) -> Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unusable(path, &error)),
        _ => Ok(()),
    }
}

/// Makes an empty file that only its owner may read.
pub(crate) fn make_private(path: &Path) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| StoreError::Refused(format!("{} cannot be made: {error}", path.display())))
}

/// Waits until the file's content is on the disk.
pub(crate) fn synchronise(path: &Path) -> Result<()> {
    let synchronised = File::open(path).and_then(|file| file.sync_all());
    synchronised.map_err(|error| unusable(path, &error))
}

/// Gives a file another name, and waits until that is on the disk.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|error| unusable(from, &error))?;
    synchronise_name(to)
}

/// Waits until the file's name is on the disk.
pub(crate) fn synchronise_name(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => synchronise(folder),
        _ => synchronise(Path::new(".")),
    }
}

/// Removes a file that may be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(path, &error)),
        _ => Ok(()),
    }
}

/// The file `<path><suffix>`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The file `<path><suffix>`, or `<path><suffix>-2` and so on where there is one, or its log, already.
pub(crate) fn unused(path: &Path, suffix: &str) -> PathBuf {
    let mut file = beside(path, suffix);
    let mut number = 2_u64;
    while file.exists() || beside(&file, "-wal").exists() {
        file = beside(path, &format!("{suffix}-{number}"));
        number += 1;
    }
    file
}

/// The refusal of a file whose content cannot be right.
pub(crate) fn damaged(path: &Path, how: &str) -> StoreError {
    StoreError::Refused(format!(
        "{} is damaged ({how}): restore it from a backup; it was left as it is",
        path.display()
    ))
}

/// The refusal of a file that is not ours to write.
pub(crate) fn unusable(path: &Path, error: &impl Display) -> StoreError {
    StoreError::Refused(format!(
        "{} cannot be read and written: {error}: whoever runs Launchpad must own the file and its folder",
        path.display()
    ))
}

fn check_missing(path: &Path, opening: &Opening) -> Result<()> {
    // The last is a restore that was cut short.
    let ours = ["-wal", STAGING].map(|suffix| beside(path, suffix));
    let trace = ours.iter().chain(&opening.traces).find(|trace| trace.exists());
    match trace {
        Some(trace) if !opening.init => Err(StoreError::Refused(format!(
            "{path} is missing, but {trace} shows that there was a database: put {path} back or restore it from a \
             backup; to begin anew without its data, start with --init",
            path = path.display(),
            trace = trace.display(),
        ))),
        _ if opening.existing => Err(StoreError::Missing(format!(
            "there is no database {}: LAUNCHPAD_DB or --db says where it is, from the folder in which a command runs",
            path.display()
        ))),
        _ => Ok(()),
    }
}

fn check_content(path: &Path, mut file: &File, opening: &Opening) -> Result<()> {
    let length = file.metadata().map_err(|error| unusable(path, &error))?.len();
    if length == 0 {
        // This is how SQLite itself begins; and what is left of a database on a disk that was full.
        return check_missing(path, opening);
    }
    let mut header = [0; HEADER];
    match file.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(damaged(path, "it ends in its header"));
        }
        Err(error) => return Err(unusable(path, &error)),
    }
    if !header.starts_with(MAGIC) {
        return Err(damaged(path, "it does not begin as a SQLite database does"));
    }
    let page_size = page_size(&header).ok_or_else(|| damaged(path, "its header is not readable"))?;
    let logged = std::fs::metadata(beside(path, "-wal")).map_or(0, |wal| {
        wal.len().saturating_sub(WAL_HEADER) / (WAL_FRAME_HEADER + page_size)
    });
    // Pages beyond the file's end are legal only while the log still has them.
    if length / page_size + logged < pages(&header) {
        return Err(damaged(path, "its end is missing"));
    }
    Ok(())
}

/// The page size, where the header's fixed fields are what they must be.
fn page_size(header: &[u8; HEADER]) -> Option<u64> {
    let size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let versions = header[18..20].iter().all(|version| matches!(version, 1 | 2));
    let fractions = header[21..24] == [64, 32, 32];
    (size.is_power_of_two() && size >= 512 && versions && fractions).then_some(size)
}

/// How many pages the header promises; 0 where it was written by a SQLite that did not keep the number.
fn pages(header: &[u8; HEADER]) -> u64 {
    let kept = header[24..28] == header[92..96];
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    if kept { u64::from(pages) } else { 0 }
}
