//! The plugins of this server: which are installed, and which of them answers for a launch type.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use launchpad_domain::{HookError, LaunchTypeId, PlannedBy};

use crate::admission::Gate;
use crate::load::Loader;
use crate::plugin::Plugin;
use crate::rhai_carrier::{Scripts, threads};
use crate::wasm::Cache;
use crate::{Failure, LoadError, Setup, Source};

/// So many older versions are kept for the sessions that they planned.
const RETAINED: usize = 16;

/// The plugins that are installed.
///
/// What is installed is one value that is swapped as a whole: a call keeps the plugin that it found until it ends,
/// whatever is installed meanwhile.
#[derive(Debug)]
pub struct PluginHost {
    pub(crate) installed: ArcSwap<Installed>,
    pub(crate) loader: Arc<Loader>,
    /// Plugins one by one, and folders of them.
    pub(crate) places: (Vec<Source>, Vec<PathBuf>),
    /// Older versions that could not stand in for the next one, newest last.
    pub(crate) retained: Mutex<Vec<Arc<Loaded>>>,
    /// One reload at a time.
    pub(crate) reloading: tokio::sync::Mutex<()>,
}

/// Everything that is installed at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Installed {
    pub(crate) plugins: BTreeMap<LaunchTypeId, Arc<Loaded>>,
    /// What could not be loaded; of a plugin that runs: its newer version.
    pub(crate) failures: Vec<Failure>,
    /// Switched off by an administrator.
    pub(crate) off: BTreeSet<LaunchTypeId>,
    /// What each place looked like when it was read last.
    pub(crate) looks: BTreeMap<String, u64>,
}

/// A plugin and where it comes from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) plugin: Plugin,
    pub(crate) source: Source,
    pub(crate) since: DateTime<Utc>,
}

impl PluginHost {
    /// Loads plugins. Of two with one id the first stays.
    ///
    /// Never fails as a whole: what could not be loaded stands in [`failures`](Self::failures).
    pub async fn load(setup: Setup) -> Self {
        let now = setup.clock.now();
        let loader = Arc::new(Loader {
            scripts: Scripts::new(),
            components: OnceLock::new(),
            cache: setup.cache.as_deref().and_then(open),
            gate: Gate::new(),
            granted: setup.granted,
            configs: setup.configs,
            services: setup.services,
            clock: setup.clock,
        });
        let host = Self {
            installed: ArcSwap::default(),
            loader,
            places: (setup.sources, setup.folders),
            retained: Mutex::default(),
            reloading: tokio::sync::Mutex::default(),
        };
        let (sources, unreadable) = host.sources();
        let mut installed = Installed::default();
        for (name, error) in unreadable {
            installed.fail(name, error, now);
        }
        for (source, plugin) in host.compile(sources).await {
            let name = source.to_string();
            installed.looks.insert(name.clone(), source.look());
            match plugin.and_then(|plugin| installed.admit(&plugin, &source).map(|()| plugin)) {
                Ok(plugin) => installed.add(plugin, source, now),
                Err(error) => installed.fail(name, error, now),
            }
        }
        if let Some(cache) = &host.loader.cache {
            cache.sweep();
        }
        host.installed.store(Arc::new(installed));
        host
    }

    /// Every place where a plugin may be now, and the folders that cannot be read.
    pub(crate) fn sources(&self) -> (Vec<Source>, Vec<(String, LoadError)>) {
        let (fixed, folders) = &self.places;
        let mut sources = fixed.clone();
        let mut unreadable = Vec::new();
        for folder in folders {
            match Source::in_folder(folder) {
                Ok(found) => sources.extend(found),
                Err(error) => unreadable.push((folder.display().to_string(), error)),
            }
        }
        (sources, unreadable)
    }

    /// Reads and compiles plugins, away from the threads that serve requests.
    pub(crate) async fn compile(&self, sources: Vec<Source>) -> Vec<(Source, Result<Plugin, LoadError>)> {
        let loader = Arc::clone(&self.loader);
        let given = sources.clone();
        let loading = threads::start("plugin-load", move || {
            let load = |source: Source| {
                let plugin = loader.load(&source);
                (source, plugin)
            };
            given.into_iter().map(load).collect()
        });
        let reason = match loading {
            Ok(work) => match work.await {
                Ok(plugins) => return plugins,
                Err(_) => "the compiler crashed".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        let failed = |source| (source, Err(LoadError::NoCarrier(reason.clone())));
        sources.into_iter().map(failed).collect()
    }

    /// What could not be loaded, and why.
    pub fn failures(&self) -> Vec<Failure> {
        self.installed.load().failures.clone()
    }

    /// The plugin with this id, switched on or off.
    pub(crate) fn find(&self, id: &LaunchTypeId) -> Result<Arc<Loaded>, HookError> {
        let installed = self.installed.load();
        installed
            .plugins
            .get(id)
            .cloned()
            .ok_or_else(|| HookError::UnknownLaunchType {
                id: id.to_string(),
                known: installed.plugins.keys().map(LaunchTypeId::to_string).collect(),
            })
    }

    /// The plugin that answers for a launch type.
    pub(crate) fn answering(&self, id: &LaunchTypeId) -> Result<Arc<Loaded>, HookError> {
        if self.installed.load().off.contains(id) {
            return Err(HookError::Fault {
                code: "plugin-unavailable",
                message: format!("an administrator switched the launch type {id} off"),
            });
        }
        self.find(id)
    }

    /// The plugin that answers for a session: the one that planned it, or one that can stand for it. A plugin that was
    /// switched off still sees its sessions out.
    pub(crate) fn answering_for(&self, planned_by: &PlannedBy) -> Result<Arc<Loaded>, HookError> {
        let current = self.find(&planned_by.id)?;
        let Some(digest) = &planned_by.digest else {
            return Ok(current);
        };
        if current.plugin.digest == *digest {
            return Ok(current);
        }
        let retained = self.retained.lock().unwrap_or_else(PoisonError::into_inner);
        let planner = retained.iter().rev().find(|old| old.plugin.digest == *digest);
        let stands_in =
            |old: &&Arc<Loaded>| old.plugin.manifest.version.major == current.plugin.manifest.version.major;
        // Without the planner, the current version is the only one that may know what to do.
        Ok(planner.filter(|old| !stands_in(old)).cloned().unwrap_or(current))
    }

    /// Keeps a version that was replaced, as long as there is room.
    pub(crate) fn retain(&self, old: Arc<Loaded>) {
        let mut retained = self.retained.lock().unwrap_or_else(PoisonError::into_inner);
        if retained.len() == RETAINED {
            retained.remove(0);
        }
        retained.push(old);
    }
}

impl Installed {
    /// Whether a plugin may be added: its id is not taken.
    pub(crate) fn admit(&self, plugin: &Plugin, source: &Source) -> Result<(), LoadError> {
        match self.plugins.get(&plugin.manifest.id) {
            Some(taken) if taken.source.to_string() != source.to_string() => Err(LoadError::Taken {
                id: plugin.manifest.id.to_string(),
                holder: taken.source.to_string(),
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn add(&mut self, plugin: Plugin, source: Source, since: DateTime<Utc>) {
        tracing::info!(plugin = &*plugin.label, %source, "plugin loaded");
        let id = plugin.manifest.id.clone();
        self.plugins.insert(
            id,
            Arc::new(Loaded {
                plugin,
                source,
                since,
            }),
        );
    }

    pub(crate) fn fail(&mut self, source: String, error: LoadError, since: DateTime<Utc>) {
        tracing::error!(source, %error, "a plugin was not loaded");
        self.failures.push(Failure {
            source,
            error: Arc::new(error),
            since,
        });
    }
}

fn open(folder: &Path) -> Option<Cache> {
    Cache::open(folder)
        .inspect_err(|error| {
            tracing::warn!(folder = %folder.display(), %error, "compiled plugins are not kept");
        })
        .ok()
}
