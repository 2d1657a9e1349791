//! Apps that were deleted and may come back: table `deleted_apps`.

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, App, AppId, AuditAction, DeletedApp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::apps::{Apps, insert};
use crate::audit::Deed;
use crate::entities::application;
use crate::entities::deleted_app::{ActiveModel, Column, Entity, Model};
use crate::error::readable;
use crate::{StoreError, StoredApp, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Keeps what is about to be deleted.
pub(crate) async fn keep(connection: &impl ConnectionTrait, app: &App, now: DateTime<Utc>) -> Result<()> {
    let row = application::Entity::find_by_id(app.id.as_str())
        .one(connection)
        .await?;
    let kept = ActiveModel {
        app_id: Set(app.id.to_string()),
        app: Set(serde_json::to_string(app).map_err(|error| StoreError::Corrupt(error.to_string()))?),
        position: Set(row.map(|row| row.position).unwrap_or_default()),
        deleted_at: Set(time::text(now)),
        ..ActiveModel::default()
    };
    Entity::insert(kept).exec_without_returning(connection).await?;
    Ok(())
}

impl Apps<'_> {
    /// The apps that were deleted last, newest first.
    pub async fn deleted(&self, limit: u64) -> Result<Vec<DeletedApp>> {
        let query = Entity::find().order_by_desc(Column::Id).limit(limit);
        Ok(readable(query.all(self.store().reader()).await?, |row| {
            deleted(&row)
        }))
    }

    /// Puts the app of this id that was deleted last back to where it stood; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where another app has its id by now.
    pub async fn restore(&self, actor: &Actor, id: &AppId, now: DateTime<Utc>) -> Result<Option<StoredApp>> {
        let transaction = self.store().begin().await?;
        let newest = Entity::find()
            .filter(Column::AppId.eq(id.as_str()))
            .order_by_desc(Column::Id)
            .lock_exclusive()
            .one(&transaction)
            .await?;
        let Some(row) = newest else { return Ok(None) };
        let position = row.position;
        let app = deleted(&row)?.app;
        let restored = insert(&transaction, &app, position).await?;
        row.delete(&transaction).await?;
        let deed = Deed::new(AuditAction::RestoreApp)
            .to(id)
            .changing(None, serde_json::to_value(&app).ok().as_ref());
        self.store().note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(Some(restored))
    }
}

fn deleted(row: &Model) -> Result<DeletedApp> {
    let app = serde_json::from_str(&row.app)
        .map_err(|error| StoreError::Corrupt(format!("deleted app {}: {error}", row.app_id)))?;
    Ok(DeletedApp {
        app,
        deleted_at: time::parse(&row.deleted_at)?,
    })
}
