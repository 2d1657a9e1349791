//! The port to plugins: what the session manager asks of a launch type.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Grants;
use crate::{App, FieldProblem, Form, LaunchTypeId, SessionId, UserId};

/// What a launch type opens, by its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Opens {
    /// A link: no session is made.
    Url,
    /// A workload with an endpoint.
    Pod,
}

/// A field of an app outside its settings, which a launch type may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AppField {
    /// See [`App::url`].
    Url,
    /// See [`App::container_image`].
    ContainerImage,
}

impl AppField {
    /// Its name in documents and forms.
    pub fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::ContainerImage => "container_image",
        }
    }
}

/// A launch type that is loaded and can be asked.
#[derive(Debug, Clone, Serialize)]
pub struct LaunchType {
    /// Its id, by which apps name it.
    pub id: LaunchTypeId,
    /// Its name for people.
    pub name: String,
    /// One sentence about it.
    pub description: String,
    /// Its version (semver).
    pub version: String,
    /// SHA-256 of its files, in hexadecimal.
    pub digest: String,
    /// What it opens.
    pub opens: Opens,
    /// What its apps must have beyond their settings.
    pub needs: Vec<AppField>,
    /// Whether its launch form asks something.
    pub has_params: bool,
    /// What its plans may contain beyond an ordinary pod: claimed by the manifest and granted by the operator.
    pub grants: Grants,
}

/// The document that a hook is called with, but for `plugin`, which the plugin host adds.
///
/// Time and randomness are in it, so that a call can be replayed.
#[derive(Debug, Clone, Serialize)]
pub struct HookContext {
    /// The document's own version: 1.
    pub schema: u32,
    /// The session; absent for `url` apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<HookSession>,
    /// The app.
    pub app: HookApp,
    /// The user who launches it.
    pub user: HookUser,
    /// What the user chose in the launch form.
    pub params: Map<String, Value>,
    /// The configured VNC sidecar image.
    pub sidecar_image: String,
    /// What the operator set for the plugin.
    pub plugin_config: Map<String, Value>,
    /// What happened; for the hook `on-event` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<HookEvent>,
    /// Now, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_unix_ms: i64,
    /// 64 random bits as a decimal string: neither Rhai's integers nor JavaScript's numbers hold them.
    pub seed: String,
}

/// The session in a [`HookContext`].
#[derive(Debug, Clone, Serialize)]
pub struct HookSession {
    /// Its id.
    pub id: SessionId,
    /// The name of its workload.
    pub name: String,
    /// How often planning was tried, from 1.
    pub attempt: u32,
    /// The address of its workload on the engine's network, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The workspaces that are this session's alone, by their names on the engine; for the hook `cleanup` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
}

/// What happened, in a [`HookContext`].
#[derive(Debug, Clone, Serialize)]
pub struct HookEvent {
    /// What.
    pub name: SessionEvent,
    /// Why the session failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the hook `on-event` is told of, at least once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionEvent {
    /// The engine has accepted the workload.
    Scheduled,
    /// Its containers run.
    Started,
    /// Its endpoint answered.
    Ready,
    /// Nobody has looked at it for a while.
    Idle,
    /// It is about to be removed.
    Stopping,
    /// Its owner or an administrator ended it, and it is removed.
    Stopped,
    /// Its deadline ended it, and it is removed.
    Expired,
    /// It failed, and is removed.
    Failed,
}

impl SessionEvent {
    /// Every event, in the order in which they may happen.
    pub const ALL: [Self; 8] = [
        Self::Scheduled,
        Self::Started,
        Self::Ready,
        Self::Idle,
        Self::Stopping,
        Self::Stopped,
        Self::Expired,
        Self::Failed,
    ];

    /// Its name in manifests and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Idle => "idle",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

/// What the hook `on-event` asks for. A plugin never sets a status.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
pub enum EventAction {
    /// End the session.
    Stop,
    /// Show this line on the session's page.
    Annotate {
        /// The line.
        message: String,
    },
}

/// What the hook `ready` says of a workload that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It may be used.
    Ready,
    /// Not yet.
    Wait {
        /// Why, for the launch page.
        message: String,
        /// When to ask again, in milliseconds: 100 to 10,000.
        retry_ms: u64,
    },
    /// It will never be.
    Fail {
        /// Why.
        message: String,
    },
}

/// Choices of one field of the launch form, for one user: what the hook `options` answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldOptions {
    /// The field: `size`, `machine.size`.
    pub path: String,
    /// What may be chosen, in this order.
    pub choices: Vec<Choice>,
    /// What is chosen unless the user chooses.
    #[serde(default)]
    pub default: Option<Value>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What is sent.
    pub value: Value,
    /// What is shown.
    pub label: String,
}

/// What the hook `cleanup` wants done with the workspaces that belong to the session alone, by their names in the
/// context. What it does not name goes with the session, unless the plan said `retain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CleanupWish {
    /// These stay.
    #[serde(default)]
    pub keep: Vec<String>,
    /// These go.
    #[serde(default)]
    pub delete: Vec<String>,
}

/// Which version of a launch type planned a session: later hooks go to it, or to a newer one that can stand for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBy {
    /// The launch type.
    pub id: LaunchTypeId,
    /// The digest of the plugin's files then; none for sessions that never had a plan.
    pub digest: Option<String>,
}

/// The app in a [`HookContext`].
#[derive(Debug, Clone, Serialize)]
pub struct HookApp {
    /// See [`App::id`].
    pub id: String,
    /// See [`App::name`].
    pub name: String,
    /// See [`App::url`].
    pub url: String,
    /// See [`App::container_image`].
    pub container_image: String,
    /// See [`App::settings`].
    pub settings: Map<String, Value>,
}

impl From<&App> for HookApp {
    fn from(app: &App) -> Self {
        Self {
            id: app.id.to_string(),
            name: app.name.clone(),
            url: app.url.clone(),
            container_image: app.container_image.clone(),
            settings: app.settings.clone(),
        }
    }
}

/// The user in a [`HookContext`].
#[derive(Debug, Clone, Serialize)]
pub struct HookUser {
    /// The account's id.
    pub id: UserId,
    /// The sign-in name.
    pub name: String,
}

/// How a hook call ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// No launch type has this id; the known ones are listed.
    #[error("there is no launch type `{id}`; known are {}", known.join(", "))]
    UnknownLaunchType {
        /// What was asked for.
        id: String,
        /// The ids of all loaded launch types, sorted.
        known: Vec<String>,
    },
    /// The plugin says that its input is wrong (422).
    #[error("the launch type refused its input")]
    InvalidInput(Vec<FieldProblem>),
    /// The plugin says that this user may not (403).
    #[error("{0}")]
    Denied(String),
    /// The plugin asks to be called again.
    #[error("{message}")]
    Retryable {
        /// Why.
        message: String,
        /// After how many milliseconds, at most 60,000.
        retry_ms: u64,
    },
    /// The plugin returned another error.
    #[error("{message} ({code})")]
    Failed {
        /// The plugin's own code.
        code: String,
        /// The plugin's own words.
        message: String,
    },
    /// The host stopped the plugin or could not read its answer. The message names plugin, hook, limit and
    /// reference, and is fit for a user.
    #[error("{message}")]
    Fault {
        /// `plugin-trap`, `plugin-timeout`, `plugin-cpu`, `plugin-memory`, `plugin-output`, `plugin-busy` or
        /// `plugin-unavailable`.
        code: &'static str,
        /// One line: plugin, version, hook, what happened, reference.
        message: String,
    },
}

/// The launch types that are installed.
#[async_trait]
pub trait LaunchTypes: Send + Sync + std::fmt::Debug {
    /// All that are loaded, sorted by id.
    fn list(&self) -> Vec<LaunchType>;

    /// The launch type with this id, or [`HookError::UnknownLaunchType`].
    fn get(&self, id: &LaunchTypeId) -> Result<LaunchType, HookError>;

    /// What the launch form asks: nothing where there is no schema for it.
    fn params_form(&self, id: &LaunchTypeId) -> Result<Form, HookError>;

    /// What an administrator sets for each app: nothing where there is no schema for it.
    fn settings_form(&self, id: &LaunchTypeId) -> Result<Form, HookError>;

    /// Whether an app has what its launch type needs, by the schema of its settings: problems at the app's
    /// own fields (`url`, `container_image`, `settings.memory`).
    fn check_app(&self, app: &App) -> Result<Vec<FieldProblem>, HookError>;

    /// Whether the user's choices fit the schema of the launch form.
    fn check_params(
        &self,
        id: &LaunchTypeId,
        params: &Map<String, Value>,
    ) -> Result<Vec<FieldProblem>, HookError>;

    /// Hook `validate`: problems with what the user asks for, before a session is made. No such hook, no problem.
    async fn validate(&self, id: &LaunchTypeId, context: HookContext)
    -> Result<Vec<FieldProblem>, HookError>;

    /// Hook `plan`: the plan as the plugin wrote it. It is untrusted: parse it with
    /// [`crate::Plan::parse`].
    async fn plan(&self, id: &LaunchTypeId, context: HookContext) -> Result<Value, HookError>;

    /// Hook `options`: choices of the launch form for this user. No such hook, none.
    async fn options(&self, id: &LaunchTypeId, context: HookContext) -> Result<Vec<FieldOptions>, HookError>;

    /// Hook `ready`: whether a workload whose endpoint answers may be used. No such hook: it may.
    async fn ready(&self, planned_by: &PlannedBy, context: HookContext) -> Result<Readiness, HookError>;

    /// The events that the launch type wants to be told of: those that its manifest subscribes, if it has the hook.
    fn subscribed(&self, planned_by: &PlannedBy) -> Vec<SessionEvent>;

    /// Hook `on-event`: what it wants done about the context's event.
    async fn on_event(
        &self,
        planned_by: &PlannedBy,
        context: HookContext,
    ) -> Result<Vec<EventAction>, HookError>;

    /// Hook `cleanup`: what is to become of the session's own workspaces. No such hook, no wish.
    async fn cleanup(
        &self,
        planned_by: &PlannedBy,
        context: HookContext,
    ) -> Result<Option<CleanupWish>, HookError>;
}
