//! The port behind the host functions.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use launchpad_domain::plugin_services::{FetchRequest, FetchResponse, LookupKind, Progress};
use launchpad_domain::{
    AppId, Grants, HostCallError, LaunchTypeId, PluginServices, Runtime, SessionId, UserId,
};
use launchpad_store::{Store, StoreError};
use serde_json::{Value, json};

use super::fetch::{FetchRules, Fetcher};
use super::progress::Progresses;
use super::secrets::Secrets;

/// The name that stands for all objects of a kind.
const ALL: &str = "*";
/// Most objects that are looked up at once.
const LISTED: u64 = 200;

/// What host functions need of the portal. Built before the plugins are loaded.
#[derive(Debug, Clone)]
pub struct PluginSupport {
    store: Store,
    /// None: this portal has no engine.
    runtime: Option<Arc<dyn Runtime>>,
    pub(crate) secrets: Secrets,
    fetcher: Fetcher,
    pub(crate) progresses: Progresses,
}

impl PluginSupport {
    /// Over an open database and an engine, with the operator's folder of secrets.
    pub fn new(
        store: Store,
        runtime: Option<Arc<dyn Runtime>>,
        secrets: Option<PathBuf>,
        rules: FetchRules,
    ) -> Self {
        Self {
            runtime,
            secrets: Secrets::new(secrets),
            fetcher: Fetcher::new(rules),
            progresses: Progresses::new(store.clone()),
            store,
        }
    }
}

fn refused(error: StoreError) -> HostCallError {
    match error {
        StoreError::OverSize { .. } => HostCallError::new("too-large", error.to_string()),
        StoreError::Gone(_) => HostCallError::new("no-session", error.to_string()),
        other => {
            tracing::error!(error = %other, "a plugin's value could not be read or kept");
            HostCallError::new("unavailable", "the database did not answer")
        }
    }
}

#[async_trait]
impl PluginServices for PluginSupport {
    async fn show_progress(&self, session: SessionId, progress: Progress) {
        self.progresses.show(session, progress).await;
    }

    async fn session_value(&self, session: SessionId, key: &str) -> Result<Option<String>, HostCallError> {
        let values = self.store.plugin_values();
        values.of_session(session, key).await.map_err(refused)
    }

    async fn set_session_value(
        &self,
        session: SessionId,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), HostCallError> {
        let values = self.store.plugin_values();
        values.set_of_session(session, key, value).await.map_err(refused)
    }

    async fn plugin_value(&self, plugin: &LaunchTypeId, key: &str) -> Result<Option<String>, HostCallError> {
        let values = self.store.plugin_values();
        values.of_plugin(plugin, key).await.map_err(refused)
    }

    async fn swap_plugin_value(
        &self,
        plugin: &LaunchTypeId,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, HostCallError> {
        let values = self.store.plugin_values();
        values
            .swap_of_plugin(plugin, key, expected, value)
            .await
            .map_err(refused)
    }

    async fn secret(&self, name: &str) -> Result<String, HostCallError> {
        self.secrets.read(name).await
    }

    async fn fetch(&self, request: FetchRequest, allowed: &Grants) -> Result<FetchResponse, HostCallError> {
        self.fetcher.fetch(request, allowed).await
    }

    async fn look_up(
        &self,
        user: Option<UserId>,
        kind: LookupKind,
        name: &str,
    ) -> Result<Option<Value>, HostCallError> {
        match kind {
            LookupKind::Apps => self.app(name).await,
            LookupKind::Sessions => self.sessions(user, name).await,
            LookupKind::PersistentVolumeClaims => self.claims(user, name).await,
        }
    }
}

impl PluginSupport {
    async fn app(&self, id: &str) -> Result<Option<Value>, HostCallError> {
        let Ok(id) = id.parse::<AppId>() else {
            return Ok(None);
        };
        let found = self.store.apps().get(&id).await.map_err(refused)?;
        found
            .map(|stored| serde_json::to_value(stored.app))
            .transpose()
            .map_err(|error| HostCallError::new("unavailable", error.to_string()))
    }

    async fn sessions(&self, user: Option<UserId>, name: &str) -> Result<Option<Value>, HostCallError> {
        let sessions = match user {
            Some(user) => self.store.sessions().live_of_user(user, LISTED).await,
            None => Ok(Vec::new()),
        };
        let sessions = sessions.map_err(refused)?;
        let known = sessions.into_iter().map(|session| {
            json!({"id": session.id, "app_id": session.app_id, "app_name": session.app_name,
                   "status": session.status, "created_at": session.created_at})
        });
        Ok(named(known, "id", name))
    }

    async fn claims(&self, user: Option<UserId>, name: &str) -> Result<Option<Value>, HostCallError> {
        let (Some(runtime), Some(user)) = (&self.runtime, user) else {
            return Ok(named(std::iter::empty(), "name", name));
        };
        let found = runtime.workspaces().await.map_err(|error| {
            tracing::warn!(%error, "a plugin could not look up workspaces");
            HostCallError::new("unavailable", "the engine did not answer")
        })?;
        let own = found
            .into_iter()
            .filter(|workspace| workspace.user == Some(user))
            .take(usize::try_from(LISTED).unwrap_or(usize::MAX))
            .map(|workspace| {
                json!({"name": workspace.name.as_str(), "app_id": workspace.app, "session_id": workspace.session,
                       "size": workspace.size, "created_at": workspace.created_at})
            });
        Ok(named(own, "name", name))
    }
}

/// All of some objects, for the name `*`; or the one whose field has the name.
fn named(mut objects: impl Iterator<Item = Value>, field: &str, name: &str) -> Option<Value> {
    if name == ALL {
        return Some(json!({"items": objects.collect::<Vec<_>>()}));
    }
    objects.find(|object| object[field] == name)
}
