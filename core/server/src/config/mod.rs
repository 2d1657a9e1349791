//! The configuration: what an operator may set, read from all layers at once.

mod keys;
mod layers;
mod problem;
mod read;
mod sections;
mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use launchpad_domain::{Branding, LaunchTypeId};
use launchpad_plugin_host::Ceiling;
use launchpad_runtime::KubernetesSettings;
use launchpad_services::audit::Checkpoints;
use launchpad_services::backup::{BackupPlan, BucketAccess};
use launchpad_services::upkeep::RetentionPolicy;
use launchpad_services::{FetchRules, SessionSettings};
use launchpad_store::DatabaseUrl;
use launchpad_web::PublicAddress;
use serde_json::{Map, Value};

pub(crate) use keys::{DB, PORT, SEED};
pub(crate) use layers::Overrides;
pub(crate) use problem::ConfigProblems;
use read::Reader;
pub(crate) use sections::audit_key;
pub(crate) use show::Shown;

/// Everything that can be set.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the portal listens.
    pub(crate) listen: SocketAddr,
    /// Where browsers reach it.
    pub(crate) address: PublicAddress,
    /// The database.
    pub(crate) database: DatabaseUrl,
    /// The file with the key that signs the audit log.
    pub(crate) audit_key: PathBuf,
    /// What is known of that log outside the database.
    pub(crate) checkpoints: Checkpoints,
    /// How buckets are reached.
    pub(crate) buckets: BucketAccess,
    /// The backups that are taken by themselves.
    pub(crate) backup: Option<BackupPlan>,
    /// How long things are kept.
    pub(crate) retention: RetentionPolicy,
    /// What fills an empty catalogue.
    pub(crate) seed: Option<PathBuf>,
    /// Which engine runs apps.
    pub(crate) runtime: RuntimeChoice,
    /// What holds for sessions on Kubernetes.
    pub(crate) kubernetes: KubernetesSettings,
    /// The organisation's look.
    pub(crate) branding: Branding,
    /// Limits and deadlines.
    pub(crate) sessions: SessionSettings,
    /// Where plugins lie and what they may.
    pub(crate) plugins: Plugins,
    /// Where Prometheus reads figures.
    pub(crate) metrics: Metrics,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Connections at one time.
    pub(crate) connections: Connections,
    /// What is odd about the configuration but does not stop the start.
    pub(crate) warnings: Vec<String>,
}

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuntimeChoice {
    /// The one that this machine has, if any.
    Auto,
    /// The cluster of a kubeconfig or of the portal's own pod.
    Kubernetes,
    /// Podman.
    Podman,
    /// None: links open, apps are not launched.
    None,
}

/// Plugins beyond the shipped ones.
#[derive(Debug)]
pub(crate) struct Plugins {
    /// Folders of plugins.
    pub(crate) dirs: Vec<PathBuf>,
    /// Powers given, by plugin id.
    pub(crate) grants: BTreeMap<String, BTreeSet<String>>,
    /// Where compiled components are kept; none: in the user's cache folder.
    pub(crate) cache: Option<PathBuf>,
    /// The launch type of an app that names none.
    pub(crate) default: LaunchTypeId,
    /// What plugins are told by the operator, by plugin id.
    pub(crate) configs: BTreeMap<String, Map<String, Value>>,
    /// The folder of secrets, a file each.
    pub(crate) secrets: Option<PathBuf>,
    /// Which networks plugins may reach.
    pub(crate) fetch: FetchRules,
    /// The most that any plugin may use.
    pub(crate) ceiling: Ceiling,
}

/// Where figures are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metrics {
    /// The address.
    pub(crate) bind: SocketAddr,
    /// Whether somebody chose it: then it must be free, the default one need not.
    pub(crate) chosen: bool,
}

/// The log.
#[derive(Debug)]
pub(crate) struct Log {
    /// One JSON object per line instead of text.
    pub(crate) json: bool,
    /// In the words of `tracing-subscriber`'s filters: `info,launchpad_web=debug`.
    pub(crate) filter: String,
}

/// Most connections at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    /// In all.
    pub(crate) total: usize,
    /// From one address.
    pub(crate) per_address: usize,
}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// Everything that is wrong, each with the layer that it came from.
    pub(crate) fn load(
        overrides: &Overrides,
        environment: &[(OsString, OsString)],
    ) -> Result<Self, ConfigProblems> {
        let mut problems = ConfigProblems::default();
        let figment = layers::merged(overrides, environment, &mut problems);
        let mut reader = Reader::new(figment, problems);
        let config = Self::read(&mut reader, buckets(environment));
        match config {
            Some(config) if reader.problems.is_empty() => Ok(Self {
                warnings: reader.problems.into_warnings(),
                ..config
            }),
            _ => Err(reader.problems),
        }
    }

    /// Every setting is looked at, also after one was wrong.
    fn read(reader: &mut Reader, buckets: BucketAccess) -> Option<Self> {
        let listen = sections::listen(reader);
        let origins = listen
            .as_ref()
            .is_some_and(|(_, address)| address.has_session_origins());
        let database = reader.parsed(keys::DB, str::parse);
        let audit_key = reader.optional(keys::AUDIT_KEY, |path| Ok(PathBuf::from(path)));
        let checkpoints = reader.optional(keys::AUDIT_CHECKPOINTS, |path| Ok(Checkpoints::at(path.into())));
        let backup = sections::backup(reader, &buckets);
        let retention = sections::retention(reader);
        let seed = reader.optional(keys::SEED, |path| Ok(PathBuf::from(path)));
        let runtime = reader.parsed(keys::RUNTIME, sections::runtime);
        let kubernetes = sections::kubernetes(reader);
        let branding = sections::branding(reader);
        let sessions = sections::sessions(reader, origins);
        let plugins = sections::plugins(reader);
        let metrics = sections::metrics(reader);
        let log = sections::log(reader);
        let connections = sections::connections(reader);
        let (listen, address) = listen?;
        let audit_key = audit_key.unwrap_or_else(|| sections::audit_key(database.as_ref()));
        Some(Self {
            listen,
            address,
            checkpoints: checkpoints.unwrap_or_else(|| Checkpoints::beside(&audit_key)),
            audit_key,
            buckets,
            backup,
            retention: retention?,
            database: database?,
            seed,
            runtime: runtime?,
            kubernetes: kubernetes?,
            branding: branding?,
            sessions: sessions?,
            plugins: plugins?,
            metrics: metrics?,
            log: log?,
            connections: connections?,
            warnings: Vec::new(),
        })
    }
}

/// What the environment says of buckets, under the names that every client of S3 reads.
fn buckets(environment: &[(OsString, OsString)]) -> BucketAccess {
    let text =
        |(name, value): &(OsString, OsString)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()));
    environment.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests;
