//! Apps: table `applications`.

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, App, AppChanges, AppId, AuditAction, Unnamed};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait, QuerySelect};

use crate::audit::Deed;
use crate::database::{read_fact, write_fact};
use crate::entities::application::{ActiveModel, Entity, Model};
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
    /// All apps, by category and name, whatever their case. An adopted row that is no app, since its id cannot be
    /// one, is left out and warned about.
    pub async fn list(&self) -> Result<Vec<StoredApp>> {
        let rows = Entity::find().all(self.0.reader()).await?;
        let mut apps = readable(rows, stored);
        // Databases disagree about the order of text; people should not see which one it is.
        apps.sort_by_cached_key(|stored| {
            let app = &stored.app;
            (
                app.category.to_lowercase(),
                app.name.to_lowercase(),
                app.id.clone(),
            )
        });
        Ok(apps)
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
        let made = insert(&transaction, app).await?;
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
        Entity::update(row).exec(&transaction).await?;
        let deed = updated(before.as_ref(), app);
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(Some(changed))
    }

    /// Removes an app; `false` where there is none with this id.
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
        Entity::delete_by_id(id.as_str()).exec(&transaction).await?;
        let deed = deleted(id, before.as_ref());
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Makes the apps be there as they are given, in one transaction, with an entry in the audit log for each that
    /// changes. Answers what was changed.
    pub async fn import(
        &self,
        actor: &Actor,
        apps: &[App],
        unnamed: Unnamed,
        now: DateTime<Utc>,
    ) -> Result<AppChanges> {
        let transaction = self.0.begin().await?;
        // Locked until the end, so that nobody's change falls between what is compared and what is written.
        let rows = Entity::find().lock_exclusive().all(&transaction).await?;
        let known: Vec<App> = readable(rows, stored)
            .into_iter()
            .map(|stored| stored.app)
            .collect();
        let changes = AppChanges::between(&known, apps, unnamed);
        for app in apps {
            if changes.added.contains(&app.id) {
                insert(&transaction, app).await?;
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
            Entity::delete_by_id(id.as_str()).exec(&transaction).await?;
            let before = known.iter().find(|known| known.id == *id);
            self.0.note(&transaction, actor, deleted(id, before), now).await?;
        }
        transaction.commit().await?;
        Ok(changes)
    }

    /// Fills an empty catalogue, once: the second time nothing happens, even if everything was deleted since.
    pub async fn seed(&self, actor: &Actor, apps: &[App], now: DateTime<Utc>) -> Result<bool> {
        let transaction = self.0.begin_once().await?;
        if read_fact(&transaction, SEEDED).await?.is_some() {
            return Ok(false);
        }
        write_fact(&transaction, SEEDED, time::text(now)).await?;
        let empty = Entity::find().count(&transaction).await? == 0;
        if empty {
            for app in apps {
                insert(&transaction, app).await?;
            }
            let deed = Deed::new(AuditAction::SeedApps).saying(format!("{} apps", apps.len()));
            self.0.note(&transaction, actor, deed, now).await?;
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

async fn insert(connection: &impl ConnectionTrait, app: &App) -> Result<StoredApp> {
    let (row, made) = row(app)?;
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
    };
    Ok((
        row,
        StoredApp {
            app: app.clone(),
            revision,
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
    })
}
