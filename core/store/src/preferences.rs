//! Preferences: table `user_preferences`.

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, AuditAction, Preferences, UserId};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};

use crate::audit::Deed;
use crate::entities::preference::{ActiveModel, Column, Entity};
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Reads and writes preferences.
#[derive(Debug)]
pub struct PreferenceRows<'a>(&'a Store);

impl Store {
    /// The preferences.
    pub fn preferences(&self) -> PreferenceRows<'_> {
        PreferenceRows(self)
    }
}

impl PreferenceRows<'_> {
    /// The account's preferences; `None` if it never chose any. Entries that cannot be any more are left out.
    pub async fn get(&self, user: UserId) -> Result<Option<Preferences>> {
        let Some(row) = Entity::find_by_id(user.to_string()).one(self.0.reader()).await? else {
            return Ok(None);
        };
        let list = |text: Option<String>| -> Vec<String> {
            text.and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default()
        };
        Ok(Some(Preferences {
            theme: row.theme.and_then(|theme| theme.parse().ok()),
            collapsed_categories: list(row.collapsed_categories),
            favorites: list(row.favorites)
                .into_iter()
                .filter_map(|id| id.parse().ok())
                .collect(),
        }))
    }

    /// Replaces the account's preferences.
    pub async fn put(
        &self,
        actor: &Actor,
        user: UserId,
        preferences: &Preferences,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let json =
            |list| serde_json::to_string(&list).map_err(|error| StoreError::Corrupt(error.to_string()));
        let favorites = preferences.favorites.iter().map(ToString::to_string).collect();
        let row = ActiveModel {
            user_id: Set(user.to_string()),
            theme: Set(preferences.theme.map(|theme| theme.as_str().to_owned())),
            collapsed_categories: Set(Some(json(preferences.collapsed_categories.clone())?)),
            favorites: Set(Some(json(favorites)?)),
            updated_at: Set(Some(time::text(now))),
        };
        let transaction = self.0.begin().await?;
        let replace = OnConflict::column(Column::UserId)
            .update_columns([
                Column::Theme,
                Column::CollapsedCategories,
                Column::Favorites,
                Column::UpdatedAt,
            ])
            .to_owned();
        Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&transaction)
            .await?;
        let deed = Deed::new(AuditAction::UpdatePreferences)
            .to(&user)
            .saying(format!("account {user}"));
        self.0.note(&transaction, actor, deed, now).await?;
        Ok(transaction.commit().await?)
    }
}
