//! What is installed: one value, which is swapped as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use launchpad_domain::LaunchTypeId;

use crate::plugin::Plugin;
use crate::{Failure, LoadError, Source};

/// Everything that is installed at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Installed {
    pub(crate) plugins: BTreeMap<LaunchTypeId, Arc<Loaded>>,
    /// What could not be loaded; of a plugin that runs: its newer version.
    pub(crate) failures: Vec<Failure>,
    /// Switched off by an administrator.
    pub(crate) off: BTreeSet<LaunchTypeId>,
    /// Components that are compiled for the first time, by their places: whose, and since when.
    pub(crate) compiling: BTreeMap<String, (LaunchTypeId, DateTime<Utc>)>,
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

impl Loaded {
    pub(crate) fn new(plugin: Plugin, source: Source, since: DateTime<Utc>) -> Arc<Self> {
        tracing::info!(plugin = &*plugin.label, %source, "plugin loaded");
        Arc::new(Self {
            plugin,
            source,
            since,
        })
    }
}

impl Installed {
    /// Whether a plugin may be added: its id is not taken.
    pub(crate) fn admit(&self, plugin: &Plugin, source: &Source) -> Result<(), LoadError> {
        self.admit_id(&plugin.manifest.id, &source.to_string())
    }

    fn admit_id(&self, id: &LaunchTypeId, place: &str) -> Result<(), LoadError> {
        let holder = self.plugins.get(id).map(|holder| holder.source.to_string());
        let mut awaited = self.compiling.iter();
        let awaited = awaited.find(|(_, (awaited, _))| awaited == id);
        match holder.or_else(|| awaited.map(|(place, _)| place.clone())) {
            Some(holder) if holder != place => Err(LoadError::Taken {
                id: id.to_string(),
                holder,
            }),
            _ => Ok(()),
        }
    }

    /// Notes that a plugin will be there once it is compiled.
    pub(crate) fn expect(
        &mut self,
        source: &Source,
        id: LaunchTypeId,
        since: DateTime<Utc>,
    ) -> Result<(), LoadError> {
        let place = source.to_string();
        self.admit_id(&id, &place)?;
        self.compiling.insert(place, (id, since));
        Ok(())
    }

    pub(crate) fn add(&mut self, loaded: Arc<Loaded>) {
        self.plugins.insert(loaded.plugin.manifest.id.clone(), loaded);
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    /// The plugin from this place.
    pub(crate) fn at_place(&self, place: &str) -> Option<&Arc<Loaded>> {
        let mut plugins = self.plugins.values();
        plugins.find(|loaded| loaded.source.to_string() == place)
    }
}
