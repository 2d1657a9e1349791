//! New versions while the server runs: read, compiled and tried before they take the place of the old one, which a bad
//! version never does.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::host::{Installed, Loaded};
use crate::plugin::Plugin;
use crate::recorded::play_all;
use crate::{LoadError, PluginHost, Source};

/// How often the folders are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// A folder that has just changed is left alone until it has not changed for so long: a copy may be under way.
const QUIET: Duration = Duration::from_millis(200);
/// And read after so many looks in any case.
const MOST_LOOKS: usize = 25;

impl PluginHost {
    /// Takes up what changes in the folders, until it is stopped.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => self.take_up_changes().await,
            }
        }
    }

    /// Looks at every place, and takes up what is new, changed or gone.
    pub async fn take_up_changes(&self) {
        let _one_at_a_time = self.reloading.lock().await;
        let (sources, unreadable) = self.sources();
        if self.changed(&sources).is_empty() && !self.some_are_gone(&sources) {
            return;
        }
        let sources = if unreadable.is_empty() {
            self.settled(sources).await
        } else {
            // A folder that cannot be read just now takes no plugin away.
            for (folder, error) in unreadable {
                tracing::warn!(folder, %error, "a folder of plugins cannot be read; what was loaded from it stays");
            }
            return;
        };
        let now = self.loader.clock.now();
        let mut next = Installed::clone(&self.installed.load());
        self.drop_gone(&mut next, &sources);
        let changed = self.changed(&sources);
        for source in &changed {
            let name = source.to_string();
            next.looks.insert(name.clone(), source.look());
            next.failures.retain(|failure| failure.source != name);
        }
        for (source, plugin) in self.compile(changed).await {
            let name = source.to_string();
            match self.approve(&next, plugin, &source).await {
                Ok(plugin) => {
                    let same_place = |loaded: &&Arc<Loaded>| loaded.source.to_string() == name;
                    let replaced = next.plugins.values().find(same_place).cloned();
                    if let Some(old) = replaced {
                        next.plugins.remove(&old.plugin.manifest.id);
                        self.retain(old);
                    }
                    next.add(plugin, source, now);
                }
                Err(error) => next.fail(name, error, now),
            }
        }
        // Switching on and off meanwhile must not be undone.
        self.installed.rcu(|current| Installed {
            off: current.off.clone(),
            ..next.clone()
        });
    }

    /// The places that do not look as they did when they were read.
    fn changed(&self, sources: &[Source]) -> Vec<Source> {
        let installed = self.installed.load();
        let changed = |source: &&Source| installed.looks.get(&source.to_string()) != Some(&source.look());
        sources.iter().filter(changed).cloned().collect()
    }

    fn some_are_gone(&self, sources: &[Source]) -> bool {
        let installed = self.installed.load();
        installed
            .looks
            .keys()
            .any(|name| sources.iter().all(|source| source.to_string() != *name))
    }

    /// The places once nothing changes in them any more.
    async fn settled(&self, mut sources: Vec<Source>) -> Vec<Source> {
        let look = |sources: &[Source]| sources.iter().map(Source::look).collect::<Vec<_>>();
        let mut before = look(&sources);
        for _ in 0..MOST_LOOKS {
            tokio::time::sleep(QUIET).await;
            sources = self.sources().0;
            let after = look(&sources);
            if after == before {
                break;
            }
            before = after;
        }
        sources
    }

    /// Forgets the plugins whose folder is gone; their sessions are still seen out.
    fn drop_gone(&self, next: &mut Installed, sources: &[Source]) {
        let there = |name: &str| sources.iter().any(|source| source.to_string() == name);
        let gone: Vec<_> = next
            .plugins
            .iter()
            .filter(|(_, loaded)| !there(&loaded.source.to_string()))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            if let Some(old) = next.plugins.remove(&id) {
                tracing::info!(plugin = &*old.plugin.label, "plugin removed");
                self.retain(old);
            }
        }
        next.looks.retain(|name, _| there(name));
        next.failures.retain(|failure| there(&failure.source));
    }

    /// Whether a new version may take its place: its id is free, it asks for nothing that an administrator must first
    /// grant, and its own recorded calls go as they say.
    async fn approve(
        &self,
        next: &Installed,
        plugin: Result<Plugin, LoadError>,
        source: &Source,
    ) -> Result<Plugin, LoadError> {
        let plugin = plugin?;
        next.admit(&plugin, source)?;
        if let Some(old) = next.plugins.get(&plugin.manifest.id) {
            let ungranted = plugin.manifest.asked.lacking(&plugin.grants);
            let new: Vec<_> = ungranted
                .filter(|word| !old.plugin.manifest.asked.0.contains(*word))
                .cloned()
                .collect();
            if !new.is_empty() {
                return Err(LoadError::Ungranted(new));
            }
        }
        for replay in play_all(&plugin, source).await {
            if let Some(difference) = replay.difference {
                return Err(LoadError::Test {
                    name: replay.name,
                    difference,
                });
            }
        }
        Ok(plugin)
    }
}
