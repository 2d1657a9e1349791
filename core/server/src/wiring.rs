//! The one place where the parts become a portal.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use launchpad_domain::{Clock, Runtime};
use launchpad_plugin_host::{PluginHost, Source};
use launchpad_runtime::Podman;
use launchpad_services::{Catalogue, Parts, Services, sessions};
use launchpad_store::Store;

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
}

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
        Self {
            search_path: value("PATH"),
            cache_home: value("XDG_CACHE_HOME").map(PathBuf::from).or_else(in_home),
        }
    }
}

/// A portal that answers nobody yet.
pub(crate) struct Portal {
    /// Every use case.
    pub(crate) services: Arc<Services>,
    /// What must be run beside the requests.
    pub(crate) manager: sessions::Manager,
}

/// Opens the database that the configuration names.
pub(crate) async fn open_store(config: &Config) -> Result<Store, ServerError> {
    Store::open(&config.database)
        .await
        .map_err(|error| ServerError::Database {
            address: config.database.to_string(),
            cause: error.to_string(),
        })
}

/// Builds everything that the configuration asks for.
pub(crate) async fn build(config: &Config, surroundings: &Surroundings) -> Result<Portal, ServerError> {
    let store = open_store(config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let runtime = runtime(config, &store, &clock, surroundings.search_path.as_deref());
    let (services, manager) = Services::new(Parts {
        launch_types: Arc::new(plugins(config, surroundings).await?),
        runtime,
        clock,
        branding: config.branding.clone(),
        default_launch_type: config.plugins.default.clone(),
        sessions: config.sessions.clone(),
        store,
    });
    if let Some(path) = &config.seed {
        seed(&services, path).await?;
    }
    Ok(Portal { services, manager })
}

/// The catalogue alone, for commands.
pub(crate) async fn catalogue(
    config: &Config,
    surroundings: &Surroundings,
) -> Result<Catalogue, ServerError> {
    Ok(Catalogue::new(
        open_store(config).await?,
        Arc::new(plugins(config, surroundings).await?),
        Arc::new(SystemClock::default()),
        config.plugins.default.clone(),
    ))
}

/// The shipped plugins and those of the operator's folders. A bad one is told and left out.
async fn plugins(config: &Config, surroundings: &Surroundings) -> Result<PluginHost, ServerError> {
    let mut sources = Source::shipped();
    for folder in &config.plugins.dirs {
        let found = Source::in_folder(folder)
            .map_err(|error| ServerError::Start(format!("the plugins in {}: {error}", folder.display())))?;
        sources.extend(found);
    }
    let in_cache_home = || Some(surroundings.cache_home.as_ref()?.join("launchpad"));
    let grants = &config.plugins.grants;
    let host = match config.plugins.cache.clone().or_else(in_cache_home) {
        Some(cache) => PluginHost::load_with_cache(sources, grants, cache).await,
        None => PluginHost::load(sources, grants).await,
    };
    Ok(host)
}

/// By presence, not by who answers just now: an engine that is down is waited for.
fn runtime(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
    search_path: Option<&OsStr>,
) -> Option<Arc<dyn Runtime>> {
    let podman = || -> Arc<dyn Runtime> { Arc::new(Podman::new(store.instance(), Arc::clone(clock))) };
    match config.runtime {
        RuntimeChoice::Podman => Some(podman()),
        RuntimeChoice::None => None,
        RuntimeChoice::Auto if is_installed("podman", search_path) => Some(podman()),
        RuntimeChoice::Auto => {
            tracing::warn!(
                "no engine: links open, but apps in containers need Podman, which is not installed"
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
