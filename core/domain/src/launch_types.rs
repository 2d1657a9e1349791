//! The port to plugins: what the session manager asks of a launch type.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Grants;
use crate::{App, FieldProblem, LaunchTypeId, SessionId, UserId};

/// What a launch type opens, by its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Opens {
    /// A link: no session is made.
    Url,
    /// A workload with an endpoint.
    Pod,
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
    /// What it opens.
    pub opens: Opens,
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
}
