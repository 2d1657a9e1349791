//! The audit log.

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, AuditAction, AuditEntry};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::entities::audit_entry::{ActiveModel, Column, Entity, Model};
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Most bytes of details that one row keeps.
const MAX_DETAILS: usize = 4_096;

/// Reads and appends; nothing here changes or deletes a row.
#[derive(Debug)]
pub struct AuditLog<'a>(&'a Store);

impl Store {
    /// The audit log.
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog(self)
    }
}

/// Writes a row in the transaction of the change that it records.
pub(crate) async fn write(
    connection: &impl ConnectionTrait,
    actor: &Actor,
    action: AuditAction,
    details: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut end = details.len().min(MAX_DETAILS);
    while !details.is_char_boundary(end) {
        end -= 1;
    }
    let row = ActiveModel {
        timestamp: Set(time::text(now)),
        user: Set(actor.name.clone()),
        action: Set(action.as_str().to_owned()),
        details: Set(Some(details[..end].to_owned())),
        actor_id: Set(actor.id.map(|id| id.to_string())),
        request_id: Set(actor.request_id.clone()),
        address: Set(actor.address.clone()),
        ..ActiveModel::default()
    };
    Entity::insert(row).exec_without_returning(connection).await?;
    Ok(())
}

impl AuditLog<'_> {
    /// Records what changed nothing: a refusal.
    pub async fn record(
        &self,
        actor: &Actor,
        action: AuditAction,
        details: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let transaction = self.0.begin().await?;
        write(&transaction, actor, action, details, now).await?;
        Ok(transaction.commit().await?)
    }

    /// The newest entries before the entry `before`, newest first.
    pub async fn page(&self, before: Option<i64>, limit: u64) -> Result<Vec<AuditEntry>> {
        let mut query = Entity::find().order_by_desc(Column::Id).limit(limit);
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before));
        }
        query.all(self.0.reader()).await?.into_iter().map(entry).collect()
    }
}

fn entry(row: Model) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.id,
        timestamp: time::parse(&row.timestamp)?,
        user: row.user,
        action: row.action,
        details: row.details.unwrap_or_default(),
    })
}
