//! What answers the host functions where there is no portal: fixtures, which say themselves what is answered, and calls
//! by hand, which get nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use launchpad_domain::plugin_services::{FetchRequest, FetchResponse, LookupKind, Progress};
use launchpad_domain::{Grants, HostCallError, LaunchTypeId, PluginServices, SessionId, UserId};
use serde::Deserialize;
use serde_json::Value;

/// Refuses everything: what a plugin gets that is only tried.
#[derive(Debug, Clone, Copy)]
pub struct NothingGranted;

fn denied<T>() -> Result<T, HostCallError> {
    Err(HostCallError::new(
        "not-granted",
        "this call is only tried: nothing is kept, shown or fetched",
    ))
}

#[async_trait]
impl PluginServices for NothingGranted {
    async fn show_progress(&self, _: SessionId, _: Progress) {}
    async fn session_value(&self, _: SessionId, _: &str) -> Result<Option<String>, HostCallError> {
        denied()
    }
    async fn set_session_value(&self, _: SessionId, _: &str, _: Option<&str>) -> Result<(), HostCallError> {
        denied()
    }
    async fn plugin_value(&self, _: &LaunchTypeId, _: &str) -> Result<Option<String>, HostCallError> {
        denied()
    }
    async fn swap_plugin_value(
        &self,
        _: &LaunchTypeId,
        _: &str,
        _: Option<&str>,
        _: Option<&str>,
    ) -> Result<bool, HostCallError> {
        denied()
    }
    async fn secret(&self, _: &str) -> Result<String, HostCallError> {
        denied()
    }
    async fn fetch(&self, _: FetchRequest, _: &Grants) -> Result<FetchResponse, HostCallError> {
        denied()
    }
    async fn look_up(
        &self,
        _: Option<UserId>,
        _: LookupKind,
        _: &str,
    ) -> Result<Option<Value>, HostCallError> {
        denied()
    }
}

/// What a fixture's file `host` says that the host functions answer. What it does not name is not there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Recorded {
    /// What is kept for the session, by key.
    state: BTreeMap<String, String>,
    /// What is kept for the plugin, by key.
    kv: BTreeMap<String, String>,
    /// Secrets by name.
    secrets: BTreeMap<String, String>,
    /// Answers by method and address: `GET https://hub.example/api`.
    http: BTreeMap<String, FetchResponse>,
    /// Objects by kind and name: `apps/wiki`.
    lookup: BTreeMap<String, Value>,
}

/// A fixture's answers while it is played: what the plugin keeps is there for the rest of the call.
#[derive(Debug, Default)]
pub(crate) struct Played(Mutex<Recorded>);

impl Played {
    pub(crate) fn new(recorded: Recorded) -> Self {
        Self(Mutex::new(recorded))
    }

    fn now(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(values: &mut BTreeMap<String, String>, key: &str, value: Option<&str>) {
    match value {
        Some(value) => values.insert(key.to_owned(), value.to_owned()),
        None => values.remove(key),
    };
}

#[async_trait]
impl PluginServices for Played {
    async fn show_progress(&self, _: SessionId, _: Progress) {}

    async fn session_value(&self, _: SessionId, key: &str) -> Result<Option<String>, HostCallError> {
        Ok(self.now().state.get(key).cloned())
    }

    async fn set_session_value(
        &self,
        _: SessionId,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), HostCallError> {
        set(&mut self.now().state, key, value);
        Ok(())
    }

    async fn plugin_value(&self, _: &LaunchTypeId, key: &str) -> Result<Option<String>, HostCallError> {
        Ok(self.now().kv.get(key).cloned())
    }

    async fn swap_plugin_value(
        &self,
        _: &LaunchTypeId,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, HostCallError> {
        let mut now = self.now();
        let swaps = now.kv.get(key).map(String::as_str) == expected;
        if swaps {
            set(&mut now.kv, key, value);
        }
        Ok(swaps)
    }

    async fn secret(&self, name: &str) -> Result<String, HostCallError> {
        let found = self.now().secrets.get(name).cloned();
        found.ok_or_else(|| HostCallError::new("not-found", format!("the fixture has no secret `{name}`")))
    }

    async fn fetch(&self, request: FetchRequest, _: &Grants) -> Result<FetchResponse, HostCallError> {
        let name = format!("{} {}", request.method, request.url);
        let found = self.now().http.get(&name).cloned();
        found.ok_or_else(|| {
            HostCallError::new("unavailable", format!("the fixture has no answer to `{name}`"))
        })
    }

    async fn look_up(
        &self,
        _: Option<UserId>,
        kind: LookupKind,
        name: &str,
    ) -> Result<Option<Value>, HostCallError> {
        let kind = kind.as_str();
        Ok(self.now().lookup.get(&format!("{kind}/{name}")).cloned())
    }
}
