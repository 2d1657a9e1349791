//! The documents of the JSON routes. They are types of their own: what is published does not change with what is
//! stored.

mod analytics;
mod plugins;
mod workspaces;

use chrono::{DateTime, Utc};
use launchpad_domain::{App, AppDraft, AuditEntry, DeletedApp, Preferences, Session, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::input::Text;
pub(crate) use analytics::AnalyticsDocument;
pub(crate) use plugins::{CallDocument, PluginDocument};
pub(crate) use workspaces::WorkspaceDocument;

/// An app. Text is always text, `""` where nothing was given.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = App)]
pub(crate) struct AppDocument {
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    id: String,
    name: String,
    description: String,
    /// Where a link leads; http or https.
    url: String,
    /// A short sign, a path on this portal, or an http(s) URL.
    icon: String,
    category: String,
    /// The id of the plugin that launches it.
    launch_type: String,
    container_image: String,
    /// What the launch type needs beyond that.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
}

impl From<&App> for AppDocument {
    fn from(app: &App) -> Self {
        Self {
            id: app.id.to_string(),
            name: app.name.clone(),
            description: app.description.clone(),
            url: app.url.clone(),
            icon: app.icon.clone(),
            category: app.category.clone(),
            launch_type: app.launch_type.to_string(),
            container_image: app.container_image.clone(),
            settings: app.settings.clone(),
        }
    }
}

/// An app that was deleted and can be put back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedApp)]
pub(crate) struct DeletedAppDocument {
    #[serde(flatten)]
    app: AppDocument,
    deleted_at: DateTime<Utc>,
}

impl From<&DeletedApp> for DeletedAppDocument {
    fn from(deleted: &DeletedApp) -> Self {
        Self {
            app: (&deleted.app).into(),
            deleted_at: deleted.deleted_at,
        }
    }
}

/// The order of apps.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AppOrderBody {
    /// The apps that are to stand first in their categories.
    pub(crate) app_ids: Vec<String>,
}

/// The catalogue as `/apps.json` has it, which is also the format of a seed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogueDocument {
    pub(crate) applications: Vec<AppDocument>,
}

/// An app as somebody sends it. Absent and null mean `""`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AppBody {
    #[serde(default)]
    #[schema(value_type = String)]
    id: Text,
    #[serde(default)]
    #[schema(value_type = String)]
    name: Text,
    #[serde(default)]
    #[schema(value_type = String)]
    description: Text,
    #[serde(default)]
    #[schema(value_type = String)]
    url: Text,
    #[serde(default)]
    #[schema(value_type = String)]
    icon: Text,
    #[serde(default)]
    #[schema(value_type = String)]
    category: Text,
    /// Absent: the configured default.
    #[serde(default)]
    #[schema(value_type = String)]
    launch_type: Text,
    #[serde(default)]
    #[schema(value_type = String)]
    container_image: Text,
    #[schema(value_type = Option<Object>)]
    settings: Option<Map<String, Value>>,
}

impl From<AppBody> for AppDraft {
    fn from(body: AppBody) -> Self {
        Self {
            id: body.id.0,
            name: body.name.0,
            description: body.description.0,
            url: body.url.0,
            icon: body.icon.0,
            category: body.category.0,
            launch_type: body.launch_type.0,
            container_image: body.container_image.0,
            settings: body.settings.unwrap_or_default(),
        }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionDocument {
    #[schema(format = Uuid)]
    id: String,
    #[schema(format = Uuid)]
    user_id: String,
    app_id: String,
    /// The app's name at the launch.
    app_name: String,
    /// The workload's name, once there is one.
    pod_name: Option<String>,
    /// creating, running, stopped, expired or failed.
    status: String,
    /// How far a session that is creating has come: planning, queued, scheduled, pulling, starting or checking.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// Why a session failed, as a word for scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same as a sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The raw cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The path of the stream, once the session runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    websocket_url: Option<String>,
    /// Where the way to its pages begins, for a session that serves pages: a path on this portal, for the browser of its
    /// owner. There once it runs.
    open_url: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// When the session ends by itself: while it is creating unless it runs by then.
    expires_at: DateTime<Utc>,
}

impl From<&Session> for SessionDocument {
    fn from(session: &Session) -> Self {
        let failure = session.failure.as_ref();
        Self {
            id: session.id.to_string(),
            user_id: session.user_id.to_string(),
            app_id: session.app_id.to_string(),
            app_name: session.app_name.clone(),
            pod_name: session.pod_name.clone(),
            status: session.status.to_string(),
            stage: (session.status == Status::Creating).then(|| session.stage.to_string()),
            reason: failure.map(|failure| failure.reason.to_string()),
            message: failure.map(|failure| failure.reason.sentence().to_owned()),
            detail: failure.map(|failure| failure.detail.clone()),
            websocket_url: session.websocket_url(),
            open_url: session.open_url(),
            created_at: session.created_at,
            updated_at: session.updated_at,
            expires_at: session.expires_at,
        }
    }
}

/// What starts a session.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct LaunchBody {
    /// The app.
    pub(crate) app_id: String,
    /// The choices of its launch form.
    #[schema(value_type = Option<Object>)]
    pub(crate) params: Option<Map<String, Value>>,
}

/// What records the opening of a link.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct LinkLaunchBody {
    /// The app.
    pub(crate) app_id: String,
}

/// What the viewer chose about the look of the portal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preferences)]
pub(crate) struct PreferencesDocument {
    /// light or dark; null where never chosen.
    theme: Option<&'static str>,
    collapsed_categories: Vec<String>,
    favorites: Vec<String>,
}

impl From<&Preferences> for PreferencesDocument {
    fn from(preferences: &Preferences) -> Self {
        Self {
            theme: preferences.theme.map(launchpad_domain::Theme::as_str),
            collapsed_categories: preferences.collapsed_categories.clone(),
            favorites: preferences.favorites.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Preferences to keep. A member that is absent stays as it was; a theme of `""` or null is unchosen again.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PreferencesBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(crate) theme: Option<Text>,
    pub(crate) collapsed_categories: Option<Vec<String>>,
    pub(crate) favorites: Option<Vec<String>>,
}

/// Tells a null that is there from a member that is not.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    Text::deserialize(deserializer).map(Some)
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditDocument {
    id: i64,
    timestamp: DateTime<Utc>,
    /// The sign-in name at the time.
    user: String,
    action: String,
    /// The id of what it was done to.
    target: String,
    /// `done` or `refused`.
    outcome: String,
    details: String,
    /// What was `before` and `after`.
    change: Option<serde_json::Value>,
    request_id: Option<String>,
    /// The client's address.
    address: Option<String>,
}

impl From<AuditEntry> for AuditDocument {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            timestamp: entry.timestamp,
            user: entry.user,
            action: entry.action,
            target: entry.target,
            outcome: entry.outcome,
            details: entry.details,
            change: entry.change.and_then(|text| serde_json::from_str(&text).ok()),
            request_id: entry.request_id,
            address: entry.address,
        }
    }
}

/// The organisation's look.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Branding)]
pub(crate) struct BrandingDocument {
    pub(crate) logo_url: String,
    pub(crate) primary_color: String,
    pub(crate) secondary_color: String,
    pub(crate) tenant_name: String,
}

/// Whether the portal is ready, and how its parts are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthDocument {
    pub(crate) ready: bool,
    pub(crate) database: String,
    pub(crate) engine: String,
    pub(crate) launch_types: Vec<String>,
    /// Whether this portal launches and ends sessions for all on its database; one of them does.
    pub(crate) leads: bool,
}
