//! Launches: table `analytics`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, AppId, AppLaunches, AuditAction, LaunchCounts};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::audit::Deed;
use crate::entities::launch::{ActiveModel, Column, Entity};
use crate::entities::{application, session};
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Reads and writes launches.
#[derive(Debug)]
pub struct Analytics<'a>(&'a Store);

impl Store {
    /// The launches.
    pub fn analytics(&self) -> Analytics<'_> {
        Analytics(self)
    }
}

impl Analytics<'_> {
    /// Launches per app, most launched first.
    pub async fn counts(&self) -> Result<LaunchCounts> {
        let rows: Vec<(String, i64, String)> = Entity::find()
            .select_only()
            .column(Column::AppId)
            .column_as(Column::Id.count(), "launches")
            .column_as(Column::Timestamp.max(), "last_launch")
            .group_by(Column::AppId)
            .into_tuple()
            .all(self.0.reader())
            .await?;
        let names: Vec<(String, String)> = application::Entity::find()
            .select_only()
            .column(application::Column::Id)
            .column(application::Column::Name)
            .into_tuple()
            .all(self.0.reader())
            .await?;
        let mut names: BTreeMap<String, String> = names.into_iter().collect();
        let mut counts = LaunchCounts::default();
        for (app_id, launches, last_launch) in rows {
            let app_name = match names.remove(&app_id) {
                Some(name) => name,
                None => self.last_name(&app_id).await?.unwrap_or_else(|| app_id.clone()),
            };
            let launches = u64::try_from(launches).unwrap_or_default();
            counts.total_launches += launches;
            counts.apps.push(AppLaunches {
                app_id,
                app_name,
                launches,
                last_launch: time::parse(&last_launch)?,
            });
        }
        counts
            .apps
            .sort_by(|a, b| b.launches.cmp(&a.launches).then_with(|| a.app_id.cmp(&b.app_id)));
        Ok(counts)
    }

    /// How a deleted app was called at its last session.
    async fn last_name(&self, app_id: &str) -> Result<Option<String>> {
        let query = session::Entity::find()
            .filter(session::Column::AppId.eq(app_id))
            .order_by_desc(session::Column::Id)
            .limit(1);
        Ok(query
            .one(self.0.reader())
            .await?
            .map(|row| row.app_name)
            .filter(|name| !name.is_empty()))
    }

    /// Records that a link was opened.
    pub async fn open_link(&self, actor: &Actor, app: &AppId, now: DateTime<Utc>) -> Result<()> {
        let transaction = self.0.begin().await?;
        let row = ActiveModel {
            app_id: Set(app.to_string()),
            timestamp: Set(time::text(now)),
            ..ActiveModel::default()
        };
        Entity::insert(row).exec_without_returning(&transaction).await?;
        let deed = Deed::new(AuditAction::OpenLink).to(app);
        self.0.note(&transaction, actor, deed, now).await?;
        Ok(transaction.commit().await?)
    }
}
