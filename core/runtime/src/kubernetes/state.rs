//! What a pod's status means for its session.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, PodStatus};
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL, WorkloadState};
use launchpad_domain::{Failure, InstanceId, Observed, Reason, SessionId, Stage};

use super::view::PodView;
use crate::exits;

/// A session's pod, as much of it as anybody asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) session: SessionId,
    pub(super) name: String,
    pub(super) uid: String,
    /// The API server's version of it; a higher one is newer.
    pub(super) version: u64,
    pub(super) ip: Option<String>,
    pub(super) state: WorkloadState,
    /// What keeps it from coming up, by its own status.
    pub(super) trouble: Option<Failure>,
    /// It was told to end.
    pub(super) going: bool,
    /// The containers that run.
    pub(super) running: Vec<String>,
    /// The claims that it mounts.
    pub(super) claims: Vec<String>,
    /// What the events beside it tell.
    pub(super) hint: Hint,
}

/// What is told of a pod by events alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Hint {
    /// An image is being fetched.
    pub(super) pulling: bool,
    /// What went wrong last.
    pub(super) warning: Option<Failure>,
}

impl Seen {
    pub(super) fn runs(&self, container: &str) -> bool {
        self.running.iter().any(|running| running == container)
    }

    pub(super) fn into_observed(self) -> Observed {
        let state = match self.state {
            WorkloadState::Pending(Stage::Starting) if self.hint.pulling => {
                WorkloadState::Pending(Stage::Pulling)
            }
            state => state,
        };
        Observed {
            session: self.session,
            name: self.name,
            address: self.ip,
            state,
            trouble: self.trouble.or(self.hint.warning),
        }
    }
}

/// Reads a version. One that is no number counts as newer than all: it is at least not older than what was known.
pub(super) fn version(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

/// Reads a pod, if it is one of this instance's sessions.
pub(super) fn seen(pod: &PodView, instance: InstanceId) -> Option<Seen> {
    let labels = pod.metadata.labels.as_ref()?;
    if *labels.get(INSTANCE_LABEL)? != instance.to_string() {
        return None;
    }
    let session = labels.get(SESSION_LABEL)?.parse().ok()?;
    let status = &pod.status;
    let (state, trouble) = judge(pod);
    Some(Seen {
        session,
        name: pod.metadata.name.clone()?,
        uid: pod.metadata.uid.clone()?,
        version: version(pod.metadata.resource_version.as_deref()),
        state,
        trouble,
        going: pod.metadata.deletion_timestamp.is_some(),
        running: containers(status)
            .filter(|one| is_running(one))
            .map(|one| one.name.clone())
            .collect(),
        claims: pod.spec.claims().map(str::to_owned).collect(),
        hint: Hint::default(),
        ip: status.pod_ip.clone().filter(|ip| !ip.is_empty()),
    })
}

fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.container_statuses.iter().flatten()
}

fn state_of(container: &ContainerStatus) -> Option<&ContainerState> {
    container.state.as_ref()
}

fn is_running(container: &ContainerStatus) -> bool {
    state_of(container).is_some_and(|state| state.running.is_some())
}

/// How far it is, and what keeps it from coming further.
fn judge(pod: &PodView) -> (WorkloadState, Option<Failure>) {
    let status = &pod.status;
    let failed = |failure| (WorkloadState::Failed(failure), None);
    if pod.metadata.deletion_timestamp.is_some() {
        return failed(removed(status));
    }
    if status.phase.as_deref() == Some("Failed") && status.reason.as_deref() == Some("DeadlineExceeded") {
        return (WorkloadState::Expired, None);
    }
    if let Some(failure) = taken_away(status).or_else(|| ended(status)) {
        return failed(failure);
    }
    match status.phase.as_deref() {
        Some("Failed" | "Succeeded") => return failed(Failure::new(Reason::Exited, told(status))),
        Some("Unknown") => return failed(Failure::new(Reason::NodeLost, told(status))),
        _ => {}
    }
    let mut trouble = None;
    for (container, reason, message) in waiting(status) {
        match held_up(container, reason, message) {
            Some(HeldUp::ForGood(failure)) => return failed(failure),
            Some(HeldUp::ForNow(failure)) => trouble = Some(failure),
            None => {}
        }
    }
    let wanted = pod.spec.containers();
    if wanted > 0 && containers(status).filter(|one| is_running(one)).count() == wanted {
        return (WorkloadState::Running, None);
    }
    if pod.spec.node_name.is_none() {
        return (WorkloadState::Pending(Stage::Scheduled), unschedulable(status));
    }
    (WorkloadState::Pending(Stage::Starting), trouble)
}

/// The status in its own words.
fn told(status: &PodStatus) -> String {
    let parts = [&status.phase, &status.reason, &status.message];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    parts.join(": ")
}

/// Why a pod was told to end that the portal did not end: the portal looks at none that it did.
fn removed(status: &PodStatus) -> Failure {
    taken_away(status)
        .unwrap_or_else(|| Failure::new(Reason::WorkloadGone, "the pod was told to end by somebody else"))
}

/// Whether the cluster itself took it from its machine, or never gave it one.
fn taken_away(status: &PodStatus) -> Option<Failure> {
    let disrupted = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True");
    if let Some(condition) = disrupted {
        let reason = match condition.reason.as_deref() {
            Some("DeletionByTaintManager" | "DeletionByPodGC") => Reason::NodeLost,
            _ => Reason::Evicted,
        };
        let word = condition.reason.as_deref().unwrap_or_default();
        let message = condition.message.as_deref().unwrap_or_default();
        return Some(Failure::new(reason, format!("{word}: {message}")));
    }
    let reason = match status.reason.as_deref()? {
        "NodeLost" => Reason::NodeLost,
        "Evicted" | "Preempting" | "Terminated" | "NodeShutdown" | "Shutdown" => Reason::Evicted,
        "NodeAffinity" | "UnexpectedAdmissionError" => Reason::Unschedulable,
        other if other.starts_with("OutOf") => Reason::Unschedulable,
        _ => return None,
    };
    Some(Failure::new(reason, told(status)))
}

/// The first container that ended is the cause; the others followed. Those that run before the app end by themselves.
fn ended(status: &PodStatus) -> Option<Failure> {
    let before = status.init_container_statuses.iter().flatten();
    let before = before
        .filter_map(|one| Some((one.name.as_str(), state_of(one)?.terminated.as_ref()?)))
        .filter(|(_, end)| end.exit_code != 0);
    let apps =
        containers(status).filter_map(|one| Some((one.name.as_str(), state_of(one)?.terminated.as_ref()?)));
    let (name, end) = before
        .chain(apps)
        .min_by_key(|(_, end)| end.finished_at.as_ref().map(|time| time.0))?;
    Some(end_of(name, end))
}

fn end_of(name: &str, end: &ContainerStateTerminated) -> Failure {
    let mut failure = exits::exit(name, i64::from(end.exit_code));
    if end.reason.as_deref() == Some("OOMKilled") {
        failure.reason = Reason::OutOfMemory;
    }
    match end.message.as_deref() {
        Some(message) if !message.is_empty() => {
            Failure::new(failure.reason, format!("{}\n{message}", failure.detail))
        }
        _ => failure,
    }
}

/// The containers that wait, with the word and the text that the kubelet has for it.
fn waiting(status: &PodStatus) -> impl Iterator<Item = (&ContainerStatus, &str, &str)> {
    let all = status
        .init_container_statuses
        .iter()
        .flatten()
        .chain(containers(status));
    all.filter_map(|one| {
        let waiting = state_of(one)?.waiting.as_ref()?;
        Some((
            one,
            waiting.reason.as_deref()?,
            waiting.message.as_deref().unwrap_or_default(),
        ))
    })
}

enum HeldUp {
    ForGood(Failure),
    ForNow(Failure),
}

fn held_up(container: &ContainerStatus, reason: &str, message: &str) -> Option<HeldUp> {
    let told = |kind| Failure::new(kind, format!("container {}: {reason}: {message}", container.name));
    let held = match reason {
        "ErrImageNeverPull" | "InvalidImageName" => HeldUp::ForGood(told(Reason::ImageMissing)),
        "ErrImagePull"
        | "ImagePullBackOff"
        | "RegistryUnavailable"
        | "ErrImageInspect"
        | "SignatureValidationFailed" => {
            // No registry is called localhost: such an image was brought to the machine, or not at all.
            if container.image.starts_with("localhost/") || is_no_image(message) {
                HeldUp::ForGood(told(Reason::ImageMissing))
            } else {
                HeldUp::ForNow(told(Reason::ImagePull))
            }
        }
        "CrashLoopBackOff" => HeldUp::ForGood(told(Reason::CrashLoop)),
        "CreateContainerConfigError" => HeldUp::ForGood(told(Reason::EngineRefused)),
        "CreateContainerError" | "RunContainerError" => HeldUp::ForNow(told(Reason::EngineRefused)),
        _ => return None,
    };
    Some(held)
}

/// Whether a registry answered, and has no such image.
fn is_no_image(message: &str) -> bool {
    const TEXTS: &[&str] = &[
        "code = NotFound",
        ": not found",
        "manifest unknown",
        "name unknown",
        "repository does not exist",
    ];
    TEXTS.iter().any(|text| message.contains(text))
}

/// Why no machine was found yet.
fn unschedulable(status: &PodStatus) -> Option<Failure> {
    let condition = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let message = condition.message.as_deref().unwrap_or_default();
    let about_volumes =
        message.contains("persistentvolumeclaim") || message.contains("PersistentVolumeClaim");
    let reason = if about_volumes {
        Reason::VolumePending
    } else {
        Reason::Unschedulable
    };
    Some(Failure::new(reason, message))
}

#[cfg(test)]
mod tests;
