//! The pod policy: which pods a plan may ask for, and what every pod gets whether it asks or not.
//!
//! [`accept`] completes a parsed plan with the limits and the security context that it lacks and then judges
//! the result: the Kubernetes *restricted* profile (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>)
//! and our rules on top. What is not on the list of allowed fields is refused, so a field that Kubernetes
//! adds one day is refused until somebody has thought about it.

mod allowed;
mod ceilings;
mod complete;
mod judge;
mod secrets;

use serde::{Deserialize, Serialize};

pub use secrets::{SECRET_PREFIX, secrets_in, with_secrets};

use crate::{AppId, ClaimAccess, InstanceId, PodPlan, Problems, SessionId, UserId};
use crate::{Capability, Grants};

/// What every session gets, from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodLimits {
    /// CPU limit of a container that names none, as a Kubernetes quantity.
    pub cpu: String,
    /// Memory limit of a container that names none.
    pub memory: String,
    /// Limit of the disk that a container that names none may fill.
    pub ephemeral_storage: String,
    /// What workspaces are like.
    pub workspaces: WorkspaceRules,
    /// The most CPU, memory, disk and workspace that a plan may name.
    pub ceilings: Ceilings,
    /// Most containers and init containers of a pod.
    pub containers: usize,
    /// Seconds after which the engine itself ends the pod (`activeDeadlineSeconds`), so that a dead portal
    /// leaves nothing behind.
    pub active_deadline_seconds: i64,
}

impl Default for PodLimits {
    fn default() -> Self {
        Self {
            cpu: "2".to_owned(),
            memory: "2Gi".to_owned(),
            ephemeral_storage: "5Gi".to_owned(),
            workspaces: WorkspaceRules::default(),
            ceilings: Ceilings::default(),
            containers: 8,
            active_deadline_seconds: 3 * 3_600,
        }
    }
}

/// What a workspace is like whose plan does not say it, and what a plan may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceRules {
    /// Its storage class; none: the cluster's own default.
    pub storage_class: Option<String>,
    /// The storage classes that a plan may name instead.
    pub storage_classes: Vec<String>,
    /// From how many machines at once it may be mounted.
    pub access: ClaimAccess,
    /// Whether a second session of the same user may mount it beside the first.
    pub shared: bool,
}

/// The most that a plan may name, each as a Kubernetes quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceilings {
    /// CPU of one container.
    pub cpu: String,
    /// Memory of one container.
    pub memory: String,
    /// Disk that one container may fill, and size of an `emptyDir`.
    pub ephemeral_storage: String,
    /// Size of a workspace.
    pub workspace: String,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            cpu: "16".to_owned(),
            memory: "32Gi".to_owned(),
            ephemeral_storage: "100Gi".to_owned(),
            workspace: "100Gi".to_owned(),
        }
    }
}

/// Whose pod it is: the names of its claims are made from this, so that nobody mounts another's workspace.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The instance.
    pub instance: InstanceId,
    /// The session.
    pub session: SessionId,
    /// The user who launched it.
    pub user: UserId,
    /// The app.
    pub app: AppId,
}

/// Completes the plan and checks the result.
///
/// # Errors
/// Every way in which the pod asks for more than it may, with the path in the plan and the missing grant.
pub fn accept(
    mut plan: PodPlan,
    grants: &Grants,
    limits: &PodLimits,
    owner: &Owner,
) -> Result<PodPlan, Problems> {
    let mut problems = Problems::none();
    complete::claims(&mut plan, owner, &limits.workspaces, &mut problems);
    complete::pod(&mut plan.pod, limits);
    allowed::check(&plan.pod, &mut problems);
    judge::pod(&plan, limits, &mut problems);
    ceilings::check(&plan, &limits.ceilings, &mut problems);
    secrets::check(&plan.pod, grants, &mut problems);
    if !plan.claims.is_empty() && !grants.allows(Capability::Claims) {
        problems.add(
            "claims",
            format!(
                "not granted: the launch type needs the plan capability `{}`",
                Capability::Claims.word()
            ),
        );
    }
    problems.into_result(plan)
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
