//! What Podman has of this instance, and what that means for each session.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL, WorkloadState};
use launchpad_domain::{Failure, InstanceId, Observed, Reason, RuntimeError, SessionId, Stage};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::command::{CHANGE_LIMIT, Call, Cli};
use super::faults;
use crate::exits;

/// A pod as `podman pod ps` tells of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Pod {
    /// The engine's id.
    pub(super) id: String,
    name: String,
    created: DateTime<Utc>,
    labels: Option<BTreeMap<String, String>>,
}

impl Pod {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// The session on its label, if it is one of this instance's.
    fn session_of(&self, instance: InstanceId) -> Option<SessionId> {
        if self.label(INSTANCE_LABEL)? != instance.to_string() {
            return None;
        }
        self.label(SESSION_LABEL)?.parse().ok()
    }
}

/// A container as `podman ps` tells of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    pod: String,
    names: Vec<String>,
    /// `created`, `running`, `exited` and others.
    state: String,
    exit_code: i64,
    /// Unix seconds; negative while it has not ended.
    exited_at: i64,
    is_infra: bool,
    ports: Option<Vec<Port>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Port {
    host_ip: String,
    host_port: u16,
}

impl Container {
    fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "exited" | "stopped" | "dead")
    }

    /// A paused one is a running one that somebody on the machine holds.
    fn has_started(&self) -> bool {
        self.has_ended() || matches!(self.state.as_str(), "running" | "paused" | "stopping")
    }

    /// Its name in the plan: Podman puts the pod's in front.
    fn name_in(&self, pod: &Pod) -> &str {
        let name = self.names.first().map(String::as_str).unwrap_or_default();
        name.strip_prefix(pod.name.as_str())
            .and_then(|name| name.strip_prefix('-'))
            .unwrap_or(name)
    }
}

/// How often a list is asked for that Podman gave up. Each time something else has to go in the same few milliseconds.
const ATTEMPTS: u32 = 8;

/// Asks for one of Podman's lists. Podman 4.3 reads first the names and then each thing behind them, and fails as a
/// whole where one of them has been removed in between: the list is asked for again.
pub(super) async fn ask<T: DeserializeOwned>(
    cli: &Cli,
    kind: &[&str],
    filter: &str,
) -> Result<Vec<T>, RuntimeError> {
    let call = [kind, &["--format", "json", "--filter", filter]].concat();
    let mut asked = cli.run(Call::quick(&call)).await?;
    for _ in 1..ATTEMPTS {
        if asked.succeeded || !faults::is_gone(&asked.complaint()) {
            break;
        }
        asked = cli.run(Call::quick(&call)).await?;
    }
    parse(&asked.into_answer()?)
}

/// Reads one of Podman's JSON lists; an empty one may be no text at all.
fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<Vec<T>, RuntimeError> {
    if answer.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let unreadable = |error| RuntimeError::Away(format!("podman's answer cannot be read: {error}"));
    let list: Option<Vec<T>> = serde_json::from_slice(answer).map_err(unreadable)?;
    Ok(list.unwrap_or_default())
}

/// The pods of this instance, or of one of its sessions.
pub(super) async fn pods(
    cli: &Cli,
    instance: InstanceId,
    session: Option<SessionId>,
) -> Result<Vec<Pod>, RuntimeError> {
    let filter = filter(instance, session);
    let pods: Vec<Pod> = ask(cli, &["pod", "ps"], &filter).await?;
    let wanted = |pod: &Pod| {
        pod.session_of(instance)
            .is_some_and(|one| session.is_none_or(|only| only == one))
    };
    Ok(pods.into_iter().filter(wanted).collect())
}

/// The containers of those pods.
async fn containers(
    cli: &Cli,
    instance: InstanceId,
    session: Option<SessionId>,
) -> Result<Vec<Container>, RuntimeError> {
    let filter = filter(instance, session);
    let all: Vec<Container> = ask(cli, &["ps", "--all"], &filter).await?;
    Ok(all.into_iter().filter(|container| !container.is_infra).collect())
}

/// The narrowest label: session ids are not shared by instances, and the answer is checked for both anyway.
fn filter(instance: InstanceId, session: Option<SessionId>) -> String {
    match session {
        Some(session) => format!("label={SESSION_LABEL}={session}"),
        None => format!("label={INSTANCE_LABEL}={instance}"),
    }
}

/// Every workload of this instance, or that of one session.
pub(super) async fn observe(
    cli: &Cli,
    instance: InstanceId,
    session: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<Vec<Observed>, RuntimeError> {
    let (pods, containers) =
        tokio::try_join!(pods(cli, instance, session), containers(cli, instance, session))?;
    let mut by_pod: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    for container in containers {
        by_pod.entry(container.pod.clone()).or_default().push(container);
    }
    let observed = pods.into_iter().filter_map(|pod| {
        let containers = by_pod.remove(&pod.id).unwrap_or_default();
        let session = pod.session_of(instance)?;
        Some(Observed {
            session,
            name: pod.name.clone(),
            address: address(&containers),
            state: state(&pod, &containers, now),
            trouble: None,
        })
    });
    Ok(observed.collect())
}

/// What there is of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No pod.
    Nothing,
    /// A pod that an attempt left unfinished.
    Part,
    /// A pod with all its containers, which have been started, whatever became of them.
    Whole,
}

/// Looks for the pod of a session, which is to have this many containers.
pub(super) async fn find(
    cli: &Cli,
    instance: InstanceId,
    session: SessionId,
    wanted: usize,
) -> Result<Found, RuntimeError> {
    let only = Some(session);
    let (pods, containers) = tokio::try_join!(pods(cli, instance, only), containers(cli, instance, only))?;
    let whole = containers.len() >= wanted && containers.iter().all(Container::has_started);
    Ok(match (pods.is_empty(), whole) {
        (true, _) => Found::Nothing,
        (false, true) => Found::Whole,
        (false, false) => Found::Part,
    })
}

/// The one published port; every container of a pod tells of it.
fn address(containers: &[Container]) -> Option<String> {
    let ports = containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten());
    let port = ports
        .into_iter()
        .find(|port| port.host_ip == "127.0.0.1" && port.host_port != 0)?;
    Some(format!("127.0.0.1:{}", port.host_port))
}

fn state(pod: &Pod, containers: &[Container], now: DateTime<Utc>) -> WorkloadState {
    // The first to end is the cause; the others followed.
    let ended = containers.iter().filter(|container| container.has_ended());
    if let Some(first) = ended.max_by_key(|container| Reverse(container.exited_at)) {
        return WorkloadState::Failed(exits::exit(first.name_in(pod), first.exit_code));
    }
    if !containers.is_empty() && containers.iter().all(Container::has_started) {
        return WorkloadState::Running;
    }
    if is_abandoned(pod, now) {
        let detail = format!(
            "the containers of pod {} were never started, or the machine was restarted",
            pod.name
        );
        return WorkloadState::Failed(Failure::new(Reason::WorkloadGone, detail));
    }
    WorkloadState::Pending(Stage::Starting)
}

/// Whether nobody can be starting this pod any more: a `kube play` of that age has been ended long ago.
fn is_abandoned(pod: &Pod, now: DateTime<Utc>) -> bool {
    TimeDelta::from_std(2 * CHANGE_LIMIT).is_ok_and(|limit| now - pod.created > limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod() -> Pod {
        let labels = json!({INSTANCE_LABEL: InstanceId::new().to_string(), SESSION_LABEL: "x"});
        serde_json::from_value(
            json!({"Id": "1", "Name": "p", "Created": "2026-11-23T10:00:00Z", "Labels": labels}),
        )
        .unwrap()
    }

    fn container(name: &str, state: &str, exit: i64, exited_at: i64) -> Container {
        let port = json!({"host_ip": "127.0.0.1", "container_port": 5900, "host_port": 41000, "range": 1, "protocol": "tcp"});
        let one: Value = json!({"Pod": "1", "Names": [format!("p-{name}")], "State": state, "ExitCode": exit,
            "ExitedAt": exited_at, "IsInfra": false, "Ports": [port]});
        serde_json::from_value(one).unwrap()
    }

    fn state_of(containers: &[Container], minutes: i64) -> WorkloadState {
        state(&pod(), containers, pod().created + TimeDelta::minutes(minutes))
    }

    #[test]
    fn all_running_is_running() {
        let both = [
            container("vnc", "running", 0, -1),
            container("app", "running", 0, -1),
        ];
        assert_eq!(state_of(&both, 60), WorkloadState::Running);
        assert_eq!(address(&both).as_deref(), Some("127.0.0.1:41000"));
    }

    #[test]
    fn the_first_to_end_is_the_cause() {
        let both = [
            container("vnc", "exited", 1, 20),
            container("app", "exited", 137, 10),
        ];
        let WorkloadState::Failed(failure) = state_of(&both, 1) else {
            panic!("failed")
        };
        assert_eq!(failure.reason, Reason::OutOfMemory);
        assert!(failure.detail.contains("container app"), "{}", failure.detail);
    }

    #[test]
    fn what_never_started_is_pending_and_then_given_up() {
        for half in [
            vec![],
            vec![
                container("vnc", "created", 0, -1),
                container("app", "running", 0, -1),
            ],
        ] {
            assert_eq!(state_of(&half, 1), WorkloadState::Pending(Stage::Starting));
            assert!(matches!(state_of(&half, 5), WorkloadState::Failed(_)));
        }
    }

    #[test]
    fn empty_answers_are_empty_lists_and_others_are_errors() {
        assert!(parse::<Pod>(b"\n").unwrap().is_empty());
        assert!(parse::<Pod>(b"null").unwrap().is_empty());
        assert!(parse::<Pod>(b"[{\"Id\":1}]").is_err());
    }

    #[test]
    fn anothers_labels_are_not_ours() {
        assert_eq!(pod().session_of(InstanceId::new()), None);
    }
}
