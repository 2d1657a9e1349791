//! The catalogue: which apps there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use launchpad_domain::{
    Actor, App, AppChanges, AppDraft, AppId, Clock, DeletedApp, HookContext, LaunchTypeId, LaunchTypes,
    Opens, Plan, Problems, Unnamed, Viewer, WantedApps,
};
use launchpad_store::{Store, StoredApp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ServiceError;
use crate::sessions::context;

/// Most deleted apps that one list holds.
const DELETED: u64 = 100;
/// Most bytes that a seed may have.
const MAX_SEED: usize = 8 * 1_024 * 1_024;

/// Lists, changes and opens apps. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalogue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    launch_types: Arc<dyn LaunchTypes>,
    clock: Arc<dyn Clock>,
    default_launch_type: LaunchTypeId,
    /// Every page shows the catalogue and few requests change it: one snapshot, dropped by each change here, and old
    /// after some seconds, because other processes change it too.
    snapshot: ArcSwapOption<Snapshot>,
    /// Counts the changes, so that a reading which a change overtook is not kept.
    generation: AtomicU64,
}

/// How old a snapshot may be.
const FRESH: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Snapshot {
    apps: Arc<Vec<StoredApp>>,
    taken: Instant,
}

/// Where an app goes in its category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// Before the one that it follows.
    Up,
    /// After the one that follows it.
    Down,
}

/// Why a seed was not loaded; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// What is wrong in the file, each with its place.
    #[error("{0}")]
    Invalid(Problems),
    /// The database did not take it.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Catalogue {
    /// The catalogue of this database; a command needs no more of the portal.
    pub fn new(
        store: Store,
        launch_types: Arc<dyn LaunchTypes>,
        clock: Arc<dyn Clock>,
        default_launch_type: LaunchTypeId,
    ) -> Self {
        let snapshot = ArcSwapOption::empty();
        let generation = AtomicU64::new(0);
        Self(Arc::new(Inner {
            store,
            launch_types,
            clock,
            default_launch_type,
            snapshot,
            generation,
        }))
    }

    /// The catalogue was changed, here or by another process.
    pub(crate) fn forget(&self) {
        self.0.generation.fetch_add(1, Ordering::SeqCst);
        self.0.snapshot.store(None);
    }

    /// The launch type of an app that names none.
    pub fn default_launch_type(&self) -> &LaunchTypeId {
        &self.0.default_launch_type
    }

    /// All apps, by category; in each in the order that an administrator gave them, then by name.
    pub async fn list(&self) -> Result<Arc<Vec<StoredApp>>, ServiceError> {
        if let Some(snapshot) = &*self.0.snapshot.load()
            && snapshot.taken.elapsed() < FRESH
        {
            return Ok(Arc::clone(&snapshot.apps));
        }
        let taken = Instant::now();
        let generation = self.0.generation.load(Ordering::SeqCst);
        let apps = Arc::new(self.0.store.apps().list().await?);
        let snapshot = Snapshot {
            apps: Arc::clone(&apps),
            taken,
        };
        self.0.snapshot.store(Some(Arc::new(snapshot)));
        if self.0.generation.load(Ordering::SeqCst) != generation {
            // Somebody changed the catalogue while it was read: this reading may be the older one.
            self.0.snapshot.store(None);
        }
        Ok(apps)
    }

    /// One app.
    pub async fn get(&self, id: &AppId) -> Result<StoredApp, ServiceError> {
        self.list()
            .await?
            .iter()
            .find(|stored| stored.app.id == *id)
            .cloned()
            .ok_or(ServiceError::NotFound("app"))
    }

    /// Adds an app.
    ///
    /// # Errors
    /// Every problem with the draft, the known launch types if it names none of them, a taken id.
    pub async fn create(&self, actor: &Actor, draft: AppDraft) -> Result<StoredApp, ServiceError> {
        let app = self.check(draft)?;
        let result = self.0.store.apps().insert(actor, &app, self.0.clock.now()).await;
        self.forget();
        Ok(result?)
    }

    /// Replaces an app, if it is still at `if_revision` (where one is given).
    pub async fn update(
        &self,
        actor: &Actor,
        id: &AppId,
        draft: AppDraft,
        if_revision: Option<&str>,
    ) -> Result<StoredApp, ServiceError> {
        let app = self.check(AppDraft {
            id: id.to_string(),
            ..draft
        })?;
        let result = self
            .0
            .store
            .apps()
            .update(actor, &app, if_revision, self.0.clock.now())
            .await;
        self.forget();
        result?.ok_or(ServiceError::NotFound("app"))
    }

    /// Everything that is wrong with a draft, for a form that has problems of its own to tell with it.
    pub fn problems_with(&self, draft: AppDraft) -> Problems {
        self.check(draft).map_or_else(problems_of, |_| Problems::none())
    }

    /// Removes an app, which can be put back; its running sessions go on.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: &AppId,
        if_revision: Option<&str>,
    ) -> Result<(), ServiceError> {
        let result = self
            .0
            .store
            .apps()
            .delete(actor, id, if_revision, self.0.clock.now())
            .await;
        self.forget();
        if result? {
            Ok(())
        } else {
            Err(ServiceError::NotFound("app"))
        }
    }

    /// The apps that were deleted last and can be put back, newest first.
    pub async fn deleted(&self) -> Result<Vec<DeletedApp>, ServiceError> {
        Ok(self.0.store.apps().deleted(DELETED).await?)
    }

    /// Puts the app of this id that was deleted last back.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] where none was deleted, [`ServiceError::Taken`] where another has its id by now.
    pub async fn restore(&self, actor: &Actor, id: &AppId) -> Result<StoredApp, ServiceError> {
        let result = self.0.store.apps().restore(actor, id, self.0.clock.now()).await;
        self.forget();
        result?.ok_or(ServiceError::NotFound("deleted app"))
    }

    /// Gives these apps the first places of their categories, in this order; the others of these categories follow by
    /// name.
    ///
    /// # Errors
    /// Every id that is no app's or stands twice, at `app_ids[3]`.
    pub async fn order(&self, actor: &Actor, ids: &[String]) -> Result<(), ServiceError> {
        let apps = self.list().await?;
        let mut problems = Problems::none();
        let mut order: Vec<AppId> = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            let place = format!("app_ids[{at}]");
            match apps.iter().find(|stored| stored.app.id.as_str() == id) {
                None => problems.add(place, "is no app's id"),
                Some(stored) if order.contains(&stored.app.id) => problems.add(place, "is there twice"),
                Some(stored) => order.push(stored.app.id.clone()),
            }
        }
        problems.into_result(())?;
        self.put_in_order(actor, &order).await
    }

    /// Lets an app change places with its neighbour in its category; at the end nothing happens.
    pub async fn shift(&self, actor: &Actor, id: &AppId, shift: Shift) -> Result<(), ServiceError> {
        let category = self.get(id).await?.app.category;
        let mut order: Vec<AppId> = self
            .list()
            .await?
            .iter()
            .filter(|stored| stored.app.category == category)
            .map(|stored| stored.app.id.clone())
            .collect();
        let at = order.iter().position(|known| known == id);
        let other = match shift {
            Shift::Up => at.and_then(|at| at.checked_sub(1)),
            Shift::Down => at.map(|at| at + 1).filter(|other| *other < order.len()),
        };
        let (Some(at), Some(other)) = (at, other) else {
            return Ok(());
        };
        order.swap(at, other);
        self.put_in_order(actor, &order).await
    }

    async fn put_in_order(&self, actor: &Actor, order: &[AppId]) -> Result<(), ServiceError> {
        let result = self.0.store.apps().order(actor, order, self.0.clock.now()).await;
        self.forget();
        Ok(result?)
    }

    /// Where a `url` app leads. With `record` the opening is counted and audited.
    pub async fn open_link(
        &self,
        actor: &Actor,
        viewer: &Viewer,
        id: &AppId,
        record: bool,
    ) -> Result<String, ServiceError> {
        let app = self.get(id).await?.app;
        let launch_type = self.0.launch_types.get(&app.launch_type)?;
        if launch_type.opens != Opens::Url {
            return Err(ServiceError::OpensPod { app_id: app.id });
        }
        let context: HookContext = context::of_app(&app, viewer, self.0.clock.now());
        let document = self.0.launch_types.plan(&app.launch_type, context).await?;
        let Plan::Url(url) = Plan::parse(document, Opens::Url)? else {
            return Err(ServiceError::Internal(format!(
                "launch type {} planned no URL",
                app.launch_type
            )));
        };
        if record {
            self.0
                .store
                .analytics()
                .open_link(actor, &app, self.0.clock.now())
                .await?;
        }
        Ok(url)
    }

    /// Fills an empty catalogue from a seed file's text, once in the life of an instance. Answers whether it did.
    ///
    /// # Errors
    /// Every problem with its place (`applications[3].url`); then nothing is loaded.
    pub async fn seed(&self, json: &str) -> Result<bool, SeedError> {
        let wanted = self.parse_seed(json).map_err(SeedError::Invalid)?;
        let seeded = self
            .0
            .store
            .apps()
            .seed(&Actor::portal(), &wanted, self.0.clock.now())
            .await;
        self.forget();
        Ok(seeded.map_err(ServiceError::from)?)
    }

    /// The catalogue in the published format, which [`Self::import`] and a seed read.
    pub async fn export(&self) -> Result<String, ServiceError> {
        let apps = self.list().await?;
        let document = Export {
            applications: apps.iter().map(|stored| &stored.app).collect(),
            order: apps
                .iter()
                .filter(|stored| stored.position > 0)
                .map(|stored| &stored.app.id)
                .collect(),
        };
        serde_json::to_string_pretty(&document).map_err(|error| ServiceError::Internal(error.to_string()))
    }

    /// What [`Self::import`] would change now. Nothing is.
    ///
    /// # Errors
    /// Every problem with its place.
    pub async fn compare(
        &self,
        actor: &Actor,
        json: &str,
        unnamed: Unnamed,
    ) -> Result<AppChanges, SeedError> {
        let wanted = self.parse_seed(json).map_err(SeedError::Invalid)?;
        let now = self.0.clock.now();
        let compared = self.0.store.apps().compare(actor, &wanted, unnamed, now).await;
        Ok(compared.map_err(ServiceError::from)?)
    }

    /// Makes the apps of a file be in the catalogue as they stand there, all or none of them.
    ///
    /// # Errors
    /// Every problem with its place; then nothing is changed.
    pub async fn import(&self, actor: &Actor, json: &str, unnamed: Unnamed) -> Result<AppChanges, SeedError> {
        let wanted = self.parse_seed(json).map_err(SeedError::Invalid)?;
        let imported = self
            .0
            .store
            .apps()
            .import(actor, &wanted, unnamed, self.0.clock.now())
            .await;
        self.forget();
        Ok(imported.map_err(ServiceError::from)?)
    }

    fn parse_seed(&self, json: &str) -> Result<WantedApps, Problems> {
        if json.len() > MAX_SEED {
            return Err(Problems::one("", format!("is larger than {MAX_SEED} bytes")));
        }
        let seed: Seed = serde_json::from_str(json).map_err(|error| Problems::one("", error.to_string()))?;
        let mut problems = Problems::none();
        let mut apps: Vec<App> = Vec::new();
        for (index, value) in seed.applications.into_iter().enumerate() {
            let place = format!("applications[{index}]");
            let parsed = serde_json::from_value::<SeedApp>(value)
                .map_err(|error| Problems::one("", error.to_string()))
                .and_then(|app| self.check(app.into()).map_err(problems_of));
            match parsed {
                Ok(app) if apps.iter().any(|earlier| earlier.id == app.id) => {
                    problems.add(format!("{place}.id"), format!("{} is there twice", app.id));
                }
                Ok(app) => apps.push(app),
                Err(wrong) => problems.extend_at(&place, wrong),
            }
        }
        let mut order: Vec<AppId> = Vec::new();
        for (index, id) in seed.order.iter().enumerate() {
            let place = format!("order[{index}]");
            match apps.iter().find(|app| app.id.as_str() == id) {
                None => problems.add(place, "is the id of none of the applications"),
                Some(app) if order.contains(&app.id) => problems.add(place, "is there twice"),
                Some(app) => order.push(app.id.clone()),
            }
        }
        problems.into_result(WantedApps { apps, order })
    }

    fn check(&self, draft: AppDraft) -> Result<App, ServiceError> {
        let app = draft.parse(&self.0.default_launch_type)?;
        let problems = self.0.launch_types.check_app(&app)?;
        Ok(Problems(problems).into_result(app)?)
    }
}

fn problems_of(error: ServiceError) -> Problems {
    match error {
        ServiceError::Invalid(problems) => problems,
        other => Problems::one("", other.to_string()),
    }
}

/// The published format, written.
#[derive(Serialize)]
struct Export<'a> {
    applications: Vec<&'a App>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    order: Vec<&'a AppId>,
}

/// The published format of a seed. Members that it does not have are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    applications: Vec<Value>,
    /// The ids of those that stand first in their categories, in this order.
    #[serde(default)]
    order: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedApp {
    id: String,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    icon: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    launch_type: String,
    #[serde(default)]
    container_image: String,
    #[serde(default)]
    settings: Map<String, Value>,
}

impl From<SeedApp> for AppDraft {
    fn from(app: SeedApp) -> Self {
        let SeedApp {
            id,
            name,
            description,
            url,
            icon,
            category,
            launch_type,
            container_image,
            settings,
        } = app;
        Self {
            id,
            name,
            description,
            url,
            icon,
            category,
            launch_type,
            container_image,
            settings,
        }
    }
}
