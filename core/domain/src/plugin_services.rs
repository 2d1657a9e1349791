//! The port behind the host functions of plugins: what a plugin may keep, show, read and ask for during a call.
//!
//! The plugin host has checked the plugin's grants, the sizes of keys and values and the number of calls before it
//! comes here; whoever implements this keeps the totals and talks to the outside.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Grants, LaunchTypeId, SessionId, UserId};

/// Why a host function gave no answer. Plugins get it as an error that they may handle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct HostCallError {
    /// `not-granted`, `invalid-input`, `too-large`, `no-session`, `not-found`, `unavailable` or `limit`.
    pub code: &'static str,
    /// One sentence for the plugin's author.
    pub message: String,
}

impl HostCallError {
    /// An error with this code.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// How far a plugin says that it has come; shown on the launch page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// 0 to 100, if it said so.
    pub percent: Option<u8>,
    /// One line.
    pub message: String,
}

/// What a plugin wants fetched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchRequest {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`; `GET` unless said.
    #[serde(default = "get")]
    pub method: String,
    /// The address.
    pub url: String,
    /// Header fields by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, as text.
    #[serde(default)]
    pub body: String,
}

fn get() -> String {
    "GET".to_owned()
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchResponse {
    /// The HTTP status.
    pub status: u16,
    /// Header fields by their names in lower case; of several with one name the last.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body; bytes that are not UTF-8 are replaced.
    #[serde(default)]
    pub body: String,
}

/// What plugins may look up. Of what belongs to accounts, only that of the user for whom the hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupKind {
    /// `apps`: an app of the catalogue, by its id.
    Apps,
    /// `sessions`: a live session of the user's by its id, or `*` for all of them.
    Sessions,
    /// `persistentvolumeclaims`: a workspace of the user's by its name, or `*` for all of them.
    PersistentVolumeClaims,
}

impl LookupKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Apps, Self::Sessions, Self::PersistentVolumeClaims];

    /// Its name in manifests and calls.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::Sessions => "sessions",
            Self::PersistentVolumeClaims => "persistentvolumeclaims",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What host functions need from the rest of the portal.
#[async_trait]
pub trait PluginServices: Send + Sync + fmt::Debug {
    /// Shows how far a launch is.
    async fn show_progress(&self, session: SessionId, progress: Progress);

    /// A value that the plugin kept for a session.
    async fn session_value(&self, session: SessionId, key: &str) -> Result<Option<String>, HostCallError>;

    /// Keeps a value for a session, or forgets it; 64 KiB in all. Forgotten with the session's workload.
    async fn set_session_value(
        &self,
        session: SessionId,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), HostCallError>;

    /// A value that the plugin keeps for all its calls.
    async fn plugin_value(&self, plugin: &LaunchTypeId, key: &str) -> Result<Option<String>, HostCallError>;

    /// Replaces a value if it is what the plugin expects; 1 MiB in all. Answers whether it was.
    async fn swap_plugin_value(
        &self,
        plugin: &LaunchTypeId,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, HostCallError>;

    /// The operator's secret with this name.
    async fn secret(&self, name: &str) -> Result<String, HostCallError>;

    /// Fetches an address; each redirect must be allowed as well.
    async fn fetch(&self, request: FetchRequest, allowed: &Grants) -> Result<FetchResponse, HostCallError>;

    /// An object that plugins may know of, by kind and name: see [`LookupKind`]. `user`: for whom the hook is called.
    async fn look_up(
        &self,
        user: Option<UserId>,
        kind: LookupKind,
        name: &str,
    ) -> Result<Option<Value>, HostCallError>;
}
