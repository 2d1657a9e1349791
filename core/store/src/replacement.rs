//! A snapshot in the place of a database. What was there is kept under another name.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, AuditAction, InstanceId, Reason, Status};
use launchpad_migrations::{Migrator, MigratorTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use crate::address::connect_postgres;
use crate::audit::Deed;
use crate::database::{INSTANCE, begin, begin_once, connect_first, write_fact};
use crate::entities::session::{Column, Entity};
use crate::schema::{MIGRATIONS, applied, present_tables, unknown};
use crate::snapshot::connect;
use crate::{
    AuditKey, ChainLink, DatabaseLock, DatabaseUrl, StoreError, audit, audit_key, file, inspect, tables,
    time, workspaces,
};

type Result<T> = std::result::Result<T, StoreError>;

/// What the restored data is to be.
#[derive(Debug)]
pub struct Restoring {
    /// Who restores it.
    pub actor: Actor,
    /// What the audit log is told of where it came from.
    pub origin: String,
    /// Whether it goes on as the instance that it was. Else it becomes another: its live sessions have failed, and it
    /// touches nothing that the old one runs.
    pub keep_instance: bool,
    /// The file with the key that signs the audit log from now on.
    pub audit_key: Option<PathBuf>,
    /// Whether it may have been signed with another key so far.
    pub new_audit_key: bool,
    /// When.
    pub now: DateTime<Utc>,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The instance that the snapshot was taken of.
    pub was: InstanceId,
    /// The instance that the database is now.
    pub instance: InstanceId,
    /// How many sessions were live in the snapshot and have failed.
    pub ended: u64,
    /// The last row of the audit log, and what it carries.
    pub link: Option<ChainLink>,
    /// Where that is which was there before: a file or a schema.
    pub kept: Option<String>,
}

/// A database that nobody else uses while it is replaced. Dropped before its end, it leaves everything as it was.
#[derive(Debug)]
pub struct Replacement {
    url: DatabaseUrl,
    staging: PathBuf,
    /// Where the staging file is in a folder of its own; else it lies beside the database.
    _folder: Option<tempfile::TempDir>,
    lock: DatabaseLock,
}

impl Drop for Replacement {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            if let Err(error) = file::remove(&file::beside(&self.staging, suffix)) {
                tracing::warn!(%error, "a restore leaves a file behind");
            }
        }
    }
}

impl Replacement {
    /// Takes the database alone.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while anybody else uses it.
    pub async fn begin(url: &DatabaseUrl) -> Result<Self> {
        let lock = DatabaseLock::alone(url).await?;
        let (staging, folder) = match url {
            DatabaseUrl::Sqlite(path) => (file::beside(path, file::STAGING), None),
            DatabaseUrl::Postgres(_) => {
                let folder = tempfile::Builder::new()
                    .prefix("launchpad-restore-")
                    .tempdir()
                    .map_err(|error| StoreError::Refused(format!("no temporary folder: {error}")))?;
                (folder.path().join("snapshot.db"), Some(folder))
            }
        };
        for suffix in ["", "-wal", "-shm"] {
            file::remove(&file::beside(&staging, suffix))?;
        }
        Ok(Self {
            url: url.clone(),
            staging,
            _folder: folder,
            lock,
        })
    }

    /// Where the snapshot is to be written before [`Replacement::finish`]; there is no such file now.
    pub fn staging(&self) -> &Path {
        &self.staging
    }

    /// Puts the snapshot, once it is found to be whole, in the place of the database.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a snapshot that [`inspect`] refuses; the database is as it was, whatever fails.
    pub async fn finish(self, how: &Restoring) -> Result<Replaced> {
        let replaced = self.replace(how).await;
        self.lock.release().await?;
        replaced
    }

    async fn replace(&self, how: &Restoring) -> Result<Replaced> {
        let was = inspect(&self.staging).await?.instance;
        let (instance, ended, link) = self.prepare(was, how).await?;
        let stamp = how.now.format("%Y%m%dt%H%M%Sz").to_string();
        let kept = match &self.url {
            DatabaseUrl::Sqlite(path) => self.replace_file(path, &stamp)?,
            DatabaseUrl::Postgres(address) => self.replace_tables(address, &stamp).await?,
        };
        Ok(Replaced {
            was,
            instance,
            ended,
            link,
            kept,
        })
    }

    /// Brings the snapshot to this program's schema and makes it the instance that it is to be.
    async fn prepare(
        &self,
        was: InstanceId,
        how: &Restoring,
    ) -> Result<(InstanceId, u64, Option<ChainLink>)> {
        let connection = connect_first(&self.staging).await?;
        let transaction = begin(&connection).await?;
        Migrator::up(&transaction, None).await?;
        let key = match &how.audit_key {
            Some(path) => Some(audit_key::settle(&transaction, path, how.new_audit_key).await?),
            None => None,
        };
        let key = key.as_ref();
        let (instance, ended) = if how.keep_instance {
            (was, 0)
        } else {
            let instance = InstanceId::new();
            write_fact(&transaction, INSTANCE, instance.to_string()).await?;
            (instance, end_sessions(&transaction, key, how).await?)
        };
        workspaces::forget_wishes(&transaction).await?;
        let details = format!(
            "{}; instance {was} is now {instance}; {ended} sessions ended",
            how.origin
        );
        let deed = Deed::new(AuditAction::Restore).to(&instance).saying(details);
        audit::write(&transaction, key, &how.actor, deed, how.now).await?;
        transaction.commit().await?;
        let link = audit::last_link(&connection).await?;
        // The last one to close takes the log into the file.
        connection.close().await?;
        file::synchronise(&self.staging)?;
        Ok((instance, ended, link))
    }

    /// Each step leaves either the old file in its place, or none and a sign that there was one, or the new one.
    fn replace_file(&self, path: &Path, stamp: &str) -> Result<Option<String>> {
        let kept = file::unused(path, &format!(".before-restore-{stamp}"));
        let there = path.exists();
        if there {
            file::rename(path, &kept)?;
        }
        let log = file::beside(path, "-wal");
        if log.exists() {
            file::rename(&log, &file::beside(&kept, "-wal"))?;
        }
        file::remove(&file::beside(path, "-shm"))?;
        file::rename(&self.staging, path)?;
        Ok(there.then(|| kept.display().to_string()))
    }

    /// One transaction: the old tables get a schema of their own, new ones are made, filled and read again.
    async fn replace_tables(&self, address: &str, stamp: &str) -> Result<Option<String>> {
        let snapshot = connect(&self.staging, |options| options.read_only(true)).await?;
        let connection = connect_postgres(address, 1, |_| {}).await?;
        let transaction = begin_once(&connection).await?;
        let kept = move_tables(&transaction, &self.url, stamp).await?;
        Migrator::up(&transaction, None).await?;
        tables::copy(&snapshot, &transaction).await?;
        tables::compare(&snapshot, &transaction).await?;
        self.lock.check().await?;
        transaction.commit().await?;
        connection.close().await?;
        snapshot.close().await?;
        Ok(kept)
    }
}

async fn move_tables(
    transaction: &DatabaseTransaction,
    url: &DatabaseUrl,
    stamp: &str,
) -> Result<Option<String>> {
    let tables = present_tables(transaction).await?;
    if tables.is_empty() {
        return Ok(None);
    }
    if tables.contains(&MIGRATIONS) && !unknown(&applied(transaction).await?).is_empty() {
        return Err(StoreError::Refused(format!(
            "{url} was written by a newer version of Launchpad, and this one does not know all of its tables: restore \
             into a database that is empty"
        )));
    }
    let kept = format!("before_restore_{stamp}");
    transaction
        .execute_unprepared(&format!("CREATE SCHEMA {kept}"))
        .await?;
    for table in tables {
        let moved = format!("ALTER TABLE {table} SET SCHEMA {kept}");
        transaction.execute_unprepared(&moved).await?;
    }
    Ok(Some(format!("the schema {kept} of {url}")))
}

/// What the other instance runs is not this one's, so its sessions are over here.
async fn end_sessions(
    transaction: &DatabaseTransaction,
    key: Option<&AuditKey>,
    how: &Restoring,
) -> Result<u64> {
    let live: Vec<&str> = Status::ALL
        .iter()
        .filter(|status| status.is_live())
        .map(|status| status.as_str())
        .collect();
    let ids: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Status.is_in(live.clone()))
        .into_tuple()
        .all(transaction)
        .await?;
    let reason = Reason::Restored.as_str();
    Entity::update_many()
        .col_expr(Column::Status, Status::Failed.as_str().into())
        .col_expr(Column::Reason, reason.into())
        .col_expr(Column::UpdatedAt, time::text(how.now).into())
        .filter(Column::Status.is_in(live))
        .exec(transaction)
        .await?;
    for id in &ids {
        let details = format!("session {id} {} ({reason})", Status::Failed);
        let deed = Deed::new(AuditAction::TerminateSession).to(id).saying(details);
        audit::write(transaction, key, &how.actor, deed, how.now).await?;
    }
    Ok(ids.len() as u64)
}
