//! The chain that binds the rows of the audit log: each carries a keyed hash of itself and of the one before it. Who
//! has the database but not the key can change nothing of it unnoticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sha2::{Digest, Sha256};

use crate::entities::audit_entry::{Column, Entity, Model};
use crate::{Store, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Rows that are held in memory at one time.
const BATCH: u64 = 2_000;
/// Problems after which one knows enough.
const MOST_PROBLEMS: usize = 100;
/// What the first row of a log follows, which no row carries: so nobody can put one before it.
pub(crate) const BEGINNING: &str = "";
/// Bytes of a key.
pub const AUDIT_KEY_BYTES: usize = 32;

/// The secret of the chain. It is never in the database, and so in no backup.
#[derive(Clone)]
pub struct AuditKey {
    secret: [u8; AUDIT_KEY_BYTES],
    id: String,
}

impl fmt::Debug for AuditKey {
    /// The secret is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditKey({})", self.id)
    }
}

impl From<[u8; AUDIT_KEY_BYTES]> for AuditKey {
    fn from(secret: [u8; AUDIT_KEY_BYTES]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"launchpad audit key")
            .chain_update(secret);
        Self {
            id: hex::encode(&digest.finalize()[..4]),
            secret,
        }
    }
}

impl AuditKey {
    /// By which it is told from others; says nothing about the secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The keyed hash of texts, each or none of them there, in hexadecimal.
    pub fn sign(&self, texts: &[Option<&str>]) -> Result<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret)
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        for text in texts {
            // Lengths keep texts apart.
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            mac.update(&length.to_be_bytes());
            mac.update(text.unwrap_or_default().as_bytes());
        }
        Ok(hex::encode(mac.finalize().into_bytes()))
    }

    /// What a row that follows `previous` carries.
    pub(crate) fn link(&self, previous: Option<&str>, row: &Model) -> Result<String> {
        let sign = self.sign(&[
            previous,
            Some(&row.timestamp),
            Some(&row.user),
            Some(&row.action),
            row.details.as_deref(),
            row.actor_id.as_deref(),
            row.request_id.as_deref(),
            row.address.as_deref(),
            row.target.as_deref(),
            row.outcome.as_deref(),
            row.change.as_deref(),
        ])?;
        Ok(format!("{}:{sign}", self.id))
    }

    fn has_signed(&self, row: &Model) -> bool {
        row.chain
            .as_deref()
            .is_some_and(|chain| chain_key(chain) == self.id)
    }
}

/// The id of the key with which a row was signed.
pub(crate) fn chain_key(chain: &str) -> &str {
    chain.split(':').next().unwrap_or_default()
}

/// A row, and what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    /// The row's number.
    pub id: i64,
    /// What it carries.
    pub chain: String,
}

/// What was found in the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Rows that this key has signed.
    pub signed: u64,
    /// Rows before those: older than the chain, or signed with another key.
    pub before: u64,
    /// Rows after those.
    pub after: u64,
    /// What is wrong, each with the number of a row.
    pub problems: Vec<String>,
}

impl Store {
    /// Reads the whole log and holds it against the key, and against what is known of it from outside: links that must
    /// be there, and the last one of those that were deleted by policy.
    pub async fn verify_chain(
        &self,
        key: &AuditKey,
        known: &[ChainLink],
        pruned: Option<&ChainLink>,
    ) -> Result<ChainReport> {
        let mut wanted: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
        for link in known {
            wanted.entry(link.id).or_default().insert(&link.chain);
        }
        let mut walk = Walk {
            key,
            known: wanted,
            // A row that carried nothing was followed by one that says so.
            previous: pruned
                .map(|link| link.chain.clone())
                .filter(|chain| !chain.is_empty()),
            report: ChainReport::default(),
        };
        let mut last = pruned.map(|link| link.id);
        if let Some(last) = last {
            let back = Entity::find().filter(Column::Id.lte(last));
            match back.count(self.reader()).await? {
                0 => {}
                rows => walk.problem(format!(
                    "{rows} rows up to row {last} were put in: those were deleted by policy"
                )),
            }
        }
        loop {
            let mut rows = Entity::find().cursor_by(Column::Id);
            if let Some(last) = last {
                rows.after(last);
            }
            let rows = rows.first(BATCH).all(self.reader()).await?;
            let Some(end) = rows.last() else { break };
            last = Some(end.id);
            for row in &rows {
                walk.step(row)?;
            }
        }
        let gone = pruned.map_or(i64::MIN, |link| link.id);
        for id in std::mem::take(&mut walk.known)
            .into_keys()
            .filter(|id| *id > gone)
        {
            walk.problem(format!("row {id} is gone: a checkpoint has it"));
        }
        Ok(walk.report)
    }
}

struct Walk<'a> {
    key: &'a AuditKey,
    /// What must still come. A number that was given again, after its row was cut off, was another row before.
    known: BTreeMap<i64, BTreeSet<&'a str>>,
    previous: Option<String>,
    report: ChainReport,
}

impl Walk<'_> {
    fn step(&mut self, row: &Model) -> Result<()> {
        if self.key.has_signed(row) {
            if self.report.after > 0 {
                self.problem(format!(
                    "row {} follows rows that were not signed with this key",
                    row.id
                ));
            }
            self.report.signed += 1;
            if !self.follows(row, self.previous.as_deref())? {
                if self.previous.is_some() || !self.follows(row, Some(BEGINNING))? {
                    self.problem(format!(
                        "row {} is not as it was written, or not what came before it",
                        row.id
                    ));
                } else if self.report.before > 0 {
                    self.problem(format!(
                        "{} rows before row {} were put in: it was the first",
                        self.report.before, row.id
                    ));
                }
            }
        } else if self.report.signed == 0 {
            self.report.before += 1;
        } else {
            self.report.after += 1;
        }
        if let Some(chains) = self.known.remove(&row.id)
            && chains.iter().any(|chain| row.chain.as_deref() != Some(chain))
        {
            self.problem(format!("row {} is not the one that a checkpoint has", row.id));
        }
        self.previous.clone_from(&row.chain);
        Ok(())
    }

    /// Whether a row carries what it would after one that carries this.
    fn follows(&self, row: &Model, previous: Option<&str>) -> Result<bool> {
        Ok(row.chain.as_ref() == Some(&self.key.link(previous, row)?))
    }

    fn problem(&mut self, text: String) {
        if self.report.problems.len() < MOST_PROBLEMS {
            self.report.problems.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_apart() {
        let key = AuditKey::from([7; AUDIT_KEY_BYTES]);
        let signs = [
            key.sign(&[Some("ab"), Some("c")]),
            key.sign(&[Some("a"), Some("bc")]),
            key.sign(&[Some("abc"), Some("")]),
            key.sign(&[Some("abc"), None]),
            key.sign(&[Some("abc")]),
            AuditKey::from([8; AUDIT_KEY_BYTES]).sign(&[Some("abc")]),
        ];
        let signs: std::collections::BTreeSet<String> = signs.into_iter().map(|sign| sign.unwrap()).collect();
        assert_eq!(signs.len(), 6);
        assert!(!format!("{key:?}").contains("0707"));
    }
}
