//! What plugins keep, and which of them are switched off: tables `session_values`, `plugin_values`, `plugins_off`.

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, AuditAction, LaunchTypeId, SessionId};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::audit::Deed;
use crate::entities::{plugin_off, plugin_value, session, session_value};
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Most bytes of names and values that plugins may keep for one session.
const SESSION_BYTES: i64 = 64 * 1_024;
/// Most bytes of names and values that one plugin may keep.
const PLUGIN_BYTES: i64 = 1_024 * 1_024;

/// Reads and writes what plugins keep.
#[derive(Debug)]
pub struct PluginValues<'a>(&'a Store);

impl Store {
    /// What plugins keep.
    pub fn plugin_values(&self) -> PluginValues<'_> {
        PluginValues(self)
    }
}

impl PluginValues<'_> {
    /// A value kept for a session.
    pub async fn of_session(&self, session: SessionId, name: &str) -> Result<Option<String>> {
        let key = (session.to_string(), name.to_owned());
        let row = session_value::Entity::find_by_id(key)
            .one(self.0.reader())
            .await?;
        Ok(row.map(|row| row.value))
    }

    /// Keeps a value for a session, or forgets it. It goes with the session's workload.
    ///
    /// # Errors
    /// [`StoreError::OverSize`]; for a session that is gone or has been cleaned up, nothing is kept either.
    pub async fn set_of_session(&self, session: SessionId, name: &str, value: Option<&str>) -> Result<()> {
        let transaction = self.0.begin().await?;
        // Who else writes for this session waits here, so that the sum is exact.
        let alive = session::Entity::find_by_id(session.to_string())
            .filter(session::Column::Cleaned.eq(false))
            .lock_exclusive()
            .one(&transaction)
            .await?;
        if alive.is_none() {
            return Err(StoreError::Gone("the session"));
        }
        let id = session.to_string();
        let Some(value) = value else {
            session_value::Entity::delete_by_id((id, name.to_owned()))
                .exec(&transaction)
                .await?;
            return Ok(transaction.commit().await?);
        };
        let row = session_value::ActiveModel {
            session_id: Set(id.clone()),
            name: Set(name.to_owned()),
            value: Set(value.to_owned()),
        };
        let key = [session_value::Column::SessionId, session_value::Column::Name];
        let replace = OnConflict::columns(key)
            .update_column(session_value::Column::Value)
            .to_owned();
        session_value::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&transaction)
            .await?;
        let kept = session_value::Entity::find().filter(session_value::Column::SessionId.eq(id));
        within(bytes(kept, &transaction).await?, SESSION_BYTES)?;
        Ok(transaction.commit().await?)
    }

    /// A value that a plugin keeps.
    pub async fn of_plugin(&self, plugin: &LaunchTypeId, name: &str) -> Result<Option<String>> {
        let key = (plugin.to_string(), name.to_owned());
        let row = plugin_value::Entity::find_by_id(key).one(self.0.reader()).await?;
        Ok(row.map(|row| row.value))
    }

    /// Replaces a value of a plugin's if it is what is expected; `false` if it is not. `None`: not there.
    ///
    /// # Errors
    /// [`StoreError::OverSize`]: then nothing is changed.
    pub async fn swap_of_plugin(
        &self,
        plugin: &LaunchTypeId,
        name: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool> {
        // Comparing and counting are exact only for whoever is alone.
        let transaction = self.0.begin_once().await?;
        let key = (plugin.to_string(), name.to_owned());
        let found = plugin_value::Entity::find_by_id(key.clone())
            .one(&transaction)
            .await?;
        if found.as_ref().map(|row| row.value.as_str()) != expected {
            return Ok(false);
        }
        if found.is_some() {
            plugin_value::Entity::delete_by_id(key).exec(&transaction).await?;
        }
        if let Some(value) = value {
            let row = plugin_value::ActiveModel {
                plugin_id: Set(plugin.to_string()),
                name: Set(name.to_owned()),
                value: Set(value.to_owned()),
            };
            plugin_value::Entity::insert(row)
                .exec_without_returning(&transaction)
                .await?;
            let kept =
                plugin_value::Entity::find().filter(plugin_value::Column::PluginId.eq(plugin.to_string()));
            within(bytes(kept, &transaction).await?, PLUGIN_BYTES)?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The plugins that are switched off.
    pub async fn off(&self) -> Result<Vec<LaunchTypeId>> {
        let rows = plugin_off::Entity::find().all(self.0.reader()).await?;
        let ids = rows.into_iter().map(|row| row.plugin_id.parse());
        ids.collect::<std::result::Result<_, String>>()
            .map_err(StoreError::Corrupt)
    }

    /// Notes that a plugin is switched on or off, with the audit row; `false` if it was so already.
    pub async fn switch(
        &self,
        actor: &Actor,
        plugin: &LaunchTypeId,
        on: bool,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let transaction = self.0.begin().await?;
        let (changed, action) = if on {
            let deleted = plugin_off::Entity::delete_by_id(plugin.to_string())
                .exec(&transaction)
                .await?;
            (deleted.rows_affected == 1, AuditAction::EnablePlugin)
        } else {
            let row = plugin_off::ActiveModel {
                plugin_id: Set(plugin.to_string()),
                since: Set(time::text(now)),
            };
            let keep = OnConflict::column(plugin_off::Column::PluginId)
                .do_nothing()
                .to_owned();
            let inserted = plugin_off::Entity::insert(row)
                .on_conflict(keep)
                .exec_without_returning(&transaction)
                .await?;
            (inserted == 1, AuditAction::DisablePlugin)
        };
        if changed {
            let deed = Deed::new(action).to(plugin).saying(format!("plugin {plugin}"));
            self.0.note(&transaction, actor, deed, now).await?;
        }
        transaction.commit().await?;
        Ok(changed)
    }
}

/// Bytes of the names and values of these rows.
async fn bytes<E: EntityTrait>(rows: sea_orm::Select<E>, connection: &impl ConnectionTrait) -> Result<i64> {
    let sum = Expr::cust("CAST(COALESCE(SUM(OCTET_LENGTH(name) + OCTET_LENGTH(value)), 0) AS BIGINT)");
    let sum: Option<i64> = rows
        .select_only()
        .expr_as(sum, "bytes")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(sum.unwrap_or_default())
}

fn within(bytes: i64, most: i64) -> Result<()> {
    if bytes > most {
        return Err(StoreError::OverSize { kib: most / 1_024 });
    }
    Ok(())
}
