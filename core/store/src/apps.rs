//! Apps: table `applications`.

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, App, AppChanges, AppId, AuditAction, Unnamed, WantedApps};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait,
    QueryFilter, QuerySelect,
};
use serde_json::json;

use crate::audit::Deed;
use crate::database::{read_fact, write_fact};
use crate::deleted_apps;
use crate::entities::application::{ActiveModel, Column, Entity, Model};
use crate::error::{is_taken, readable};
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// The fact that the seed was loaded, or was found unnecessary.
const SEEDED: &str = "seeded_at";

/// An app and the revision that it is at: a text that is new with every write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApp {
    /// The app.
    pub app: App,
    /// Its revision, the `ETag`.
    pub revision: String,
    /// Its place among those of its category that an administrator gave one, from 1 on; 0: it was given none.
    pub position: i64,
}

/// Reads and writes apps.
#[derive(Debug)]
pub struct Apps<'a>(&'a Store);

impl Store {
    /// The apps.
    pub fn apps(&self) -> Apps<'_> {
        Apps(self)
    }
}

impl Apps<'_> {
    pub(crate) fn store(&self) -> &Store {
        self.0
    }

    /// All apps, by category; in each those first that were given a place, then the others by name, whatever their
    /// case. An adopted row that is no app, since its id cannot be one, is left out and warned about.
    pub async fn list(&self) -> Result<Vec<StoredApp>> {
        Ok(readable(in_order(self.0.reader()).await?, stored))
    }

    /// One app.
    pub async fn get(&self, id: &AppId) -> Result<Option<StoredApp>> {
        Entity::find_by_id(id.as_str())
            .one(self.0.reader())
            .await?
            .map(stored)
            .transpose()
    }

    /// Adds an app.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where another has its id.
    pub async fn insert(&self, actor: &Actor, app: &App, now: DateTime<Utc>) -> Result<StoredApp> {
        let transaction = self.0.begin().await?;
        let made = insert(&transaction, app, 0).await?;
        self.0.note(&transaction, actor, created(app), now).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Replaces an app; `None` where there is none with its id.
    ///
    /// # Errors
    /// [`StoreError::Stale`] where it is not at `if_revision`.
    pub async fn update(
        &self,
        actor: &Actor,
        app: &App,
        if_revision: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredApp>> {
        let transaction = self.0.begin().await?;
        let Some(before) = at(&transaction, &app.id, if_revision).await? else {
            return Ok(None);
        };
        let (row, changed) = row(app)?;
        let row = Entity::update(row).exec(&transaction).await?;
        let position = row.position;
        let deed = updated(before.as_ref(), app);
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(Some(StoredApp { position, ..changed }))
    }

    /// Removes an app, which can be put back; `false` where there is none with this id.
    ///
    /// # Errors
    /// [`StoreError::Stale`] where it is not at `if_revision`.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: &AppId,
        if_revision: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let transaction = self.0.begin().await?;
        let Some(before) = at(&transaction, id, if_revision).await? else {
            return Ok(false);
        };
        if let Some(app) = &before {
            deleted_apps::keep(&transaction, app, now).await?;
        }
        Entity::delete_by_id(id.as_str()).exec(&transaction).await?;
        let deed = deleted(id, before.as_ref());
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Gives these apps the first places of their categories, in this order; the others of these categories follow by
    /// name.
    pub async fn order(&self, actor: &Actor, ids: &[AppId], now: DateTime<Utc>) -> Result<()> {
        let transaction = self.0.begin().await?;
        // Locked until the end: of two who order at once, the second does so after the first.
        Entity::find().lock_exclusive().all(&transaction).await?;
        self.put_in_order(&transaction, actor, ids, now).await?;
        Ok(transaction.commit().await?)
    }

    /// The same where every app is locked already; `false` if nothing changes its place.
    async fn put_in_order(
        &self,
        transaction: &DatabaseTransaction,
        actor: &Actor,
        ids: &[AppId],
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let before = in_order(transaction).await?;
        let place = |row: &Model| ids.iter().position(|id| id.as_str() == row.id);
        let touched: Vec<&Option<String>> = before
            .iter()
            .filter(|row| place(row).is_some())
            .map(|row| &row.category)
            .collect();
        for row in before.iter().filter(|row| touched.contains(&&row.category)) {
            let position = place(row).map_or(Ok(0), |place| i64::try_from(place + 1));
            let position = position.map_err(|error| StoreError::Corrupt(error.to_string()))?;
            if position != row.position {
                let update = Entity::update_many()
                    .col_expr(Column::Position, position.into())
                    .filter(Column::Id.eq(&row.id));
                update.exec(transaction).await?;
            }
        }
        let after = in_order(transaction).await?;
        let list = |rows: &[Model]| {
            let rows = rows.iter().filter(|row| touched.contains(&&row.category));
            json!({ "app_ids": rows.map(|row| row.id.as_str()).collect::<Vec<_>>() })
        };
        let (was, is) = (list(&before), list(&after));
        if was == is {
            return Ok(false);
        }
        let deed = Deed::new(AuditAction::OrderApps)
            .saying(format!("{} apps", ids.len()))
            .changing(Some(&was), Some(&is));
        self.0.note(transaction, actor, deed, now).await?;
        Ok(true)
    }

    /// Makes the apps be there as they are given, in one transaction, with an entry in the audit log for each that
    /// changes. Answers what was changed.
    pub async fn import(
        &self,
        actor: &Actor,
        wanted: &WantedApps,
        unnamed: Unnamed,
        now: DateTime<Utc>,
    ) -> Result<AppChanges> {
        let (transaction, changes) = self.imported(actor, wanted, unnamed, now).await?;
        transaction.commit().await?;
        Ok(changes)
    }

    /// What [`Self::import`] would change and answer now: it is done, and taken back.
    pub async fn compare(
        &self,
        actor: &Actor,
        wanted: &WantedApps,
        unnamed: Unnamed,
        now: DateTime<Utc>,
    ) -> Result<AppChanges> {
        let (transaction, changes) = self.imported(actor, wanted, unnamed, now).await?;
        transaction.rollback().await?;
        Ok(changes)
    }

    async fn imported(
        &self,
        actor: &Actor,
        wanted: &WantedApps,
        unnamed: Unnamed,
        now: DateTime<Utc>,
    ) -> Result<(DatabaseTransaction, AppChanges)> {
        let WantedApps { apps, order } = wanted;
        let transaction = self.0.begin().await?;
        // Locked until the end, so that nobody's change falls between what is compared and what is written.
        let rows = Entity::find().lock_exclusive().all(&transaction).await?;
        let known: Vec<App> = readable(rows, stored)
            .into_iter()
            .map(|stored| stored.app)
            .collect();
        let mut changes = AppChanges::between(&known, apps, unnamed);
        for app in apps {
            if changes.added.contains(&app.id) {
                insert(&transaction, app, 0).await?;
                self.0.note(&transaction, actor, created(app), now).await?;
            } else if changes.updated.iter().any(|update| update.id == app.id) {
                let (row, _) = row(app)?;
                Entity::update(row).exec(&transaction).await?;
                let before = known.iter().find(|known| known.id == app.id);
                self.0
                    .note(&transaction, actor, updated(before, app), now)
                    .await?;
            }
        }
        for id in &changes.removed {
            let before = known.iter().find(|known| known.id == *id);
            if let Some(app) = before {
                deleted_apps::keep(&transaction, app, now).await?;
            }
            Entity::delete_by_id(id.as_str()).exec(&transaction).await?;
            self.0.note(&transaction, actor, deleted(id, before), now).await?;
        }
        changes.reordered = self.put_in_order(&transaction, actor, order, now).await?;
        Ok((transaction, changes))
    }

    /// Fills an empty catalogue, once: the second time nothing happens, even if everything was deleted since.
    pub async fn seed(&self, actor: &Actor, wanted: &WantedApps, now: DateTime<Utc>) -> Result<bool> {
        let WantedApps { apps, order } = wanted;
        let transaction = self.0.begin_once().await?;
        if read_fact(&transaction, SEEDED).await?.is_some() {
            return Ok(false);
        }
        write_fact(&transaction, SEEDED, time::text(now)).await?;
        let empty = Entity::find().count(&transaction).await? == 0;
        if empty {
            for app in apps {
                insert(&transaction, app, 0).await?;
            }
            let ids: Vec<&str> = apps.iter().map(|app| app.id.as_str()).collect();
            let deed = Deed::new(AuditAction::SeedApps)
                .saying(format!("{} apps", apps.len()))
                .changing(None, Some(&json!({ "app_ids": ids })));
            self.0.note(&transaction, actor, deed, now).await?;
            self.put_in_order(&transaction, actor, order, now).await?;
        }
        transaction.commit().await?;
        Ok(empty)
    }
}

fn created(app: &App) -> Deed {
    Deed::new(AuditAction::CreateApp)
        .to(&app.id)
        .changing(None, serde_json::to_value(app).ok().as_ref())
}

/// Only the fields that differ are worth keeping.
fn updated(before: Option<&App>, app: &App) -> Deed {
    let changes = AppChanges::between(
        before.map(std::slice::from_ref).unwrap_or_default(),
        std::slice::from_ref(app),
        Unnamed::Keep,
    );
    let fields = changes
        .updated
        .first()
        .map(|update| update.fields.as_slice())
        .unwrap_or_default();
    let part = |app: &App| {
        let mut all = serde_json::to_value(app).ok()?;
        all.as_object_mut()?
            .retain(|name, _| fields.contains(&name.as_str()));
        Some(all)
    };
    Deed::new(AuditAction::UpdateApp)
        .to(&app.id)
        .changing(before.and_then(part).as_ref(), part(app).as_ref())
}

fn deleted(id: &AppId, before: Option<&App>) -> Deed {
    let before = before.and_then(|app| serde_json::to_value(app).ok());
    Deed::new(AuditAction::DeleteApp)
        .to(id)
        .changing(before.as_ref(), None)
}

/// The app as it is, if it is there and at the revision that the caller wants; one that nobody can read is there too.
async fn at(
    connection: &impl ConnectionTrait,
    id: &AppId,
    revision: Option<&str>,
) -> Result<Option<Option<App>>> {
    // Locked until the end: of two who have read the same revision, the second finds it gone.
    let row = Entity::find_by_id(id.as_str())
        .lock_exclusive()
        .one(connection)
        .await?;
    match row {
        None => Ok(None),
        Some(row) if revision.is_some_and(|wanted| wanted != row.revision) => Err(StoreError::Stale),
        Some(row) => Ok(Some(stored(row).ok().map(|stored| stored.app))),
    }
}

/// The rows of all apps in their order. Databases disagree about the order of text; people should not see which one it
/// is.
async fn in_order(connection: &impl ConnectionTrait) -> Result<Vec<Model>> {
    let mut rows = Entity::find().all(connection).await?;
    rows.sort_by_cached_key(|row| {
        let category = row.category.as_deref().unwrap_or_default().to_lowercase();
        (
            category,
            row.position == 0,
            row.position,
            row.name.to_lowercase(),
            row.id.clone(),
        )
    });
    Ok(rows)
}

/// Adds the row of an app at a place among those of its category; 0: at none.
pub(crate) async fn insert(connection: &impl ConnectionTrait, app: &App, position: i64) -> Result<StoredApp> {
    let (row, made) = row(app)?;
    let row = ActiveModel {
        position: Set(position),
        ..row
    };
    let made = StoredApp { position, ..made };
    match Entity::insert(row).exec_without_returning(connection).await {
        Ok(_) => Ok(made),
        Err(error) if is_taken(&error) => Err(StoreError::Taken(format!("the id {}", app.id))),
        Err(error) => Err(error.into()),
    }
}

/// The row of an app at a new revision.
fn row(app: &App) -> Result<(ActiveModel, StoredApp)> {
    let revision = uuid::Uuid::now_v7().simple().to_string();
    let settings =
        serde_json::to_string(&app.settings).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let row = ActiveModel {
        id: Set(app.id.to_string()),
        name: Set(app.name.clone()),
        description: Set(Some(app.description.clone())),
        url: Set(Some(app.url.clone())),
        icon: Set(Some(app.icon.clone())),
        category: Set(Some(app.category.clone())),
        launch_type: Set(Some(app.launch_type.to_string())),
        container_image: Set(Some(app.container_image.clone())),
        settings: Set(settings),
        revision: Set(revision.clone()),
        ..ActiveModel::default()
    };
    Ok((
        row,
        StoredApp {
            app: app.clone(),
            revision,
            position: 0,
        },
    ))
}

fn stored(row: Model) -> Result<StoredApp> {
    let corrupt = |what: String| StoreError::Corrupt(format!("app {}: {what}", row.id));
    let app = App {
        id: row.id.parse().map_err(corrupt)?,
        name: row.name,
        description: row.description.unwrap_or_default(),
        url: row.url.unwrap_or_default(),
        icon: row.icon.unwrap_or_default(),
        category: row.category.unwrap_or_default(),
        launch_type: row
            .launch_type
            .as_deref()
            .unwrap_or("url")
            .parse()
            .map_err(corrupt)?,
        container_image: row.container_image.unwrap_or_default(),
        settings: serde_json::from_str(&row.settings).map_err(|error| corrupt(error.to_string()))?,
    };
    Ok(StoredApp {
        app,
        revision: row.revision,
        position: row.position,
    })
}
