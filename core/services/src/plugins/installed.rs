//! What an administrator sees of the installed plugins, and does with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use launchpad_domain::plugins::{Approval, CallRecord, LogLine, PluginReport, Tried};
use launchpad_domain::{Actor, AuditAction, Clock, HookError, LaunchTypeId, Plugins, Problems};
use launchpad_store::Store;
use serde_json::Value;

use crate::ServiceError;

/// The installed plugins.
#[derive(Debug, Clone)]
pub struct InstalledPlugins {
    plugins: Arc<dyn Plugins>,
    store: Store,
    clock: Arc<dyn Clock>,
}

impl InstalledPlugins {
    pub(crate) fn new(plugins: Arc<dyn Plugins>, store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            plugins,
            store,
            clock,
        }
    }

    /// All of them, also those that could not be loaded.
    pub fn list(&self) -> Vec<PluginReport> {
        self.plugins.reports()
    }

    /// The loaded plugin with this id.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, id: &LaunchTypeId) -> Result<PluginReport, ServiceError> {
        let named = |report: &PluginReport| report.loaded.as_ref().is_some_and(|loaded| loaded.id == *id);
        self.list()
            .into_iter()
            .find(named)
            .ok_or(ServiceError::NotFound("plugin"))
    }

    /// Its last calls, newest first.
    ///
    /// # Errors
    /// There is no such plugin.
    pub fn calls(&self, id: &LaunchTypeId) -> Result<Vec<CallRecord>, ServiceError> {
        self.plugins.calls(id).map_err(unknown)
    }

    /// The last lines that it wrote, newest first.
    ///
    /// # Errors
    /// There is no such plugin.
    pub fn lines(&self, id: &LaunchTypeId) -> Result<Vec<LogLine>, ServiceError> {
        self.plugins.lines(id).map_err(unknown)
    }

    /// Calls a hook without any effect.
    ///
    /// # Errors
    /// No such plugin or hook, or a context that is too large.
    pub async fn try_hook(
        &self,
        id: &LaunchTypeId,
        hook: &str,
        context: Value,
    ) -> Result<Tried, ServiceError> {
        self.plugins.try_hook(id, hook, context).await.map_err(unknown)
    }

    /// Switches a plugin on or off; so it stays after a restart. What it is already is no error.
    ///
    /// # Errors
    /// There is no such plugin.
    pub async fn switch(&self, actor: &Actor, id: &LaunchTypeId, on: bool) -> Result<(), ServiceError> {
        self.get(id)?;
        self.store
            .plugin_values()
            .switch(actor, id, on, self.clock.now())
            .await?;
        self.plugins.switch(id, on).map_err(unknown)
    }

    /// Gives a plugin these powers beside those that the configuration gives it, and takes back what was given so before.
    /// A version that waited for them is taken up.
    ///
    /// # Errors
    /// There is no such plugin, or it asks for no such power: neither the version that runs nor one that waits.
    pub async fn grant(
        &self,
        actor: &Actor,
        id: &LaunchTypeId,
        capabilities: BTreeSet<String>,
    ) -> Result<(), ServiceError> {
        let report = self.get(id)?;
        let mut problems = Problems::default();
        for word in &capabilities {
            if !report.asks_for(word) {
                problems.add(
                    "capabilities",
                    format!("`{word}` is nothing that the plugin asks for"),
                );
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        // What the configuration gives anyway stays its own.
        let given = |word: &String| {
            let mut loaded = report.loaded.iter();
            loaded.any(|loaded| loaded.granted.contains(word) && !loaded.approved.contains(word))
        };
        let approval = Approval {
            id: id.clone(),
            capabilities: capabilities.into_iter().filter(|word| !given(word)).collect(),
            source: report.source,
        };
        self.store
            .plugin_grants()
            .replace(actor, &approval, self.clock.now())
            .await?;
        self.plugins.approve(approval).await;
        Ok(())
    }

    /// Looks at the folders now.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn reload(&self, actor: &Actor) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.store
            .audit()
            .record(actor, AuditAction::ReloadPlugins, "all plugins", now)
            .await?;
        self.plugins.reload().await;
        Ok(())
    }

    /// Switches on and off, and gives, what the database says, which an earlier process or another portal has changed.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn take_up(&self) -> Result<(), ServiceError> {
        let off = self.store.plugin_values().off().await?;
        let loaded = self
            .list()
            .into_iter()
            .filter_map(|report| Some(report.loaded?.id));
        for id in loaded.filter(|id| !off.contains(id)) {
            let _ = self.plugins.switch(&id, true);
        }
        for id in off {
            // A plugin that is not installed any more stays off should it come back.
            let _ = self.plugins.switch(&id, false);
        }
        for approval in self.store.plugin_grants().all().await? {
            self.plugins.approve(approval).await;
        }
        Ok(())
    }
}

fn unknown(error: HookError) -> ServiceError {
    match error {
        HookError::UnknownLaunchType { .. } => ServiceError::NotFound("plugin"),
        other => other.into(),
    }
}
