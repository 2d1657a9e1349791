//! Every setting there is: its name in files, its environment variable, its default.

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its place in `launchpad.toml`: `sessions.per_user`.
    pub(crate) path: &'static str,
    /// Its environment variable.
    pub(crate) variable: &'static str,
    /// What it is where nobody sets it; none: nothing.
    pub(crate) default: Option<&'static str>,
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident = $path:literal, $variable:literal, $default:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: Key = Key { path: $path, variable: $variable, default: $default };)+

        /// All of them, in the order in which `launchpad config` shows them.
        pub(crate) const ALL: &[Key] = &[$($name,)+];
    };
}

keys! {
    /// The port on which the portal listens.
    PORT = "port", "LAUNCHPAD_PORT", Some("8080");
    /// The address on which it listens; this machine alone, unless set.
    BIND = "bind", "LAUNCHPAD_BIND", Some("127.0.0.1");
    /// Where browsers reach it.
    PUBLIC_URL = "public_url", "LAUNCHPAD_PUBLIC_URL", None;
    /// A file for SQLite, or a `postgres://` URL.
    DB = "db", "LAUNCHPAD_DB", Some("launchpad.db");
    /// The key that signs the audit log; beside the database, unless set.
    AUDIT_KEY = "audit.key_file", "LAUNCHPAD_AUDIT__KEY_FILE", Some("");
    /// What is known of the audit log outside the database; beside its key, unless set.
    AUDIT_CHECKPOINTS = "audit.checkpoints_file", "LAUNCHPAD_AUDIT__CHECKPOINTS_FILE", Some("");
    /// Where backups are taken by themselves; nowhere, unless set.
    BACKUP_DESTINATION = "backup.destination", "LAUNCHPAD_BACKUP__DESTINATION", Some("");
    /// Hours between them.
    BACKUP_INTERVAL = "backup.interval", "LAUNCHPAD_BACKUP__INTERVAL", Some("24");
    /// How many are kept.
    BACKUP_KEEP = "backup.keep", "LAUNCHPAD_BACKUP__KEEP", Some("14");
    /// Days that sessions are kept after their end; 0: for ever.
    RETENTION_SESSIONS = "retention.sessions", "LAUNCHPAD_RETENTION__SESSIONS", Some("0");
    /// Days that the audit log is kept; 0: for ever.
    RETENTION_AUDIT = "retention.audit", "LAUNCHPAD_RETENTION__AUDIT", Some("0");
    /// Days that launches are kept, and their sums by hour and day; 0: for ever.
    RETENTION_ANALYTICS = "retention.analytics", "LAUNCHPAD_RETENTION__ANALYTICS", Some("0");
    /// Days that deleted apps can be put back; 0: for ever.
    RETENTION_DELETED_APPS = "retention.deleted_apps", "LAUNCHPAD_RETENTION__DELETED_APPS", Some("30");
    /// What fills an empty catalogue, once.
    SEED = "seed", "LAUNCHPAD_SEED", None;
    /// Which engine runs apps.
    RUNTIME = "runtime", "LAUNCHPAD_RUNTIME", Some("auto");
    /// The namespace of a Kubernetes engine.
    NAMESPACE = "namespace", "LAUNCHPAD_NAMESPACE", Some("launchpad");
    /// What sessions on Kubernetes may reach: internet, open or none.
    KUBERNETES_NETWORK = "kubernetes.network", "LAUNCHPAD_KUBERNETES__NETWORK", Some("internet");
    /// How sessions on Kubernetes are reached: auto, address or forward.
    KUBERNETES_CONNECT = "kubernetes.connect", "LAUNCHPAD_KUBERNETES__CONNECT", Some("auto");
    /// A JSON file with the branding.
    BRANDING_FILE = "branding.file", "LAUNCHPAD_CONFIG", Some("branding.json");
    /// The logo's address.
    LOGO_URL = "branding.logo_url", "LAUNCHPAD_LOGO_URL", Some("");
    /// The first colour.
    PRIMARY_COLOR = "branding.primary_color", "LAUNCHPAD_PRIMARY_COLOR", Some("#398D9B");
    /// The second colour.
    SECONDARY_COLOR = "branding.secondary_color", "LAUNCHPAD_SECONDARY_COLOR", Some("#4AB7C3");
    /// The organisation's name.
    TENANT_NAME = "branding.tenant_name", "LAUNCHPAD_TENANT_NAME", Some("Launchpad");
    /// Minutes that a session may run.
    SESSION_TIMEOUT = "sessions.timeout", "LAUNCHPAD_SESSION_TIMEOUT", Some("120");
    /// Minutes between full sweeps at the most.
    CLEANUP_INTERVAL = "sessions.cleanup_interval", "LAUNCHPAD_SESSION_CLEANUP_INTERVAL", Some("5");
    /// Seconds until a launch that does not answer has failed.
    READY_TIMEOUT = "sessions.ready_timeout", "LAUNCHPAD_POD_READY_TIMEOUT", Some("120");
    /// The image that gives an app its screen.
    SIDECAR_IMAGE = "sessions.sidecar_image", "LAUNCHPAD_VNC_SIDECAR_IMAGE", Some("localhost/launchpad/vnc-sidecar:1");
    /// Minutes without an open screen until a session's plugin is told that it is idle.
    IDLE_AFTER = "sessions.idle_after", "LAUNCHPAD_SESSIONS__IDLE_AFTER", Some("15");
    /// Sessions that an account may have at once.
    PER_USER = "sessions.per_user", "LAUNCHPAD_SESSIONS__PER_USER", Some("5");
    /// The domain under which each session that serves pages has a host name of its own; `apps.localhost` where the portal
    /// is reached from this machine alone, nothing elsewhere, unless set.
    APPS_DOMAIN = "sessions.apps_domain", "LAUNCHPAD_SESSIONS__APPS_DOMAIN", Some("");
    /// CPU limit of a container that names none.
    CPU = "sessions.cpu", "LAUNCHPAD_SESSIONS__CPU", Some("2");
    /// Memory limit of a container that names none.
    MEMORY = "sessions.memory", "LAUNCHPAD_SESSIONS__MEMORY", Some("2Gi");
    /// Disk limit of a container that names none.
    DISK = "sessions.disk", "LAUNCHPAD_SESSIONS__DISK", Some("5Gi");
    /// The most CPU that a launch type may give a container.
    MAX_CPU = "sessions.max_cpu", "LAUNCHPAD_SESSIONS__MAX_CPU", Some("16");
    /// The most memory that a launch type may give a container.
    MAX_MEMORY = "sessions.max_memory", "LAUNCHPAD_SESSIONS__MAX_MEMORY", Some("32Gi");
    /// The most disk that a launch type may give a container.
    MAX_DISK = "sessions.max_disk", "LAUNCHPAD_SESSIONS__MAX_DISK", Some("100Gi");
    /// The largest workspace that a launch type may ask for.
    MAX_WORKSPACE = "sessions.max_workspace", "LAUNCHPAD_SESSIONS__MAX_WORKSPACE", Some("100Gi");
    /// The storage class of workspaces on Kubernetes; the cluster's own default, unless set.
    STORAGE_CLASS = "workspaces.storage_class", "LAUNCHPAD_WORKSPACES__STORAGE_CLASS", Some("");
    /// The storage classes that apps may name instead, separated by spaces.
    STORAGE_CLASSES = "workspaces.storage_classes", "LAUNCHPAD_WORKSPACES__STORAGE_CLASSES", Some("");
    /// From how many machines at once a workspace may be mounted.
    ACCESS_MODE = "workspaces.access_mode", "LAUNCHPAD_WORKSPACES__ACCESS_MODE", Some("ReadWriteOnce");
    /// What becomes of a second session with the same workspace: refuse or join.
    SHARING = "workspaces.sharing", "LAUNCHPAD_WORKSPACES__SHARING", Some("refuse");
    /// Folders of plugins, separated by colons.
    PLUGIN_DIRS = "plugins.dirs", "LAUNCHPAD_PLUGINS__DIRS", Some("");
    /// Powers that plugins are given.
    PLUGIN_GRANTS = "plugins.grants", "LAUNCHPAD_PLUGINS__GRANTS", Some("");
    /// Where compiled components are kept; the user's cache folder, unless set.
    PLUGIN_CACHE = "plugins.cache", "LAUNCHPAD_PLUGINS__CACHE", Some("");
    /// What plugins are told by the operator.
    PLUGIN_CONFIGS = "plugins.config", "LAUNCHPAD_PLUGINS__CONFIG", Some("");
    /// A folder with a file for each secret that plugins may be granted.
    PLUGIN_SECRETS = "plugins.secrets", "LAUNCHPAD_PLUGINS__SECRETS", Some("");
    /// Networks that are not public and that plugins may reach, separated by spaces.
    PLUGIN_NETWORKS = "plugins.networks", "LAUNCHPAD_PLUGINS__NETWORKS", Some("");
    /// Milliseconds that a call of a plugin may compute, at the most.
    PLUGIN_CPU = "plugins.limits.cpu_ms", "LAUNCHPAD_PLUGINS__LIMITS__CPU_MS", Some("250");
    /// Milliseconds that it may take from start to end, at the most.
    PLUGIN_WALL = "plugins.limits.wall_ms", "LAUNCHPAD_PLUGINS__LIMITS__WALL_MS", Some("2000");
    /// Mebibytes of memory that a component may use, at the most.
    PLUGIN_MEMORY = "plugins.limits.memory_mib", "LAUNCHPAD_PLUGINS__LIMITS__MEMORY_MIB", Some("64");
    /// The launch type of an app that names none.
    DEFAULT_LAUNCH_TYPE = "plugins.default", "LAUNCHPAD_PLUGINS__DEFAULT", Some("url");
    /// Where Prometheus reads figures.
    METRICS_BIND = "metrics.bind", "LAUNCHPAD_METRICS__BIND", Some("127.0.0.1:9464");
    /// How the log is written.
    LOG_FORMAT = "log.format", "LAUNCHPAD_LOG__FORMAT", Some("text");
    /// What is logged.
    LOG_FILTER = "log.filter", "LAUNCHPAD_LOG__FILTER", Some("info,sea_orm_migration=warn");
    /// Connections at one time, in all.
    CONNECTIONS = "connections.total", "LAUNCHPAD_CONNECTIONS__TOTAL", Some("16384");
    /// Connections at one time from one address.
    CONNECTIONS_PER_ADDRESS = "connections.per_address", "LAUNCHPAD_CONNECTIONS__PER_ADDRESS", Some("4096");
}
