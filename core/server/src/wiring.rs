//! The one place where the parts become a portal.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use launchpad_domain::plugins::PluginReport;
use launchpad_domain::{Clock, InstanceId, PluginServices, Plugins, Runtime};
use launchpad_plugin_host::{NothingGranted, PluginHost, Setup, Source};
use launchpad_runtime::{Kubernetes, Podman};
use launchpad_services::audit::{CheckpointKeeper, CheckpointKind};
use launchpad_services::backup::BackupSchedule;
use launchpad_services::upkeep::Upkeep;
use launchpad_services::{Catalogue, Parts, Peering, PluginSupport, Services, sessions};
use launchpad_store::{AuditKey, Opening, Store, StoreError};

use crate::clock::SystemClock;
use crate::config::{Config, RuntimeChoice};
use crate::error::ServerError;

/// What the program is told by its surroundings, beyond its own settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// Where programs are looked for (`PATH`).
    search_path: Option<OsString>,
    /// The user's folder for what can be made again (XDG Base Directory Specification).
    cache_home: Option<PathBuf>,
    /// Whether there is a kubeconfig, or this is a pod with an account.
    has_cluster: bool,
}

/// The account that a pod has at its own cluster.
const POD_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

impl Surroundings {
    /// Takes what is needed out of the environment.
    pub(crate) fn of(environment: &[(OsString, OsString)]) -> Self {
        let value = |name: &str| {
            let found = environment
                .iter()
                .find(|(known, value)| known == name && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let in_home = || value("HOME").map(|home| Path::new(&home).join(".cache"));
        // As every client of Kubernetes looks for them.
        let kubeconfigs = match value("KUBECONFIG") {
            Some(named) => std::env::split_paths(&named).collect(),
            None => value("HOME").map_or_else(Vec::new, |home| vec![Path::new(&home).join(".kube/config")]),
        };
        let in_pod = value("KUBERNETES_SERVICE_HOST").is_some() && Path::new(POD_ACCOUNT).is_file();
        Self {
            has_cluster: in_pod || kubeconfigs.iter().any(|path| path.is_file()),
            search_path: value("PATH"),
            cache_home: value("XDG_CACHE_HOME").map(PathBuf::from).or_else(in_home),
        }
    }
}

impl Surroundings {
    /// Whether a program is installed.
    pub(crate) fn finds(&self, program: &str) -> bool {
        is_installed(program, self.search_path.as_deref())
    }

    /// A folder for what can be made again.
    pub(crate) fn cache(&self, name: &str) -> Option<PathBuf> {
        Some(self.cache_home.as_ref()?.join(name))
    }
}

/// A portal that answers nobody yet.
pub(crate) struct Portal {
    /// The database, which is closed last.
    pub(crate) store: Store,
    /// Every use case.
    pub(crate) services: Arc<Services>,
    /// What must be run beside the requests.
    pub(crate) manager: sessions::Manager,
    /// The plugins, whose folders must be watched beside them.
    pub(crate) plugins: Arc<PluginHost>,
    /// The same: what is known of the audit log outside the database.
    pub(crate) checkpoints: CheckpointKeeper,
    /// And the backups that are taken by themselves.
    pub(crate) backups: BackupSchedule,
    /// And what the other portals on the database do.
    pub(crate) peering: Peering,
    /// And what is older than it is kept.
    pub(crate) upkeep: Upkeep,
}

/// Opens the database that the configuration names.
pub(crate) async fn open_store(config: &Config) -> Result<Store, ServerError> {
    open(config, opening(config)).await
}

/// Opens it for a command that has nothing to do where there is none.
pub(crate) async fn open_existing_store(config: &Config) -> Result<Store, ServerError> {
    open(config, existing(config)).await
}

/// Opens it for a command that has something to say also where there is none yet.
pub(crate) async fn open_store_if_there(config: &Config) -> Result<Option<Store>, ServerError> {
    match Store::open_with(&config.database, existing(config)).await {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::Missing(_)) => Ok(None),
        Err(error) => Err(refused(config, &error)),
    }
}

fn existing(config: &Config) -> Opening {
    Opening {
        existing: true,
        ..opening(config)
    }
}

/// How it is opened: what shows that there was one before, and what signs its audit log.
pub(crate) fn opening(config: &Config) -> Opening {
    Opening {
        traces: vec![config.audit_key.clone()],
        audit_key: Some(config.audit_key.clone()),
        ..Opening::default()
    }
}

/// Opens it where the key of its audit log is lost.
pub(crate) async fn open_store_with_new_key(config: &Config) -> Result<Store, ServerError> {
    let opening = Opening {
        new_audit_key: true,
        ..opening(config)
    };
    open(config, opening).await
}

async fn open(config: &Config, opening: Opening) -> Result<Store, ServerError> {
    Store::open_with(&config.database, opening)
        .await
        .map_err(|error| refused(config, &error))
}

/// The tasks that write checkpoints of the audit log, and that delete what is older than it is kept.
async fn keepers(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
    init: bool,
) -> Result<(CheckpointKeeper, Upkeep), ServerError> {
    let refused = |error: &StoreError| refused(config, error);
    let key = AuditKey::read(&config.audit_key).map_err(|error| refused(&error))?;
    let key = key
        .ok_or_else(|| ServerError::Start(format!("the audit key {} is gone", config.audit_key.display())))?;
    let checkpoints = config.checkpoints.clone();
    if init
        && store
            .audit()
            .last_link()
            .await
            .map_err(|error| refused(&error))?
            .is_none()
    {
        // Whoever begins anew says so: the rows that are missed were meant to go.
        checkpoints.add(&key, store.instance(), CheckpointKind::Restart, None, clock.now())?;
    }
    let upkeep = Upkeep::new(
        config.retention,
        store.clone(),
        key.clone(),
        checkpoints.clone(),
        Arc::clone(clock),
    );
    let keeper = CheckpointKeeper::new(store.clone(), key, checkpoints, Arc::clone(clock));
    Ok((keeper, upkeep))
}

/// The database did not do it.
pub(crate) fn refused(config: &Config, error: &StoreError) -> ServerError {
    ServerError::Database {
        address: config.database.to_string(),
        cause: error.to_string(),
    }
}

/// Builds everything that the configuration asks for.
pub(crate) async fn build(
    config: &Config,
    surroundings: &Surroundings,
    init: bool,
) -> Result<Portal, ServerError> {
    let opening = Opening {
        init,
        ..opening(config)
    };
    let store = open(config, opening).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let runtime = runtime(config, store.instance(), &clock, surroundings);
    let plugin_support = support(config, &store, runtime.clone());
    let setup = plugin_setup(config, surroundings, plugin_support.clone(), &clock);
    let approved = store.plugin_grants().all().await;
    let setup = Setup {
        approved: approved.map_err(|error| refused(config, &error))?,
        ..setup
    };
    let plugins = Arc::new(PluginHost::start(setup).await);
    let (services, manager) = Services::new(Parts {
        launch_types: plugins.clone(),
        plugins: plugins.clone(),
        plugin_support,
        runtime,
        clock: Arc::clone(&clock),
        branding: config.branding.clone(),
        default_launch_type: config.plugins.default.clone(),
        sessions: config.sessions.clone(),
        store: store.clone(),
    });
    let peering = Peering::new(store.peers(&config.database), Arc::clone(&services));
    let leadership = services.leadership.clone();
    let (checkpoints, upkeep) = keepers(config, &store, &clock, init).await?;
    let backups = BackupSchedule::new(config.backup.clone(), store.clone(), clock, leadership);
    services.plugins.take_up().await?;
    if let Some(path) = &config.seed {
        seed(&services, path).await?;
    }
    Ok(Portal {
        store,
        services,
        manager,
        plugins,
        checkpoints,
        backups,
        peering,
        upkeep,
    })
}

/// The catalogue alone, for commands.
pub(crate) async fn catalogue(config: &Config, surroundings: &Surroundings, store: Store) -> Catalogue {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let setup = plugin_setup(config, surroundings, support(config, &store, None), &clock);
    Catalogue::new(
        store,
        Arc::new(PluginHost::load(setup).await),
        clock,
        config.plugins.default.clone(),
    )
}

/// Everything in the places of plugins, and what became of it. The database, where there is one, says what an administrator
/// switched off.
pub(crate) async fn plugin_reports(
    config: &Config,
    surroundings: &Surroundings,
    store: Option<&Store>,
) -> Result<Vec<PluginReport>, ServerError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let mut setup = plugin_setup(config, surroundings, Arc::new(NothingGranted), &clock);
    let Some(store) = store else {
        return Ok(PluginHost::load(setup).await.reports());
    };
    let unreadable = |error: StoreError| refused(config, &error);
    setup.approved = store.plugin_grants().all().await.map_err(unreadable)?;
    let plugins = PluginHost::load(setup).await;
    for id in store.plugin_values().off().await.map_err(unreadable)? {
        // One that is switched off and not installed any more is no part of the list.
        let _ = plugins.switch(&id, false);
    }
    Ok(plugins.reports())
}

fn support(config: &Config, store: &Store, runtime: Option<Arc<dyn Runtime>>) -> Arc<PluginSupport> {
    let plugins = &config.plugins;
    Arc::new(PluginSupport::new(
        store.clone(),
        runtime,
        plugins.secrets.clone(),
        plugins.fetch.clone(),
    ))
}

/// The shipped plugins and those of the operator's folders.
fn plugin_setup(
    config: &Config,
    surroundings: &Surroundings,
    services: Arc<dyn PluginServices>,
    clock: &Arc<dyn Clock>,
) -> Setup {
    let in_cache_home = || surroundings.cache("launchpad");
    Setup {
        folders: config.plugins.dirs.clone(),
        granted: config.plugins.grants.clone(),
        ceiling: config.plugins.ceiling,
        configs: config.plugins.configs.clone(),
        cache: config.plugins.cache.clone().or_else(in_cache_home),
        services,
        ..Setup::of(Source::shipped(), Arc::clone(clock))
    }
}

/// By presence, not by who answers just now: an engine that is down is waited for.
pub(crate) fn runtime(
    config: &Config,
    instance: InstanceId,
    clock: &Arc<dyn Clock>,
    surroundings: &Surroundings,
) -> Option<Arc<dyn Runtime>> {
    let podman = || -> Arc<dyn Runtime> { Arc::new(Podman::new(instance, Arc::clone(clock))) };
    let kubernetes =
        || -> Arc<dyn Runtime> { Arc::new(Kubernetes::new(instance, config.kubernetes.clone())) };
    match config.runtime {
        RuntimeChoice::Kubernetes => Some(kubernetes()),
        RuntimeChoice::Podman => Some(podman()),
        RuntimeChoice::None => None,
        RuntimeChoice::Auto if surroundings.has_cluster => Some(kubernetes()),
        RuntimeChoice::Auto if surroundings.finds("podman") => Some(podman()),
        RuntimeChoice::Auto => {
            tracing::warn!(
                "no engine: links open, but apps in containers need a Kubernetes cluster or Podman, and there is \
                 neither a kubeconfig nor Podman"
            );
            None
        }
    }
}

fn is_installed(program: &str, search_path: Option<&OsStr>) -> bool {
    search_path.is_some_and(|path| std::env::split_paths(path).any(|folder| folder.join(program).is_file()))
}

async fn seed(services: &Services, path: &Path) -> Result<(), ServerError> {
    let unreadable = |cause: std::io::Error| ServerError::Seed {
        path: path.display().to_string(),
        cause: format!("  cannot be read: {cause}"),
    };
    let text = tokio::fs::read_to_string(path).await.map_err(unreadable)?;
    match services.catalogue.seed(&text).await {
        Ok(true) => tracing::info!(seed = %path.display(), "the catalogue was filled"),
        Ok(false) => tracing::debug!(seed = %path.display(), "the catalogue has been filled before"),
        Err(error) => return Err(ServerError::seed(path, &error)),
    }
    Ok(())
}
