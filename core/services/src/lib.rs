//! The use cases of the portal: what a person, an administrator or a script can do, and the session manager
//! that makes it true.
//!
//! [`Services`] is built once by the program and shared by every request. Services check values and rules,
//! write through `launchpad-store`, and reach plugins and engines through the ports of `launchpad-domain`. They
//! know nothing of HTTP: whoever calls has already found out who the viewer is and asked
//! [`launchpad_domain::authorize`].
//!
//! One task, [`sessions::Manager::run`], owns everything that happens without a request: launches, deadlines,
//! sweeps. It is started once and stopped by its token.

pub mod accounts;
mod analytics;
pub mod audit;
pub mod backup;
mod catalogue;
mod error;
mod health;
mod peers;
mod plugins;
mod preferences;
pub mod sessions;
mod tls;
pub mod upkeep;
mod workspaces;

use std::sync::Arc;

use launchpad_domain::{Branding, Clock, LaunchTypeId, LaunchTypes, Plugins, Runtime};
use launchpad_store::Store;

pub use accounts::{Accounts, SignedIn};
pub use analytics::Analytics;
pub use audit::AuditLog;
pub use backup::{BackupError, Backups, BucketAccess};
pub use catalogue::{Catalogue, SeedError, Shift};
pub use error::ServiceError;
pub use health::{Health, HealthReport};
pub use launchpad_store::{Detail, Forgotten, SignIn, StoredApp, Token};
pub use peers::{Leadership, Peering};
pub use plugins::{FetchRules, InstalledPlugins, PluginSupport};
pub use preferences::PreferenceBook;
pub use sessions::{LaunchRequest, SessionSettings, Sessions};
pub use workspaces::{ListedWorkspace, Workspaces};

/// What the services are built from.
#[derive(Debug)]
pub struct Parts {
    /// The open database.
    pub store: Store,
    /// The installed launch types.
    pub launch_types: Arc<dyn LaunchTypes>,
    /// The same plugins, as an administrator deals with them.
    pub plugins: Arc<dyn Plugins>,
    /// What their host functions need.
    pub plugin_support: Arc<PluginSupport>,
    /// The engine; none: links open, workloads are refused with what to install.
    pub runtime: Option<Arc<dyn Runtime>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The organisation's look.
    pub branding: Branding,
    /// The launch type of an app that names none.
    pub default_launch_type: LaunchTypeId,
    /// Limits and deadlines of sessions.
    pub sessions: SessionSettings,
}

/// Every use case, by noun.
#[derive(Debug)]
pub struct Services {
    /// Apps.
    pub catalogue: Catalogue,
    /// Sessions.
    pub sessions: Sessions,
    /// Workspaces.
    pub workspaces: Workspaces,
    /// Accounts, sign-ins and API tokens.
    pub accounts: Accounts,
    /// The audit log.
    pub audit: AuditLog,
    /// Launches, counted.
    pub analytics: Analytics,
    /// Preferences.
    pub preferences: PreferenceBook,
    /// The organisation's look.
    pub branding: Branding,
    /// The installed launch types.
    pub launch_types: Arc<dyn LaunchTypes>,
    /// The installed plugins.
    pub plugins: InstalledPlugins,
    /// Whether this portal leads the others on its database.
    pub leadership: Leadership,
    /// What works and what does not.
    pub health: Health,
}

impl Services {
    /// Puts the services together, and the session manager that must be run beside them.
    pub fn new(parts: Parts) -> (Arc<Self>, sessions::Manager) {
        let Parts {
            store,
            launch_types,
            plugins,
            plugin_support,
            runtime,
            clock,
            branding,
            default_launch_type,
            sessions,
        } = parts;
        let catalogue = Catalogue::new(
            store.clone(),
            Arc::clone(&launch_types),
            Arc::clone(&clock),
            default_launch_type,
        );
        let leadership = Leadership::new();
        let (sessions, manager) = Sessions::new(
            store.clone(),
            catalogue.clone(),
            Arc::clone(&launch_types),
            runtime,
            Arc::clone(&clock),
            &plugin_support,
            leadership.clone(),
            sessions,
        );
        let services = Self {
            health: Health::new(
                store.clone(),
                sessions.clone(),
                Arc::clone(&launch_types),
                leadership.clone(),
            ),
            accounts: Accounts::new(store.clone(), Arc::clone(&clock)),
            audit: AuditLog::new(store.clone(), Arc::clone(&clock)),
            analytics: Analytics::new(store.clone(), catalogue.clone(), Arc::clone(&clock)),
            plugins: InstalledPlugins::new(plugins, store.clone(), Arc::clone(&clock)),
            preferences: PreferenceBook::new(store, clock),
            workspaces: sessions.workspaces(),
            catalogue,
            sessions,
            branding,
            launch_types,
            leadership,
        };
        (Arc::new(services), manager)
    }
}
