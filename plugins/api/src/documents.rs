//! The documents as Rust types. Fields that a newer server sends and this version does not know are ignored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a hook is called with.
#[derive(Debug, Clone, Deserialize)]
pub struct Context {
    /// The document's version: 1.
    pub schema: u32,
    /// This plugin, as the server loaded it.
    pub plugin: PluginInfo,
    /// The session; `None` for apps that open a URL.
    #[serde(default)]
    pub session: Option<Session>,
    /// The app that is launched.
    pub app: App,
    /// The user who launches it.
    pub user: User,
    /// What the user chose in the launch form, checked against the plugin's schema.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// The operator's VNC sidecar image; empty where there is none.
    #[serde(default)]
    pub sidecar_image: String,
    /// What the operator set for this plugin, checked against its schema for that.
    #[serde(default)]
    pub plugin_config: Map<String, Value>,
    /// What happened; in the hook `on_event` only.
    #[serde(default)]
    pub event: Option<Event>,
    /// Now, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_unix_ms: i64,
    /// 64 random bits in decimal.
    pub seed: String,
}

/// This plugin in a [`Context`].
#[derive(Debug, Clone, Deserialize)]
pub struct PluginInfo {
    /// Its id, which is the name of the launch type.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// The session in a [`Context`].
#[derive(Debug, Clone, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The name of its workload.
    pub name: String,
    /// How often planning was tried, from 1; 0 before the session is made.
    pub attempt: u32,
    /// The address of its workload, once that is known.
    #[serde(default)]
    pub address: Option<String>,
    /// The workspaces that are this session's alone, for the hook `cleanup`.
    #[serde(default)]
    pub claims: Vec<String>,
}

/// What happened to a session.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// `scheduled`, `started`, `ready`, `idle`, `stopping`, `stopped`, `expired` or `failed`; newer servers may know more.
    pub name: String,
    /// Why it failed, where it did.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The app in a [`Context`].
#[derive(Debug, Clone, Deserialize)]
pub struct App {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its address, or empty.
    #[serde(default)]
    pub url: String,
    /// Its image, or empty.
    #[serde(default)]
    pub container_image: String,
    /// Its settings, checked against the plugin's schema.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// The user in a [`Context`].
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// The account's id, which never changes.
    pub id: String,
    /// The sign-in name, which may.
    pub name: String,
}

/// What a launch needs; the answer of the hook `plan`.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims: Vec<Claim>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<ReadyCheck>,
}

impl Plan {
    /// Sends the browser to an http or https address.
    pub fn url(address: impl Into<String>) -> Self {
        Self {
            schema: 1,
            url: Some(address.into()),
            pod: None,
            claims: Vec::new(),
            endpoint: None,
            ready: None,
        }
    }

    /// Runs a pod (a Kubernetes PodSpec) and connects the viewer to the endpoint.
    pub fn pod(pod: Value, endpoint: Endpoint) -> Self {
        Self {
            schema: 1,
            url: None,
            pod: Some(pod),
            claims: Vec::new(),
            endpoint: Some(endpoint),
            ready: None,
        }
    }

    /// Says when the pod is ready, beyond that its endpoint answers.
    #[must_use]
    pub fn ready_when(mut self, ready: ReadyCheck) -> Self {
        self.ready = Some(ready);
        self
    }

    /// Adds a workspace, which the pod's volumes name by `persistentVolumeClaim.claimName`. Needs the plan
    /// capability `pvc`.
    #[must_use]
    pub fn with_claim(mut self, claim: Claim) -> Self {
        self.claims.push(claim);
        self
    }
}

/// A workspace.
#[derive(Debug, Clone, Serialize)]
pub struct Claim {
    /// By which the pod's volumes name it.
    pub name: String,
    /// Its size as a Kubernetes quantity: `5Gi`.
    pub size: String,
    /// `user-app` (found again at the next launch) or `session`.
    pub scope: String,
    /// Whether one of a session's own outlives it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub retain: bool,
}

/// Choices of one field of the launch form, for one user.
#[derive(Debug, Clone, Serialize)]
pub struct FieldOptions {
    /// The field: `size`, `machine.size`.
    pub path: String,
    /// What may be chosen, in this order.
    pub choices: Vec<Choice>,
    /// What is chosen unless the user chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// One choice.
#[derive(Debug, Clone, Serialize)]
pub struct Choice {
    /// What is sent.
    pub value: Value,
    /// What is shown.
    pub label: String,
}

/// Whether a workload whose endpoint answers may be used.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Readiness {
    /// It may.
    Ready,
    /// Not yet: ask again.
    Wait {
        /// Why, for the launch page.
        message: String,
        /// After so many milliseconds, 100 to 10,000.
        retry_ms: u32,
    },
    /// It never will.
    Fail {
        /// Why.
        message: String,
    },
}

/// What is to be done about an event.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum EventAction {
    /// End the session.
    Stop,
    /// Show this line on the session's page.
    Annotate {
        /// The line.
        message: String,
    },
}

/// What becomes of a session's own workspaces, by their names in [`Session::claims`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct CleanupWish {
    /// These stay.
    pub keep: Vec<String>,
    /// These go.
    pub delete: Vec<String>,
}

/// When a pod is ready, beyond that its endpoint speaks what it should.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ReadyCheck {
    /// Asked by GET until it is answered with a status below 400; only where the endpoint is a web server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Seconds after the start of the containers within which it must be ready, at most 3,600; without it the launch's
    /// deadline alone counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
}

/// Where a running session is reached.
#[derive(Debug, Clone, Serialize)]
pub struct Endpoint {
    kind: &'static str,
    container: String,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Endpoint {
    /// A VNC server in a container of the pod.
    pub fn vnc(container: impl Into<String>, port: u16) -> Self {
        Self {
            kind: "vnc",
            container: container.into(),
            port,
            path: None,
        }
    }

    /// A web server in a container of the pod: its pages open in a tab, at an address of the session's own. They begin
    /// with `path`, `/` for instance.
    pub fn http(container: impl Into<String>, port: u16, path: impl Into<String>) -> Self {
        Self {
            kind: "http",
            container: container.into(),
            port,
            path: Some(path.into()),
        }
    }
}

/// One thing that is wrong with the input, and where.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The field: `params.size`, `settings.memory`; empty for the whole.
    pub path: String,
    /// A sentence beginning with a lower-case letter: `must not be empty`.
    pub message: String,
}
