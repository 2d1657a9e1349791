//! Why a plugin was not loaded.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use launchpad_domain::Problems;
use launchpad_domain::plugins::WaitingVersion;

/// Why a plugin was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is missing, too large, or outside the plugin's folder.
    #[error("{name} cannot be read: {reason}")]
    Unreadable {
        /// The file, by its name in the folder.
        name: String,
        /// Why.
        reason: String,
    },
    /// `plugin.toml` says something that a manifest does not say.
    #[error("plugin.toml: {0}")]
    Manifest(Problems),
    /// A schema is not JSON Schema draft 2020-12, or uses what this server refuses.
    #[error("{name}: {reason}")]
    Schema {
        /// The file.
        name: String,
        /// Why.
        reason: String,
    },
    /// The entry is not the one that the manifest's checksum names.
    #[error("{entry} has the SHA-256 {actual}, the manifest names another")]
    Checksum {
        /// The file.
        entry: String,
        /// What was found, in hexadecimal.
        actual: String,
    },
    /// The plugin needs a host interface that this server does not have.
    #[error("needs host API {needed}; this server provides {served}")]
    HostApi {
        /// What the plugin says it needs.
        needed: String,
        /// What there is.
        served: &'static str,
    },
    /// The script or component cannot be compiled.
    #[error("{entry} cannot be compiled: {reason}")]
    Compile {
        /// The file.
        entry: String,
        /// The compiler's words, with line and column where it has them.
        reason: String,
    },
    /// The script or component imports or exports something else than a plugin does.
    #[error("{entry}: {reason}")]
    Contract {
        /// The file.
        entry: String,
        /// What is wrong.
        reason: String,
    },
    /// The operator's configuration of the plugin does not fit its schema.
    #[error("plugins.config: {0}")]
    Config(Problems),
    /// A new version asks for more than the one that runs, and nobody has granted it.
    #[error("version {} waits for an administrator to grant {}", .0.version, .0.lacking.join(", "))]
    Ungranted(WaitingVersion),
    /// The component could not be compiled in the time that there is for it.
    #[error("compiling took longer than {} s", .0.as_secs_f32())]
    Slow(Duration),
    /// A new version does not do what its own recorded calls say.
    #[error("its own test {name} fails: {difference}")]
    Test {
        /// The test's name.
        name: String,
        /// What differs.
        difference: String,
    },
    /// Another plugin has this id.
    #[error("the id `{id}` is taken by {holder}")]
    Taken {
        /// The id.
        id: String,
        /// The plugin that has it.
        holder: String,
    },
    /// What runs plugins of this kind could not be started.
    #[error("cannot be run: {0}")]
    NoCarrier(String),
}

impl Failure {
    pub(crate) fn new(source: String, error: LoadError, since: DateTime<Utc>) -> Self {
        tracing::error!(source, %error, "a plugin was not loaded");
        Self {
            source,
            error: Arc::new(error),
            since,
        }
    }
}

/// A plugin that was not loaded.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its folder.
    pub source: String,
    /// Why.
    pub error: Arc<LoadError>,
    /// Since when.
    pub since: DateTime<Utc>,
}
