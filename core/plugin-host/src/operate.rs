//! The port to what is installed: what the administrator's page shows, and does.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use launchpad_domain::plugins::{
    Approval, CallLimits, CallRecord, LoadedPlugin, LogLine, PluginReport, PluginState, Tried, WaitingVersion,
};
use launchpad_domain::{FieldProblem, HookError, LaunchTypeId, Plugins, SessionId};
use serde_json::Value;

use crate::call::{Document, Hook};
use crate::host_calls::HostSide;
use crate::installed::{Installed, Loaded};
use crate::limits::MAX_CONTEXT;
use crate::manifest::CarrierKind;
use crate::plugin::Plugin;
use crate::{LoadError, NothingGranted, PluginHost};

#[async_trait]
impl Plugins for PluginHost {
    fn reports(&self) -> Vec<PluginReport> {
        let installed = self.installed.load();
        let loaded = installed
            .plugins
            .values()
            .map(|loaded| report(&installed, loaded));
        let holds = |source: &str| {
            let mut plugins = installed.plugins.values();
            plugins.any(|loaded| loaded.source.to_string() == source)
        };
        let failed = installed
            .failures
            .iter()
            .filter(|failure| !holds(&failure.source) && !installed.compiling.contains_key(&failure.source));
        let failed = failed.map(|failure| PluginReport {
            source: failure.source.clone(),
            state: PluginState::Failed,
            since: failure.since,
            problem: Some(failure.error.to_string()),
            loaded: None,
            waiting: None,
        });
        let compiling = installed
            .compiling
            .iter()
            .map(|(source, (_, since))| PluginReport {
                source: source.clone(),
                state: PluginState::Compiling,
                since: *since,
                problem: None,
                loaded: None,
                waiting: None,
            });
        loaded.chain(compiling).chain(failed).collect()
    }

    fn calls(&self, id: &LaunchTypeId) -> Result<Vec<CallRecord>, HookError> {
        Ok(self.find(id)?.plugin.journal.calls())
    }

    fn lines(&self, id: &LaunchTypeId) -> Result<Vec<LogLine>, HookError> {
        Ok(self.find(id)?.plugin.journal.lines())
    }

    async fn try_hook(&self, id: &LaunchTypeId, hook: &str, context: Value) -> Result<Tried, HookError> {
        let loaded = self.find(id)?;
        let wrong = |path: &str, message: String| {
            HookError::InvalidInput(vec![FieldProblem {
                path: path.to_owned(),
                message,
            }])
        };
        let hook = Hook::named(hook)
            .filter(|hook| loaded.plugin.has(*hook))
            .ok_or_else(|| wrong("hook", format!("the plugin has no hook `{hook}`")))?;
        let session = context.pointer("/session/id").cloned();
        let session = session.and_then(|id| serde_json::from_value::<SessionId>(id).ok());
        let document = Document::from(&context);
        if document.0.len() > MAX_CONTEXT {
            return Err(wrong(
                "context",
                format!("must have at most {} KiB", MAX_CONTEXT / 1_024),
            ));
        }
        let side = HostSide {
            session: session.filter(|_| hook.has_session()),
            // Nothing that is anybody's is looked up.
            user: None,
            grants: Arc::clone(&loaded.plugin.grants),
            services: Arc::new(NothingGranted),
        };
        let begun = Instant::now();
        let ended = loaded.plugin.run(hook, document, side).await;
        Ok(Tried {
            micros: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            answer: ended.unwrap_or_else(|ended| ended.document()),
        })
    }

    fn switch(&self, id: &LaunchTypeId, on: bool) -> Result<(), HookError> {
        self.find(id)?;
        self.installed.rcu(|current| {
            let mut next = Installed::clone(current);
            if on {
                next.off.remove(id);
            } else {
                next.off.insert(id.clone());
            }
            next
        });
        Ok(())
    }

    async fn approve(&self, approval: Approval) {
        let place = approval.source.clone();
        if !self.loader.approvals.approve(approval) {
            return;
        }
        let _one_at_a_time = self.reloading.lock().await;
        let (sources, _) = self.sources();
        if let Some(source) = sources.into_iter().find(|source| source.to_string() == place) {
            self.take_up(source).await;
        }
    }

    async fn reload(&self) {
        for loaded in self.installed.load().plugins.values() {
            loaded.plugin.breakers.reset();
        }
        self.forget_failures();
        self.take_up_changes().await;
    }
}

fn report(installed: &Installed, loaded: &Loaded) -> PluginReport {
    let plugin = &loaded.plugin;
    let source = loaded.source.to_string();
    let newer = installed.failures.iter().find(|failure| failure.source == source);
    PluginReport {
        state: if installed.off.contains(&plugin.manifest.id) {
            PluginState::Off
        } else {
            PluginState::Loaded
        },
        since: loaded.since,
        problem: newer.map(|failure| format!("A newer version was not taken: {}", failure.error)),
        loaded: Some(known(plugin)),
        waiting: newer.and_then(|failure| waiting(&failure.error)),
        source,
    }
}

fn waiting(error: &LoadError) -> Option<WaitingVersion> {
    match error {
        LoadError::Ungranted(version) => Some(version.clone()),
        _ => None,
    }
}

fn known(plugin: &Plugin) -> LoadedPlugin {
    let manifest = &plugin.manifest;
    let limits = &plugin.limits;
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    LoadedPlugin {
        id: manifest.id.clone(),
        name: manifest.name.clone(),
        description: manifest.description.clone(),
        version: manifest.version.to_string(),
        digest: plugin.digest.clone(),
        opens: manifest.opens,
        carrier: match manifest.carrier {
            CarrierKind::Wasm => "wasm",
            CarrierKind::Rhai => "rhai",
        },
        hooks: Hook::ALL
            .into_iter()
            .filter(|hook| plugin.has(*hook))
            .map(Hook::name)
            .collect(),
        asked: manifest.asked.0.iter().cloned().collect(),
        granted: plugin.grants.0.iter().cloned().collect(),
        approved: plugin.approved.iter().cloned().collect(),
        limits: CallLimits {
            cpu_ms: millis(limits.cpu),
            wall_ms: millis(limits.wall),
            memory_mib: (limits.memory / (1_024 * 1_024)) as u64,
        },
        figures: plugin.journal.figures(),
        resting: plugin.breakers.open(),
    }
}
