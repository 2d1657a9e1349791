//! The port to what is installed: what an administrator sees of plugins, and does with them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::{HookError, LaunchTypeId, Opens};

/// What a plugin is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginState {
    /// It answers.
    Loaded,
    /// An administrator switched it off.
    Off,
    /// It could not be loaded.
    Failed,
    /// Its component is being compiled for the first time, which may take a minute.
    Compiling,
}

impl PluginState {
    /// As a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Off => "off",
            Self::Failed => "failed",
            Self::Compiling => "compiling",
        }
    }
}

/// A plugin as its page shows it.
#[derive(Debug, Clone, Serialize)]
pub struct PluginReport {
    /// Where it comes from: its folder, or `shipped plugin NAME`.
    pub source: String,
    /// What it is doing.
    pub state: PluginState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What is wrong: why it was not loaded, or why a newer version of it was not.
    pub problem: Option<String>,
    /// What is known of a plugin that was loaded.
    pub loaded: Option<LoadedPlugin>,
    /// Its newer version that waits for an administrator.
    pub waiting: Option<WaitingVersion>,
}

impl PluginReport {
    /// Whether the version that runs, or one that waits, asks for this power.
    pub fn asks_for(&self, word: &str) -> bool {
        let running = self.loaded.iter().flat_map(|loaded| &loaded.asked);
        let waiting = self.waiting.iter().flat_map(|waiting| &waiting.asked);
        running.chain(waiting).any(|asked| asked == word)
    }
}

/// A version of a plugin that asks for more than the one that runs, and is not taken up before that is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingVersion {
    /// Its version.
    pub version: String,
    /// All the capabilities that it asks for.
    pub asked: Vec<String>,
    /// Those of them that nobody has granted.
    pub lacking: Vec<String>,
}

/// Powers that an administrator gave a plugin. They are the plugin's with this id in this place alone: another with the
/// same id elsewhere has none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The plugin.
    pub id: LaunchTypeId,
    /// Where it comes from: see [`PluginReport::source`].
    pub source: String,
    /// The capabilities, as words.
    pub capabilities: BTreeSet<String>,
}

/// What is known of a plugin that was loaded.
#[derive(Debug, Clone, Serialize)]
pub struct LoadedPlugin {
    /// Its id, which is its launch type's.
    pub id: LaunchTypeId,
    /// Its name for people.
    pub name: String,
    /// One sentence about it.
    pub description: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its files, in hexadecimal.
    pub digest: String,
    /// What it opens.
    pub opens: Opens,
    /// `wasm` or `rhai`.
    pub carrier: &'static str,
    /// The hooks that it has.
    pub hooks: Vec<&'static str>,
    /// The capabilities that it asks for.
    pub asked: Vec<String>,
    /// Those of them that it was given.
    pub granted: Vec<String>,
    /// Those of the given ones that no configuration gives: an administrator did, and may take them back.
    pub approved: Vec<String>,
    /// What one call may use.
    pub limits: CallLimits,
    /// How its calls went.
    pub figures: CallFigures,
    /// Hooks that are not called for a while, because they failed too often.
    pub resting: Vec<&'static str>,
}

/// What one call may use.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CallLimits {
    /// Milliseconds that it computes.
    pub cpu_ms: u64,
    /// Milliseconds from start to end.
    pub wall_ms: u64,
    /// Mebibytes of memory; components only.
    pub memory_mib: u64,
}

/// How a plugin's calls went since it was loaded; times over its last calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CallFigures {
    /// All calls.
    pub calls: u64,
    /// Those that it answered with an error of its own.
    pub refused: u64,
    /// Those in which it had to be stopped, or could not be understood.
    pub faults: u64,
    /// The middle one of the last calls, in microseconds.
    pub p50_us: u64,
    /// The slowest but the slowest twentieth of them, in microseconds.
    pub p95_us: u64,
}

/// One of the last calls.
#[derive(Debug, Clone, Serialize)]
pub struct CallRecord {
    /// Counts the plugin's calls; names this one.
    pub number: u64,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The hook.
    pub hook: &'static str,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// How it ended.
    pub outcome: CallOutcome,
    /// What the plugin or the server said of a call that was not answered; with the reference that the user saw.
    pub message: String,
    /// What it was called with, if that was not too large to be kept.
    pub context: Option<Value>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallOutcome {
    /// With a document.
    Answered,
    /// With an error of the plugin's.
    Refused,
    /// The plugin had to be stopped, or could not be understood.
    Fault,
}

impl CallOutcome {
    /// As a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Fault => "fault",
        }
    }
}

/// A line that a plugin wrote.
#[derive(Debug, Clone, Serialize)]
pub struct LogLine {
    /// When.
    pub at: DateTime<Utc>,
    /// `error`, `warn`, `info` or `debug`.
    pub level: &'static str,
    /// The hook that wrote it.
    pub hook: &'static str,
    /// What it says.
    pub message: String,
}

/// What came of a call that was tried by hand.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    /// The document, or `{"error": ...}`, or `{"fault": ...}`.
    pub answer: Value,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// The plugins that are installed, as an administrator deals with them.
#[async_trait]
pub trait Plugins: Send + Sync + std::fmt::Debug {
    /// All of them, also those that could not be loaded, in the order in which they were found.
    fn reports(&self) -> Vec<PluginReport>;

    /// The last calls of a plugin, newest first.
    fn calls(&self, id: &LaunchTypeId) -> Result<Vec<CallRecord>, HookError>;

    /// The last lines that a plugin wrote, newest first.
    fn lines(&self, id: &LaunchTypeId) -> Result<Vec<LogLine>, HookError>;

    /// Calls a hook as the session manager would, but keeps, shows and fetches nothing: host functions that would
    /// answer the error `not-granted`.
    async fn try_hook(&self, id: &LaunchTypeId, hook: &str, context: Value) -> Result<Tried, HookError>;

    /// Switches a plugin on or off, in memory; who calls this keeps it.
    fn switch(&self, id: &LaunchTypeId, on: bool) -> Result<(), HookError>;

    /// Gives a plugin what an administrator approved, in place of what was approved for it before, and takes up a version
    /// that waited for it. In memory; who calls this keeps it.
    async fn approve(&self, approval: Approval);

    /// Looks at every folder now, and takes what has changed. Hooks that rest are called again.
    async fn reload(&self);
}
