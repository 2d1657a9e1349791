//! What administrators gave plugins: table `plugin_grants`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use launchpad_domain::plugins::Approval;
use launchpad_domain::{Actor, AuditAction};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};

use crate::audit::Deed;
use crate::entities::plugin_grant;
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Reads and writes what administrators gave plugins.
#[derive(Debug)]
pub struct PluginGrants<'a>(&'a Store);

impl Store {
    /// What administrators gave plugins.
    pub fn plugin_grants(&self) -> PluginGrants<'_> {
        PluginGrants(self)
    }
}

impl PluginGrants<'_> {
    /// All of it.
    pub async fn all(&self) -> Result<Vec<Approval>> {
        let rows = plugin_grant::Entity::find().all(self.0.reader()).await?;
        rows.into_iter().map(read).collect()
    }

    /// Keeps what a plugin is given from now on, in place of what it was given before, with the audit row; `false` if it was
    /// the same already.
    pub async fn replace(&self, actor: &Actor, approval: &Approval, now: DateTime<Utc>) -> Result<bool> {
        // What was before is exact only for whoever is alone.
        let transaction = self.0.begin_once().await?;
        let key = (approval.id.to_string(), approval.source.clone());
        let before = match plugin_grant::Entity::find_by_id(key).one(&transaction).await? {
            Some(row) => read(row)?.capabilities,
            None => BTreeSet::new(),
        };
        if before == approval.capabilities {
            return Ok(false);
        }
        let capabilities = serde_json::json!(approval.capabilities);
        let row = plugin_grant::ActiveModel {
            plugin_id: Set(approval.id.to_string()),
            source: Set(approval.source.clone()),
            capabilities: Set(capabilities.to_string()),
            since: Set(time::text(now)),
        };
        let key = [plugin_grant::Column::PluginId, plugin_grant::Column::Source];
        let replace = OnConflict::columns(key)
            .update_columns([plugin_grant::Column::Capabilities, plugin_grant::Column::Since])
            .to_owned();
        plugin_grant::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&transaction)
            .await?;
        let deed = Deed::new(AuditAction::GrantPlugin)
            .to(&approval.id)
            .saying(format!("plugin {} in {}", approval.id, approval.source))
            .changing(Some(&serde_json::json!(before)), Some(&capabilities));
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

fn read(row: plugin_grant::Model) -> Result<Approval> {
    let words = serde_json::from_str(&row.capabilities)
        .map_err(|error| StoreError::Corrupt(format!("plugin_grants.capabilities: {error}")))?;
    Ok(Approval {
        id: row.plugin_id.parse().map_err(StoreError::Corrupt)?,
        source: row.source,
        capabilities: words,
    })
}
