//! The settings, section by section. Each is looked at whatever is wrong with the others.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use launchpad_domain::policy::{Ceilings, PodLimits, WorkspaceRules};
use launchpad_domain::{Branding, Capability, ClaimAccess, Quantity};
use launchpad_plugin_host::{Ceiling, MAX_CPU, MAX_MEMORY, MAX_WALL};
use launchpad_runtime::{ConnectBy, KubernetesSettings, SessionNetwork};
use launchpad_services::backup::{BackupPlan, BucketAccess};
use launchpad_services::upkeep::RetentionPolicy;
use launchpad_services::{Backups, FetchRules, SessionSettings};
use launchpad_store::DatabaseUrl;
use launchpad_web::{AppsDomain, PublicAddress};
use url::Url;

use super::read::Reader;
use super::{Connections, Log, Metrics, Plugins, RuntimeChoice, keys};

/// Bytes.
const MIB: usize = 1_024 * 1_024;

/// Where the portal listens, and where browsers reach it.
pub(super) fn listen(reader: &mut Reader) -> Option<(SocketAddr, PublicAddress)> {
    let port = port(reader);
    let bind = reader.parsed(keys::BIND, |text| {
        text.parse::<IpAddr>()
            .map_err(|_| "must be an IP address like 127.0.0.1 or 0.0.0.0".to_owned())
    });
    let public_url = reader.optional(keys::PUBLIC_URL, parse_public_url);
    let apps_domain = reader.optional(keys::APPS_DOMAIN, str::parse::<AppsDomain>);
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
    let address = with_sessions(reader, address, apps_domain)?;
    Some((SocketAddr::new(bind, port), address))
}

/// Gives sessions origins of their own. On this machine that takes no setting: browsers find `*.localhost` by themselves.
fn with_sessions(
    reader: &mut Reader,
    address: PublicAddress,
    chosen: Option<AppsDomain>,
) -> Option<PublicAddress> {
    let domain = match chosen {
        Some(domain) => domain,
        None if address.is_loopback() => AppsDomain::loopback(),
        None => return Some(address),
    };
    address
        .with_sessions_under(domain)
        .map_err(|message| reader.wrong(keys::APPS_DOMAIN, message))
        .ok()
}

fn port(reader: &mut Reader) -> Option<u16> {
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

/// Where the audit log's key is, unless somebody says it: beside the database file; with PostgreSQL in the folder in which
/// the program runs, which then stands in every message about it.
pub(crate) fn audit_key(database: Option<&DatabaseUrl>) -> PathBuf {
    if let Some(DatabaseUrl::Sqlite(path)) = database {
        let mut name = path.clone().into_os_string();
        name.push(".audit-key");
        PathBuf::from(name)
    } else {
        let name = PathBuf::from("launchpad.audit-key");
        std::path::absolute(&name).unwrap_or(name)
    }
}

/// The backups that are taken by themselves, if any are. What is wrong has been noted.
pub(super) fn backup(reader: &mut Reader, buckets: &BucketAccess) -> Option<BackupPlan> {
    let backups = reader.optional(keys::BACKUP_DESTINATION, |text| {
        Backups::at(text, buckets).map_err(|error| error.to_string())
    });
    let interval = reader.number(keys::BACKUP_INTERVAL, 1, 24 * 366);
    let keep = reader.number(keys::BACKUP_KEEP, 1, 10_000);
    let (interval, keep) = (i64::try_from(interval?).ok()?, usize::try_from(keep?).ok()?);
    Some(BackupPlan {
        backups: backups?,
        interval: chrono::Duration::hours(interval),
        keep,
    })
}

/// How long things are kept.
pub(super) fn retention(reader: &mut Reader) -> Option<RetentionPolicy> {
    let mut days = |key| {
        let days = reader
            .number(key, 0, 36_500)
            .and_then(|days| i64::try_from(days).ok())?;
        Some((days > 0).then(|| chrono::Duration::days(days)))
    };
    let sessions = days(keys::RETENTION_SESSIONS);
    let audit = days(keys::RETENTION_AUDIT);
    let analytics = days(keys::RETENTION_ANALYTICS);
    let deleted_apps = days(keys::RETENTION_DELETED_APPS);
    Some(RetentionPolicy {
        sessions: sessions?,
        audit: audit?,
        analytics: analytics?,
        deleted_apps: deleted_apps?,
    })
}

/// Which engine.
pub(super) fn runtime(text: &str) -> Result<RuntimeChoice, String> {
    match text {
        "auto" => Ok(RuntimeChoice::Auto),
        "kubernetes" => Ok(RuntimeChoice::Kubernetes),
        "podman" => Ok(RuntimeChoice::Podman),
        "none" => Ok(RuntimeChoice::None),
        _ => Err("must be auto, kubernetes, podman or none".to_owned()),
    }
}

/// Sessions on Kubernetes.
pub(super) fn kubernetes(reader: &mut Reader) -> Option<KubernetesSettings> {
    let namespace = reader.parsed(keys::NAMESPACE, |text| namespace(text).map(|()| text.to_owned()));
    let network = reader.parsed(keys::KUBERNETES_NETWORK, |text| match text {
        "internet" => Ok(SessionNetwork::Internet),
        "open" => Ok(SessionNetwork::Open),
        "none" => Ok(SessionNetwork::None),
        _ => Err("must be internet, open or none".to_owned()),
    });
    let connect = reader.parsed(keys::KUBERNETES_CONNECT, |text| match text {
        "auto" => Ok(ConnectBy::Auto),
        "address" => Ok(ConnectBy::Address),
        "forward" => Ok(ConnectBy::Forward),
        _ => Err("must be auto, address or forward".to_owned()),
    });
    Some(KubernetesSettings {
        namespace: namespace?,
        network: network?,
        connect: connect?,
    })
}

/// A namespace: a DNS label (RFC 1123).
fn namespace(text: &str) -> Result<(), String> {
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

/// The organisation's look.
pub(super) fn branding(reader: &mut Reader) -> Option<Branding> {
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

/// Limits and deadlines. `origins`: whether sessions have origins of their own, which the portal's address says.
pub(super) fn sessions(reader: &mut Reader, origins: bool) -> Option<SessionSettings> {
    let timeout = reader.number(keys::SESSION_TIMEOUT, 1, 7 * 24 * 60);
    let interval = reader.number(keys::CLEANUP_INTERVAL, 1, 24 * 60);
    let ready = reader.number(keys::READY_TIMEOUT, 1, 3_600);
    let idle = reader.number(keys::IDLE_AFTER, 1, 24 * 60);
    let per_user = reader.number(keys::PER_USER, 1, 1_000);
    let sidecar_image = reader.parsed(keys::SIDECAR_IMAGE, |text| match text {
        "" => Ok(String::new()),
        text => launchpad_domain::app::image_reference(text),
    });
    let cpu = reader.parsed(keys::CPU, quantity);
    let memory = reader.parsed(keys::MEMORY, quantity);
    let disk = reader.parsed(keys::DISK, quantity);
    let ceilings = ceilings(reader);
    let workspaces = workspaces(reader);
    let (timeout, ready) = (i64::try_from(timeout?).ok()?, i64::try_from(ready?).ok()?);
    Some(SessionSettings {
        timeout: chrono::Duration::minutes(timeout),
        ready_timeout: chrono::Duration::seconds(ready),
        cleanup_interval: Duration::from_secs(interval? * 60),
        idle_after: chrono::Duration::minutes(i64::try_from(idle?).ok()?),
        per_user: u32::try_from(per_user?).ok()?,
        sidecar_image: sidecar_image?,
        pod_limits: PodLimits {
            cpu: cpu?,
            memory: memory?,
            ephemeral_storage: disk?,
            workspaces: workspaces?,
            ceilings: ceilings?,
            // The portal ends sessions itself; this is for the day on which it is dead.
            active_deadline_seconds: ready + timeout * 60 + 300,
            ..PodLimits::default()
        },
        origins,
    })
}

/// The most that launch types may give a session.
fn ceilings(reader: &mut Reader) -> Option<Ceilings> {
    let cpu = reader.parsed(keys::MAX_CPU, quantity);
    let memory = reader.parsed(keys::MAX_MEMORY, quantity);
    let disk = reader.parsed(keys::MAX_DISK, quantity);
    let workspace = reader.parsed(keys::MAX_WORKSPACE, quantity);
    Some(Ceilings {
        cpu: cpu?,
        memory: memory?,
        ephemeral_storage: disk?,
        workspace: workspace?,
    })
}

/// What workspaces are like.
fn workspaces(reader: &mut Reader) -> Option<WorkspaceRules> {
    let storage_class = reader.optional(keys::STORAGE_CLASS, storage_class_name);
    let storage_classes = reader.list(keys::STORAGE_CLASSES, storage_class_name);
    let access = reader.parsed(keys::ACCESS_MODE, |text| match text {
        "ReadWriteOnce" => Ok(ClaimAccess::ReadWriteOnce),
        "ReadWriteMany" => Ok(ClaimAccess::ReadWriteMany),
        "ReadWriteOncePod" => Ok(ClaimAccess::ReadWriteOncePod),
        _ => Err("must be ReadWriteOnce, ReadWriteMany or ReadWriteOncePod".to_owned()),
    });
    let shared = reader.parsed(keys::SHARING, |text| match text {
        "refuse" => Ok(false),
        "join" => Ok(true),
        _ => Err("must be refuse or join".to_owned()),
    });
    if shared == Some(true) && access == Some(ClaimAccess::ReadWriteOncePod) {
        reader.wrong(
            keys::SHARING,
            "must be refuse where access_mode is ReadWriteOncePod".to_owned(),
        );
        return None;
    }
    Some(WorkspaceRules {
        storage_class,
        storage_classes,
        access: access?,
        shared: shared?,
    })
}

/// The name of a storage class: a DNS subdomain (RFC 1123).
fn storage_class_name(text: &str) -> Result<String, String> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let well = (1..=253).contains(&text.len())
        && text
            .split('.')
            .all(|part| part.starts_with(edge) && part.ends_with(edge))
        && text.chars().all(|c| edge(c) || matches!(c, '-' | '.'));
    if well {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` must be the name of a storage class: a-z, 0-9, - and ."
        ))
    }
}

/// A Kubernetes quantity, as it was written.
fn quantity(text: &str) -> Result<String, String> {
    text.parse::<Quantity>().map(|_| text.to_owned())
}

/// Where plugins lie and what they may.
pub(super) fn plugins(reader: &mut Reader) -> Option<Plugins> {
    let dirs = reader.paths(keys::PLUGIN_DIRS);
    let grants = reader.words_by_name(keys::PLUGIN_GRANTS);
    let cache = reader.optional(keys::PLUGIN_CACHE, |path| Ok(PathBuf::from(path)));
    let default = reader.parsed(keys::DEFAULT_LAUNCH_TYPE, str::parse);
    for word in grants.values().flatten() {
        if let Err(message) = Capability::parse(word) {
            reader.wrong(keys::PLUGIN_GRANTS, message);
        }
    }
    let networks = reader.list(keys::PLUGIN_NETWORKS, |text| {
        text.parse()
            .map_err(|_| format!("`{text}` must be a network like 10.1.0.0/16"))
    });
    let ceiling = ceiling(reader);
    Some(Plugins {
        dirs,
        grants,
        cache,
        default: default?,
        configs: reader.documents(keys::PLUGIN_CONFIGS),
        secrets: reader.optional(keys::PLUGIN_SECRETS, |path| Ok(PathBuf::from(path))),
        fetch: FetchRules { networks },
        ceiling: ceiling?,
    })
}

/// The most that any plugin may use.
fn ceiling(reader: &mut Reader) -> Option<Ceiling> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let cpu = reader.number(keys::PLUGIN_CPU, 10, millis(MAX_CPU));
    let wall = reader.number(keys::PLUGIN_WALL, 100, millis(MAX_WALL));
    let memory = reader.number(keys::PLUGIN_MEMORY, 1, (MAX_MEMORY / MIB) as u64);
    Some(Ceiling {
        cpu: Duration::from_millis(cpu?),
        wall: Duration::from_millis(wall?),
        memory: usize::try_from(memory?).ok()? * MIB,
        ..Ceiling::default()
    })
}

/// Where Prometheus reads figures.
pub(super) fn metrics(reader: &mut Reader) -> Option<Metrics> {
    let chosen = reader.origin(keys::METRICS_BIND) != "default";
    let bind = reader.parsed(keys::METRICS_BIND, |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "must be an address with a port, like 127.0.0.1:9464".to_owned())
    });
    Some(Metrics { bind: bind?, chosen })
}

/// What is logged, and how.
pub(super) fn log(reader: &mut Reader) -> Option<Log> {
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

/// Connections at one time.
pub(super) fn connections(reader: &mut Reader) -> Option<Connections> {
    let total = reader.number(keys::CONNECTIONS, 16, 1_000_000);
    let per_address = reader.number(keys::CONNECTIONS_PER_ADDRESS, 1, 1_000_000);
    Some(Connections {
        total: usize::try_from(total?).ok()?,
        per_address: usize::try_from(per_address?).ok()?,
    })
}
