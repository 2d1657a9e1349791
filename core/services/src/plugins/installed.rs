//! What an administrator sees of the installed plugins, and does with them.

use std::sync::Arc;

use launchpad_domain::plugins::{CallRecord, LogLine, PluginReport, Tried};
use launchpad_domain::{Actor, AuditAction, Clock, HookError, LaunchTypeId, Plugins};
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

    /// Switches off what was switched off before the start.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn take_up(&self) -> Result<(), ServiceError> {
        for id in self.store.plugin_values().off().await? {
            // A plugin that is not installed any more stays off should it come back.
            let _ = self.plugins.switch(&id, false);
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
