//! The plugins of this server: which are installed, and which of them answers for a launch type.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use launchpad_domain::{HookError, LaunchTypeId, PlannedBy};

use crate::admission::Gate;
use crate::approvals::Approvals;
use crate::installed::{Installed, Loaded};
use crate::load::Loader;
use crate::plugin::Plugin;
use crate::rhai_carrier::Scripts;
use crate::wasm::Cache;
use crate::{Failure, LoadError, Setup, Source, threads};

/// So many older versions are kept for the sessions that they planned.
const RETAINED: usize = 16;

const CRASHED: &str = "the compiler crashed";

/// What became of a place at the start.
enum Found {
    /// Its plugin, or why there is none.
    Now(Result<Box<Plugin>, LoadError>),
    /// The plugin with this id must be compiled first.
    Later(LaunchTypeId),
}

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

impl PluginHost {
    /// Loads plugins, all of them. Of two with one id the first stays.
    ///
    /// Never fails as a whole: what could not be loaded stands in [`failures`](Self::failures).
    pub async fn load(setup: Setup) -> Self {
        let host = Self::start(setup).await;
        for source in host.sources().0 {
            if host.installed.load().compiling.contains_key(&source.to_string()) {
                host.take_up(source).await;
            }
        }
        host.sweep();
        host
    }

    /// Loads what is ready at once, and leaves the rest to [`watch`](Self::watch): components from outside that were not
    /// compiled here before, which may take as long as a minute each.
    pub async fn start(setup: Setup) -> Self {
        let now = setup.clock.now();
        let loader = Arc::new(Loader {
            scripts: Scripts::new(),
            components: OnceLock::new(),
            cache: setup.cache.as_deref().and_then(open),
            gate: Gate::new(),
            approvals: Approvals::new(setup.granted, setup.approved),
            ceiling: setup.ceiling,
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
            installed.fail(Failure::new(name, error, now));
        }
        for (source, found) in host.ready(sources).await {
            let name = source.to_string();
            let added = match found {
                Found::Later(id) => installed.expect(&source, id, now),
                Found::Now(plugin) => {
                    installed.looks.insert(name.clone(), source.look());
                    plugin
                        .and_then(|plugin| installed.admit(&plugin, &source).map(|()| plugin))
                        .map(|plugin| installed.add(Loaded::new(*plugin, source, now)))
                }
            };
            if let Err(error) = added {
                installed.fail(Failure::new(name, error, now));
            }
        }
        let all_are_there = installed.compiling.is_empty();
        host.installed.store(Arc::new(installed));
        if all_are_there {
            host.sweep();
        }
        host
    }

    /// Deletes compiled components that nobody uses any more.
    pub(crate) fn sweep(&self) {
        if let Some(cache) = &self.loader.cache {
            cache.sweep();
        }
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

    /// Reads those plugins that are ready at once, away from the threads that serve requests.
    async fn ready(&self, sources: Vec<Source>) -> Vec<(Source, Found)> {
        let loader = Arc::clone(&self.loader);
        let given = sources.clone();
        let loading = threads::start("plugin-load", move || {
            let read = |source: Source| {
                let found = match loader.takes_long(&source) {
                    Some(id) => Found::Later(id),
                    None => Found::Now(loader.load(&source).map(Box::new)),
                };
                (source, found)
            };
            given.into_iter().map(read).collect()
        });
        let reason = match loading {
            Ok(work) => match work.await {
                Ok(plugins) => return plugins,
                Err(_) => CRASHED.to_owned(),
            },
            Err(error) => error.to_string(),
        };
        let failed = |source| (source, Found::Now(Err(LoadError::NoCarrier(reason.clone()))));
        sources.into_iter().map(failed).collect()
    }

    /// Reads and compiles one plugin, away from the threads that serve requests, in the time that there is for it. The
    /// compiler cannot be stopped: what takes longer ends unheard.
    pub(crate) async fn compiled(&self, source: &Source) -> Result<Plugin, LoadError> {
        let loader = Arc::clone(&self.loader);
        let given = source.clone();
        let work = threads::start("plugin-load", move || loader.load(&given))
            .map_err(|error| LoadError::NoCarrier(error.to_string()))?;
        let most = self.loader.ceiling.compiling;
        match tokio::time::timeout(most, work).await {
            Ok(Ok(plugin)) => plugin,
            Ok(Err(_)) => Err(LoadError::NoCarrier(CRASHED.to_owned())),
            Err(_) => Err(LoadError::Slow(most)),
        }
    }

    /// What could not be loaded, and why.
    pub fn failures(&self) -> Vec<Failure> {
        self.installed.load().failures.clone()
    }

    /// The plugin with this id, switched on or off.
    pub(crate) fn find(&self, id: &LaunchTypeId) -> Result<Arc<Loaded>, HookError> {
        let installed = self.installed.load();
        if installed.compiling.values().any(|(awaited, _)| awaited == id) {
            return Err(HookError::Fault {
                code: "plugin-unavailable",
                message: format!("the launch type {id} is still being compiled; try again in a minute"),
            });
        }
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
        let current = self.find(&planned_by.id);
        let Some(digest) = &planned_by.digest else {
            return current;
        };
        let retained = self.retained.lock().unwrap_or_else(PoisonError::into_inner);
        let planner = retained.iter().rev().find(|old| old.plugin.digest == *digest);
        let current = match (current, planner) {
            (Ok(current), _) if current.plugin.digest == *digest => return Ok(current),
            (Ok(current), _) => current,
            // Its folder is gone, or has another plugin now.
            (Err(_), Some(planner)) => return Ok(Arc::clone(planner)),
            (Err(error), None) => return Err(error),
        };
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

fn open(folder: &Path) -> Option<Cache> {
    Cache::open(folder)
        .inspect_err(|error| {
            tracing::warn!(folder = %folder.display(), %error, "compiled plugins are not kept");
        })
        .ok()
}
