//! The configuration: what an operator may set, read from all layers at once.

mod keys;
mod layers;
mod problem;
mod read;
mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use launchpad_domain::policy::PodLimits;
use launchpad_domain::{Branding, LaunchTypeId};
use launchpad_services::SessionSettings;
use launchpad_store::DatabaseUrl;
use launchpad_web::PublicAddress;
use url::Url;

pub(crate) use keys::{DB, PORT, SEED};
pub(crate) use layers::Overrides;
pub(crate) use problem::ConfigProblems;
use read::Reader;
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
    /// What fills an empty catalogue.
    pub(crate) seed: Option<PathBuf>,
    /// Which engine runs apps.
    pub(crate) runtime: RuntimeChoice,
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
        let config = Self::read(&mut reader);
        match config {
            Some(config) if reader.problems.is_empty() => Ok(Self {
                warnings: reader.problems.into_warnings(),
                ..config
            }),
            _ => Err(reader.problems),
        }
    }

    /// Every setting is looked at, also after one was wrong.
    fn read(reader: &mut Reader) -> Option<Self> {
        let listen = read_listen(reader);
        let database = reader.parsed(keys::DB, str::parse);
        let seed = reader.optional(keys::SEED, |path| Ok(PathBuf::from(path)));
        let runtime = reader.parsed(keys::RUNTIME, parse_runtime);
        reader.parsed(keys::NAMESPACE, check_namespace);
        let branding = read_branding(reader);
        let sessions = read_sessions(reader);
        let plugins = read_plugins(reader);
        let metrics = read_metrics(reader);
        let log = read_log(reader);
        let connections = read_connections(reader);
        let (listen, address) = listen?;
        Some(Self {
            listen,
            address,
            database: database?,
            seed,
            runtime: runtime?,
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

fn read_listen(reader: &mut Reader) -> Option<(SocketAddr, PublicAddress)> {
    let port = read_port(reader);
    let bind = reader.parsed(keys::BIND, |text| {
        text.parse::<IpAddr>()
            .map_err(|_| "must be an IP address like 127.0.0.1 or 0.0.0.0".to_owned())
    });
    let public_url = reader.optional(keys::PUBLIC_URL, parse_public_url);
    let (port, bind) = (port?, bind?);
    let address = match public_url {
        Some(url) => PublicAddress::configured(url),
        None if bind.is_loopback() => PublicAddress::loopback(port)
            .map_err(|error| reader.wrong(keys::PORT, error.to_string()))
            .ok()?,
        None => {
            // A wrong one has been told already.
            if reader.origin(keys::PUBLIC_URL).is_empty() {
                let message = "other machines can reach this address, so public_url must say by which URL: \
                               https://apps.example.org";
                reader.wrong(keys::BIND, message);
            }
            return None;
        }
    };
    Some((SocketAddr::new(bind, port), address))
}

fn read_port(reader: &mut Reader) -> Option<u16> {
    if reader
        .text(keys::PORT)
        .is_some_and(|text| text.starts_with("tcp://"))
    {
        let message = "Kubernetes put this here for a Service named launchpad: set enableServiceLinks: false in the \
                       pod, or the variable itself";
        reader.wrong(keys::PORT, message);
        return None;
    }
    reader
        .number(keys::PORT, 1, u64::from(u16::MAX))
        .and_then(|port| u16::try_from(port).ok())
}

fn parse_public_url(text: &str) -> Result<Url, String> {
    let url = launchpad_domain::app::web_address(text)?
        .parse::<Url>()
        .map_err(|error| error.to_string())?;
    if matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none() {
        Ok(url)
    } else {
        Err("must have no path: the portal has a host of its own".to_owned())
    }
}

fn parse_runtime(text: &str) -> Result<RuntimeChoice, String> {
    match text {
        "auto" => Ok(RuntimeChoice::Auto),
        "podman" => Ok(RuntimeChoice::Podman),
        "none" => Ok(RuntimeChoice::None),
        _ => Err("must be auto, podman or none".to_owned()),
    }
}

/// A DNS label (RFC 1123).
fn check_namespace(text: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well = (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if well {
        Ok(())
    } else {
        Err("must be 1 to 63 of a-z, 0-9 and -, with - only inside".to_owned())
    }
}

fn read_branding(reader: &mut Reader) -> Option<Branding> {
    let keys = [
        ("logo_url", keys::LOGO_URL),
        ("primary_color", keys::PRIMARY_COLOR),
        ("secondary_color", keys::SECONDARY_COLOR),
        ("tenant_name", keys::TENANT_NAME),
    ];
    let [logo, primary, secondary, name] = keys.map(|(_, key)| reader.text(key));
    let parsed = Branding::parse(&logo?, &primary?, &secondary?, &name?);
    parsed
        .map_err(|problems| {
            for problem in problems.0 {
                if let Some((_, key)) = keys.iter().find(|(name, _)| *name == problem.path) {
                    reader.wrong(*key, problem.message);
                }
            }
        })
        .ok()
}

fn read_sessions(reader: &mut Reader) -> Option<SessionSettings> {
    let timeout = reader.number(keys::SESSION_TIMEOUT, 1, 7 * 24 * 60);
    let interval = reader.number(keys::CLEANUP_INTERVAL, 1, 24 * 60);
    let ready = reader.number(keys::READY_TIMEOUT, 1, 3_600);
    let per_user = reader.number(keys::PER_USER, 1, 1_000);
    let sidecar_image = reader.parsed(keys::SIDECAR_IMAGE, |text| match text {
        "" => Ok(String::new()),
        text => launchpad_domain::app::image_reference(text),
    });
    let cpu = reader.parsed(keys::CPU, quantity);
    let memory = reader.parsed(keys::MEMORY, quantity);
    let disk = reader.parsed(keys::DISK, quantity);
    let (timeout, ready) = (i64::try_from(timeout?).ok()?, i64::try_from(ready?).ok()?);
    Some(SessionSettings {
        timeout: chrono::Duration::minutes(timeout),
        ready_timeout: chrono::Duration::seconds(ready),
        cleanup_interval: Duration::from_secs(interval? * 60),
        per_user: u32::try_from(per_user?).ok()?,
        sidecar_image: sidecar_image?,
        pod_limits: PodLimits {
            cpu: cpu?,
            memory: memory?,
            ephemeral_storage: disk?,
            // The portal ends sessions itself; this is for the day on which it is dead.
            active_deadline_seconds: ready + timeout * 60 + 300,
            ..PodLimits::default()
        },
    })
}

/// A Kubernetes quantity of a plain kind: digits with an optional suffix.
fn quantity(text: &str) -> Result<String, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[digits.len()..];
    let known = ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&suffix);
    if known && digits.parse::<u64>().is_ok_and(|number| number > 0) {
        Ok(text.to_owned())
    } else {
        Err("must be a quantity like 2, 500m, 512Mi or 2Gi".to_owned())
    }
}

fn read_plugins(reader: &mut Reader) -> Option<Plugins> {
    let dirs = reader.paths(keys::PLUGIN_DIRS);
    let grants = reader.words_by_name(keys::PLUGIN_GRANTS);
    let cache = reader.optional(keys::PLUGIN_CACHE, |path| Ok(PathBuf::from(path)));
    let default = reader.parsed(keys::DEFAULT_LAUNCH_TYPE, str::parse);
    Some(Plugins {
        dirs,
        grants,
        cache,
        default: default?,
    })
}

fn read_metrics(reader: &mut Reader) -> Option<Metrics> {
    let chosen = reader.origin(keys::METRICS_BIND) != "default";
    let bind = reader.parsed(keys::METRICS_BIND, |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "must be an address with a port, like 127.0.0.1:9464".to_owned())
    });
    Some(Metrics { bind: bind?, chosen })
}

fn read_log(reader: &mut Reader) -> Option<Log> {
    let json = reader.parsed(keys::LOG_FORMAT, |text| match text {
        "text" => Ok(false),
        "json" => Ok(true),
        _ => Err("must be text or json".to_owned()),
    });
    let filter = reader.parsed(keys::LOG_FILTER, |text| {
        text.parse::<tracing_subscriber::EnvFilter>()
            .map(|_| text.to_owned())
            .map_err(|error| error.to_string())
    });
    Some(Log {
        json: json?,
        filter: filter?,
    })
}

fn read_connections(reader: &mut Reader) -> Option<Connections> {
    let total = reader.number(keys::CONNECTIONS, 16, 1_000_000);
    let per_address = reader.number(keys::CONNECTIONS_PER_ADDRESS, 1, 1_000_000);
    Some(Connections {
        total: usize::try_from(total?).ok()?,
        per_address: usize::try_from(per_address?).ok()?,
    })
}

#[cfg(test)]
mod tests;
