//! The launch types of this server.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use launchpad_domain::{App, FieldProblem, HookContext, HookError, LaunchType, LaunchTypeId, LaunchTypes};
use serde_json::{Map, Value};

use crate::admission::Gate;
use crate::call::Hook;
use crate::load::{Granted, Loader};
use crate::plugin::Plugin;
use crate::rhai_carrier::{Scripts, threads};
use crate::schema::{AppField, Schema};
use crate::wasm::Cache;
use crate::{Failure, LoadError, Source};

/// The plugins that are loaded, and those that could not be.
#[derive(Debug, Default)]
pub struct PluginHost {
    plugins: BTreeMap<LaunchTypeId, Loaded>,
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct Loaded {
    plugin: Plugin,
    source: Source,
}

impl PluginHost {
    /// Loads plugins. Of two with one id the first stays. A shipped plugin may what its manifest claims; one from
    /// a folder what its manifest claims and `granted` grants to its id.
    ///
    /// Never fails as a whole: what could not be loaded stands in [`failures`](Self::failures).
    pub async fn load(sources: Vec<Source>, granted: &Granted) -> Self {
        Self::load_within(sources, granted.clone(), None).await
    }

    /// The same, keeping compiled components in a folder, which makes the next start fast. The folder is made if
    /// it is not there; it must be this user's alone (mode 0700), else it is not used and the log says so.
    pub async fn load_with_cache(sources: Vec<Source>, granted: &Granted, cache: PathBuf) -> Self {
        Self::load_within(sources, granted.clone(), Some(cache)).await
    }

    async fn load_within(sources: Vec<Source>, granted: Granted, cache: Option<PathBuf>) -> Self {
        let names: Vec<String> = sources.iter().map(Source::to_string).collect();
        let loading = threads::start("plugin-load", move || Self::load_all(sources, granted, cache));
        let reason = match loading {
            Ok(loaded) => match loaded.await {
                Ok(host) => return host,
                Err(_) => "the compiler crashed".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        let failed = |source| Failure {
            source,
            error: LoadError::NoCarrier(reason.clone()),
        };
        Self {
            plugins: BTreeMap::new(),
            failures: names.into_iter().map(failed).collect(),
        }
    }

    fn load_all(sources: Vec<Source>, granted: Granted, cache: Option<PathBuf>) -> Self {
        let loader = Loader {
            scripts: Scripts::new(),
            components: OnceCell::new(),
            cache: cache.and_then(|folder| open(&folder)),
            gate: Gate::new(),
            granted,
        };
        let mut host = Self::default();
        for source in sources {
            let name = source.to_string();
            if let Err(error) = loader.load(&source).and_then(|plugin| host.add(plugin, source)) {
                tracing::error!(source = name, %error, "a plugin was not loaded");
                host.failures.push(Failure { source: name, error });
            }
        }
        if let Some(cache) = &loader.cache {
            cache.sweep();
        }
        host
    }

    fn add(&mut self, plugin: Plugin, source: Source) -> Result<(), LoadError> {
        match self.plugins.entry(plugin.manifest.id.clone()) {
            Entry::Occupied(taken) => Err(LoadError::Taken {
                id: plugin.manifest.id.to_string(),
                holder: taken.get().source.to_string(),
            }),
            Entry::Vacant(free) => {
                tracing::info!(plugin = &*plugin.label, %source, "plugin loaded");
                free.insert(Loaded { plugin, source });
                Ok(())
            }
        }
    }

    /// The plugins that could not be loaded, and why.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The loaded plugin with this id and where it comes from.
    pub(crate) fn find(&self, id: &LaunchTypeId) -> Result<(&Plugin, &Source), HookError> {
        self.plugins
            .get(id)
            .map(|loaded| (&loaded.plugin, &loaded.source))
            .ok_or_else(|| HookError::UnknownLaunchType {
                id: id.to_string(),
                known: self.plugins.keys().map(LaunchTypeId::to_string).collect(),
            })
    }
}

fn open(folder: &Path) -> Option<Cache> {
    Cache::open(folder)
        .inspect_err(|error| {
            tracing::warn!(folder = %folder.display(), %error, "compiled plugins are not kept");
        })
        .ok()
}

#[async_trait]
impl LaunchTypes for PluginHost {
    fn list(&self) -> Vec<LaunchType> {
        self.plugins
            .values()
            .map(|loaded| loaded.plugin.launch_type())
            .collect()
    }

    fn get(&self, id: &LaunchTypeId) -> Result<LaunchType, HookError> {
        Ok(self.find(id)?.0.launch_type())
    }

    fn check_app(&self, app: &App) -> Result<Vec<FieldProblem>, HookError> {
        let (plugin, _) = self.find(&app.launch_type)?;
        let mut problems = plugin.check_settings(&app.settings);
        for field in plugin.settings.iter().flat_map(Schema::needs) {
            let value = match field {
                AppField::Url => &app.url,
                AppField::ContainerImage => &app.container_image,
            };
            if value.is_empty() {
                problems.push(FieldProblem {
                    path: field.name().to_owned(),
                    message: format!("is needed by the launch type `{}`", plugin.manifest.id),
                });
            }
        }
        Ok(problems)
    }

    fn check_params(
        &self,
        id: &LaunchTypeId,
        params: &Map<String, Value>,
    ) -> Result<Vec<FieldProblem>, HookError> {
        Ok(self.find(id)?.0.check_params(params))
    }

    async fn validate(
        &self,
        id: &LaunchTypeId,
        context: HookContext,
    ) -> Result<Vec<FieldProblem>, HookError> {
        let (plugin, _) = self.find(id)?;
        if !plugin.has(Hook::Validate) {
            return Ok(Vec::new());
        }
        plugin.problems(plugin.ask(Hook::Validate, context).await?)
    }

    async fn plan(&self, id: &LaunchTypeId, context: HookContext) -> Result<Value, HookError> {
        self.find(id)?.0.ask(Hook::Plan, context).await
    }
}
