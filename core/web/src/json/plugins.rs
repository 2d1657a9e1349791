//! The documents about installed plugins.

use chrono::{DateTime, Utc};
use launchpad_domain::plugins::{CallRecord, LoadedPlugin, PluginReport, WaitingVersion};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An installed plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plugin)]
pub(crate) struct PluginDocument {
    /// Its folder, or `shipped plugin NAME`.
    source: String,
    /// loaded, off, failed or compiling.
    state: &'static str,
    since: DateTime<Utc>,
    /// Why it was not loaded, or why a newer version of it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(flatten)]
    loaded: Option<LoadedDocument>,
    /// A newer version that waits for an administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<WaitingDocument>,
}

/// A version that asks for more than the one that runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaitingDocument {
    version: String,
    /// All the capabilities that it asks for.
    asked: Vec<String>,
    /// Those that nobody has granted.
    lacking: Vec<String>,
}

impl From<WaitingVersion> for WaitingDocument {
    fn from(waiting: WaitingVersion) -> Self {
        Self {
            version: waiting.version,
            asked: waiting.asked,
            lacking: waiting.lacking,
        }
    }
}

/// What is known of a plugin that was loaded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoadedDocument {
    id: String,
    name: String,
    version: String,
    /// SHA-256 of its files.
    digest: String,
    /// wasm or rhai.
    carrier: &'static str,
    hooks: Vec<&'static str>,
    /// The capabilities that it asks for.
    asked: Vec<String>,
    /// Those of them that it was given.
    granted: Vec<String>,
    /// Those of the given ones that an administrator gave, and no configuration.
    approved: Vec<String>,
    /// Milliseconds that a call may compute.
    cpu_ms: u64,
    /// Milliseconds that a call may take.
    wall_ms: u64,
    /// Mebibytes that a call may use.
    memory_mib: u64,
    calls: u64,
    /// Calls that it answered with an error of its own.
    refused: u64,
    /// Calls in which it had to be stopped.
    faults: u64,
    /// Microseconds of the middle one of its last calls.
    p50_us: u64,
    /// Microseconds that 95 of 100 of its last calls stay under.
    p95_us: u64,
    /// Hooks that are not called for a while because they failed too often.
    resting: Vec<&'static str>,
}

/// One of a plugin's last calls.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginCall)]
pub(crate) struct CallDocument {
    number: u64,
    at: DateTime<Utc>,
    hook: &'static str,
    micros: u64,
    /// answered, refused or fault.
    outcome: &'static str,
    message: String,
    /// What it was called with, if that was kept.
    #[schema(value_type = Option<Object>)]
    context: Option<Value>,
}

impl From<PluginReport> for PluginDocument {
    fn from(report: PluginReport) -> Self {
        Self {
            source: report.source,
            state: report.state.as_str(),
            since: report.since,
            problem: report.problem,
            loaded: report.loaded.map(LoadedDocument::from),
            waiting: report.waiting.map(WaitingDocument::from),
        }
    }
}

impl From<LoadedPlugin> for LoadedDocument {
    fn from(plugin: LoadedPlugin) -> Self {
        Self {
            id: plugin.id.to_string(),
            name: plugin.name,
            version: plugin.version,
            digest: plugin.digest,
            carrier: plugin.carrier,
            hooks: plugin.hooks,
            asked: plugin.asked,
            granted: plugin.granted,
            approved: plugin.approved,
            cpu_ms: plugin.limits.cpu_ms,
            wall_ms: plugin.limits.wall_ms,
            memory_mib: plugin.limits.memory_mib,
            calls: plugin.figures.calls,
            refused: plugin.figures.refused,
            faults: plugin.figures.faults,
            p50_us: plugin.figures.p50_us,
            p95_us: plugin.figures.p95_us,
            resting: plugin.resting,
        }
    }
}

impl From<CallRecord> for CallDocument {
    fn from(call: CallRecord) -> Self {
        Self {
            number: call.number,
            at: call.at,
            hook: call.hook,
            micros: call.micros,
            outcome: call.outcome.as_str(),
            message: call.message,
            context: call.context,
        }
    }
}
