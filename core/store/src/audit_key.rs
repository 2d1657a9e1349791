//! The file with the audit log's key: made once, read by every process, never written again.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use sea_orm::ConnectionTrait;

use crate::chain::chain_key;
use crate::file::{beside, remove, synchronise_name};
use crate::{AUDIT_KEY_BYTES, AuditKey, StoreError, audit};

type Result<T> = std::result::Result<T, StoreError>;

/// Most bytes that a key's file may have.
const MAX_FILE: u64 = 1_024;

impl AuditKey {
    /// Reads a key; none where there is no such file.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a file that cannot be read, that everybody can read, or that is none of ours.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let refused = |why: String| StoreError::Refused(format!("the audit key {}: {why}", path.display()));
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| refused(error.to_string()))?,
        };
        let mode = file
            .metadata()
            .map_err(|error| refused(error.to_string()))?
            .permissions()
            .mode();
        if mode & 0o007 != 0 {
            return Err(refused(format!(
                "everybody on this machine can read it (mode {:04o}), and whoever has it can forge the log: run chmod 600 {}",
                mode & 0o7777,
                path.display()
            )));
        }
        let mut text = String::new();
        file.take(MAX_FILE)
            .read_to_string(&mut text)
            .map_err(|error| refused(error.to_string()))?;
        let mut secret = [0; AUDIT_KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut secret)
            .map_err(|_| refused("it must be 64 hexadecimal digits".to_owned()))?;
        Ok(Some(Self::from(secret)))
    }
}

/// The key for a database that may have been signed before. Makes it where there is none and none is missed.
pub(crate) async fn settle(connection: &impl ConnectionTrait, path: &Path, renew: bool) -> Result<AuditKey> {
    let signed = audit::last_link(connection).await?.filter(|_| !renew);
    let found = AuditKey::read(path)?;
    match (signed, found) {
        (Some(link), found) if found.as_ref().map(AuditKey::id) != Some(chain_key(&link.chain)) => {
            let what = found.map_or_else(|| "is missing".to_owned(), |key| format!("is {}", key.id()));
            Err(StoreError::Refused(format!(
                "the audit log was signed with the key {}, but {} {what}: put the key back, it is in no backup, or say \
                 where it is by audit.key_file (LAUNCHPAD_AUDIT__KEY_FILE); only if it is lost for good, go on with a new \
                 one by `launchpad audit restart`, or `launchpad restore --new-audit-key`",
                chain_key(&link.chain),
                path.display(),
            )))
        }
        (_, Some(key)) => Ok(key),
        (_, None) => make(path),
    }
}

/// Of two who make it at once, both get the one that was first.
fn make(path: &Path) -> Result<AuditKey> {
    let refused = |error: std::io::Error| {
        StoreError::Refused(format!(
            "the audit key {} cannot be made: {error}",
            path.display()
        ))
    };
    let own = beside(path, &format!(".{}", uuid::Uuid::new_v4().simple()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&own)
        .map_err(refused)?;
    let secret: [u8; AUDIT_KEY_BYTES] = rand::random();
    let made = writeln!(file, "{}", hex::encode(secret))
        .and_then(|()| file.sync_all())
        .and_then(|()| match std::fs::hard_link(&own, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        });
    remove(&own)?;
    made.map_err(refused)?;
    synchronise_name(path)?;
    AuditKey::read(path)?.ok_or_else(|| refused(ErrorKind::NotFound.into()))
}
