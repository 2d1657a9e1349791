//! The port to the engine that runs workloads.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    AppId, Failure, Finding, InstanceId, PodPlan, SessionId, Stage, UserId, Workspace, WorkspaceName,
};

/// The label that carries the instance id on everything that Launchpad creates.
pub const INSTANCE_LABEL: &str = "launchpad.dev/instance";
/// The label that carries the session id on everything that belongs to one session.
pub const SESSION_LABEL: &str = "launchpad.dev/session";
/// The label of a workspace that carries the id of the account that may mount it.
pub const USER_LABEL: &str = "launchpad.dev/user";
/// The label of a workspace that carries the id of the app in which it is mounted.
pub const APP_LABEL: &str = "launchpad.dev/app";

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeKind {
    /// A Kubernetes cluster.
    Kubernetes,
    /// Podman on this machine.
    Podman,
}

impl RuntimeKind {
    /// The stored and published spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Podman => "podman",
        }
    }
}

impl FromStr for RuntimeKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "kubernetes" => Ok(Self::Kubernetes),
            "podman" => Ok(Self::Podman),
            _ => Err("must be kubernetes or podman".to_owned()),
        }
    }
}

impl fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a session's workload is called on every engine.
pub fn workload_name(session: SessionId) -> String {
    format!("{WORKLOAD_PREFIX}{session}")
}

/// The session whose workload is called this.
pub fn session_of_workload(name: &str) -> Option<SessionId> {
    name.strip_prefix(WORKLOAD_PREFIX)?.parse().ok()
}

const WORKLOAD_PREFIX: &str = "session-";

/// What the runtime is asked to run: an accepted plan under the instance's labels.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The instance it belongs to.
    pub instance: InstanceId,
    /// The session it runs.
    pub session: SessionId,
    /// Who launched it: whose its workspaces are.
    pub user: UserId,
    /// The app that it runs.
    pub app: AppId,
    /// Its name, derived from the session id: asking twice is harmless.
    pub name: String,
    /// The pod (complete, checked by the policy), its claims and its endpoint.
    pub plan: Arc<PodPlan>,
}

/// What the sessions of a portal need of its engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The image that gives an app its screen; empty where none is configured. It listens on port 5900.
    pub sidecar_image: String,
    /// Every other image that apps run.
    pub images: BTreeSet<String>,
    /// The storage class of workspaces, and those that apps may name; none: the engine's default.
    pub storage_classes: BTreeSet<String>,
}

impl Needs {
    /// Every image.
    pub fn all_images(&self) -> impl Iterator<Item = &str> {
        let sidecar = Some(self.sidecar_image.as_str()).filter(|image| !image.is_empty());
        sidecar.into_iter().chain(self.images.iter().map(String::as_str))
    }
}

/// How far the engine has come with a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadState {
    /// Not all containers run yet.
    Pending(Stage),
    /// All containers run; whether the endpoint answers is another question.
    Running,
    /// It will not run, or not any more.
    Failed(Failure),
    /// The engine ended it at the deadline of its own (`activeDeadlineSeconds`), because the portal had not.
    Expired,
}

/// A workload as the engine tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The session on its label.
    pub session: SessionId,
    /// Its name.
    pub name: String,
    /// Where its endpoint is reached (`10.1.2.3`, `127.0.0.1:41235`), if that is known.
    pub address: Option<String>,
    /// How far it is.
    pub state: WorkloadState,
    /// What keeps a pending one from coming further. It may pass; at the launch's deadline it is the reason.
    pub trouble: Option<Failure>,
}

/// Something that the engine has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// A launch has come to this stage.
    Stage(SessionId, Stage),
    /// A workload changed; [`Runtime::observe`] tells how.
    Changed(SessionId),
    /// Events may have been missed: only a [`Runtime::list`] tells the truth now.
    Missed,
}

/// Why the engine did not do as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// No engine, or it does not answer. The request may be repeated later.
    #[error("the engine cannot be reached: {0}")]
    Away(String),
    /// The engine answered, and the session cannot run.
    #[error("{}", .0.detail)]
    Refused(Failure),
    /// The endpoint does not take a connection.
    #[error("the endpoint does not answer: {0}")]
    NoAnswer(String),
}

/// A connection to an endpoint, with Nagle's algorithm off.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Runs workloads on one engine, for one instance: it sees and touches nothing without the instance's label.
///
/// A workspace is never part of a workload: only [`Runtime::delete_workspace`] deletes one.
#[async_trait]
pub trait Runtime: Send + Sync + fmt::Debug {
    /// Which engine.
    fn kind(&self) -> RuntimeKind;

    /// Whether the engine answers: its name and version, in a few words.
    async fn check(&self) -> Result<String, RuntimeError>;

    /// Looks at everything that sessions need of the engine: rights, room, storage, whether it keeps sessions apart, and
    /// whether their images can be had. May start short probes, which leave nothing, and take a minute or two. The first
    /// line is about whether it answers at all.
    async fn examine(&self, needs: &Needs) -> Vec<Finding>;

    /// Makes the workload exist. Returns when the engine has accepted it, or refused it for good. A workload of
    /// that name which is there already is left as it is. Answers where its endpoint will be, where the engine
    /// knows that already. A workspace that is not labelled as this user's is not mounted:
    /// [`crate::Reason::WorkspaceForeign`].
    async fn apply(&self, workload: &Workload) -> Result<Option<String>, RuntimeError>;

    /// How the session's workload is; `None` if there is none.
    async fn observe(&self, session: SessionId) -> Result<Option<Observed>, RuntimeError>;

    /// Every workload of this instance: all of them, or an error.
    async fn list(&self) -> Result<Vec<Observed>, RuntimeError>;

    /// Makes the session's workload not exist, with what belongs to it alone. Nothing there is no error.
    async fn delete(&self, session: SessionId) -> Result<(), RuntimeError>;

    /// Every workspace of this instance: all of them, or an error.
    async fn workspaces(&self) -> Result<Vec<Workspace>, RuntimeError>;

    /// Deletes a workspace of this instance for ever. Nothing there is no error. Called only for what belongs to one
    /// session that has ended, and for an administrator.
    async fn delete_workspace(&self, name: &WorkspaceName) -> Result<(), RuntimeError>;

    /// The engine's events, without end; gaps are told by [`RuntimeEvent::Missed`], which also comes first.
    fn watch(&self) -> BoxStream<'static, RuntimeEvent>;

    /// Waits until the endpoint of a running workload gives its first sign of life. The caller bounds the wait
    /// by dropping the future. Ends early only when the workload is gone or has failed. `address` is what
    /// [`Self::apply`] answered, and saves a question.
    async fn answered(&self, workload: &Workload, address: Option<&str>) -> Result<(), RuntimeError>;

    /// Opens a connection to the session's endpoint, and to no other.
    async fn connect(&self, workload: &Workload) -> Result<Box<dyn ByteStream>, RuntimeError>;
}
