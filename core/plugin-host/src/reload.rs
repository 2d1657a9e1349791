//! New versions while the server runs: read, compiled and tried before they take the place of the old one, which a bad
//! version never does.

use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::plugins::WaitingVersion;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::installed::{Installed, Loaded};
use crate::plugin::Plugin;
use crate::recorded::play_all;
use crate::{Failure, LoadError, PluginHost, Source};

/// How often the folders are looked at, beside what the kernel tells.
const LOOK: Duration = Duration::from_secs(2);
/// A folder that has just changed is left alone until it has not changed for so long: a copy may be under way.
const QUIET: Duration = Duration::from_millis(100);
/// And read after so many looks in any case.
const MOST_LOOKS: usize = 50;

impl PluginHost {
    /// Takes up what changes in the folders, until it is stopped.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let news = Arc::new(Notify::new());
        // Kept while this runs: the watch ends with it.
        let _watcher = self.listen(&news);
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {}
                () = news.notified() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.take_up_changes() => {}
            }
        }
    }

    /// Has the kernel tell when something changes in the folders. Where it does not, looking at them every few seconds must
    /// do: it also sees what happens behind links that lead out of them.
    fn listen(&self, news: &Arc<Notify>) -> Option<RecommendedWatcher> {
        let news = Arc::clone(news);
        let told = move |event: notify::Result<notify::Event>| {
            // Reading a file is no news; an error may be one that hides some.
            if event.map_or(true, |event| !event.kind.is_access()) {
                news.notify_one();
            }
        };
        let untold = |error: &notify::Error| {
            tracing::warn!(%error, "changes in folders of plugins are noticed a little later");
        };
        let mut watcher = notify::recommended_watcher(told).inspect_err(untold).ok()?;
        for folder in &self.places.1 {
            // A folder that is not there yet is looked at as well.
            let _ = watcher
                .watch(folder, RecursiveMode::Recursive)
                .inspect_err(untold);
        }
        Some(watcher)
    }

    /// Looks at every place, and takes up what is new, changed or gone.
    pub async fn take_up_changes(&self) {
        let _one_at_a_time = self.reloading.lock().await;
        let (sources, unreadable) = self.sources();
        if self.changed(&sources).is_empty() && !self.some_are_gone(&sources) {
            return;
        }
        if !unreadable.is_empty() {
            // A folder that cannot be read just now takes no plugin away.
            for (folder, error) in unreadable {
                tracing::warn!(folder, %error, "a folder of plugins cannot be read; what was loaded from it stays");
            }
            return;
        }
        let sources = self.settled(sources).await;
        self.drop_gone(&sources);
        for source in self.changed(&sources) {
            self.take_up(source).await;
        }
        self.sweep();
    }

    /// Reads one place again; the plugin there takes the place of the one before it if it may. Others are not waited for.
    pub(crate) async fn take_up(&self, source: Source) {
        // Before it is read: what changes meanwhile is seen at the next look.
        let look = source.look();
        let place = source.to_string();
        let plugin = self.compiled(&source).await;
        let installed = self.installed.load_full();
        let approved = self.approve_version(&installed, plugin, &source).await;
        let now = self.loader.clock.now();
        let outcome = approved
            .map(|plugin| Loaded::new(plugin, source, now))
            .map_err(|error| Failure::new(place.clone(), error, now));
        // Switching on and off meanwhile is not undone.
        let before = self.installed.rcu(|current| {
            let mut next = Installed::clone(current);
            next.looks.insert(place.clone(), look);
            next.compiling.remove(&place);
            next.failures.retain(|failure| failure.source != place);
            match &outcome {
                Ok(loaded) => {
                    next.plugins
                        .retain(|_, before| before.source.to_string() != place);
                    next.add(Arc::clone(loaded));
                }
                Err(failure) => next.fail(failure.clone()),
            }
            next
        });
        if let (Ok(_), Some(old)) = (&outcome, before.at_place(&place)) {
            self.retain(Arc::clone(old));
        }
    }

    /// Looks again, at the next opportunity, at what could not be loaded.
    pub(crate) fn forget_failures(&self) {
        self.installed.rcu(|current| {
            let mut next = Installed::clone(current);
            for failure in &current.failures {
                next.looks.remove(&failure.source);
            }
            next
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
    fn drop_gone(&self, sources: &[Source]) {
        let there = |name: &str| sources.iter().any(|source| source.to_string() == name);
        let before = self.installed.rcu(|current| {
            let mut next = Installed::clone(current);
            next.plugins.retain(|_, loaded| there(&loaded.source.to_string()));
            next.looks.retain(|name, _| there(name));
            next.compiling.retain(|name, _| there(name));
            next.failures.retain(|failure| there(&failure.source));
            next
        });
        for old in before.plugins.values() {
            if !there(&old.source.to_string()) {
                tracing::info!(plugin = &*old.plugin.label, "plugin removed");
                self.retain(Arc::clone(old));
            }
        }
    }

    /// Whether a new version may take its place: its id is free, it asks for nothing that an administrator must first
    /// grant, and its own recorded calls go as they say.
    async fn approve_version(
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
                return Err(LoadError::Ungranted(WaitingVersion {
                    version: plugin.version,
                    asked: plugin.manifest.asked.0.into_iter().collect(),
                    lacking: new,
                }));
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
