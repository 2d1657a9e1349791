use super::*;
use serde_json::{Value, json};

fn pod(node: Option<&str>, status: &Value) -> PodView {
    let container = |name: &str| json!({"name": name, "image": "registry.example/a:1"});
    serde_json::from_value(json!({
        "metadata": {"name": "p", "uid": "u", "resourceVersion": "7"},
        "spec": {"nodeName": node, "containers": [container("vnc"), container("app")]},
        "status": status,
    }))
    .unwrap()
}

fn container(name: &str, image: &str, state: &Value) -> Value {
    json!({"name": name, "image": image, "imageID": "", "ready": false, "restartCount": 0, "state": state})
}

fn judged(node: Option<&str>, status: &Value) -> (WorkloadState, Option<Failure>) {
    judge(&pod(node, status))
}

fn failure(status: &Value) -> Option<Reason> {
    match judged(Some("n"), status).0 {
        WorkloadState::Failed(failure) => Some(failure.reason),
        _ => None,
    }
}

fn waiting_for(image: &str, reason: &str, message: &str) -> Value {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    json!({"phase": "Pending", "containerStatuses": [container("app", image, &state)]})
}

#[test]
fn a_launch_goes_through_its_stages() {
    let none = json!({"phase": "Pending"});
    assert_eq!(judged(None, &none).0, WorkloadState::Pending(Stage::Scheduled));
    assert_eq!(
        judged(Some("n"), &none).0,
        WorkloadState::Pending(Stage::Starting)
    );
    let runs = json!({"running": {}});
    let one = json!({"phase": "Pending", "containerStatuses": [container("vnc", "a", &runs)]});
    assert_eq!(judged(Some("n"), &one).0, WorkloadState::Pending(Stage::Starting));
    let both = json!({"phase": "Running", "containerStatuses": [container("vnc", "a", &runs), container("app", "a", &runs)]});
    assert_eq!(judged(Some("n"), &both), (WorkloadState::Running, None));
}

#[test]
fn what_may_pass_is_a_trouble_and_what_may_not_a_failure() {
    let trouble = |node, status: &Value| judged(node, status).1.map(|failure| failure.reason);
    let condition = |message: &str| {
        json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": message}]})
    };
    let crowded = condition("0/1 nodes are available: 1 Insufficient memory.");
    assert_eq!(trouble(None, &crowded), Some(Reason::Unschedulable));
    let volume = condition("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
    assert_eq!(trouble(None, &volume), Some(Reason::VolumePending));

    let away = waiting_for(
        "registry.example/a:1",
        "ErrImagePull",
        "dial tcp: connection refused",
    );
    assert_eq!(trouble(Some("n"), &away), Some(Reason::ImagePull));
    assert_eq!(failure(&away), None);
    let missing =
        "rpc error: code = NotFound desc = failed to resolve reference: registry.example/a:1: not found";
    assert_eq!(
        failure(&waiting_for("registry.example/a:1", "ErrImagePull", missing)),
        Some(Reason::ImageMissing)
    );
    assert_eq!(
        failure(&waiting_for(
            "localhost/a:1",
            "ImagePullBackOff",
            "connection refused"
        )),
        Some(Reason::ImageMissing)
    );
    assert_eq!(
        failure(&waiting_for("a:1", "CrashLoopBackOff", "back-off 10s")),
        Some(Reason::CrashLoop)
    );
}

#[test]
fn the_first_to_end_is_the_cause() {
    let ends = |code: i32, reason: &str, at: &str| json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": at}});
    let status = json!({"phase": "Failed", "containerStatuses": [
        container("vnc", "a", &ends(1, "Error", "2026-11-25T10:00:05Z")),
        container("app", "a", &ends(137, "OOMKilled", "2026-11-25T10:00:04Z"))]});
    let WorkloadState::Failed(failure) = judged(Some("n"), &status).0 else {
        panic!("failed")
    };
    assert_eq!(failure.reason, Reason::OutOfMemory);
    assert!(failure.detail.contains("container app"), "{}", failure.detail);
}

#[test]
fn the_clusters_own_doings_have_their_reasons() {
    let failed = |reason: &str| json!({"phase": "Failed", "reason": reason, "message": "m"});
    assert_eq!(
        judged(Some("n"), &failed("DeadlineExceeded")).0,
        WorkloadState::Expired
    );
    assert_eq!(failure(&failed("Evicted")), Some(Reason::Evicted));
    assert_eq!(failure(&failed("OutOfmemory")), Some(Reason::Unschedulable));
    let disrupted = |reason: &str| {
        json!({"phase": "Running", "conditions": [{"type": "DisruptionTarget", "status": "True",
            "reason": reason, "message": "m"}]})
    };
    assert_eq!(
        failure(&disrupted("DeletionByTaintManager")),
        Some(Reason::NodeLost)
    );
    assert_eq!(
        failure(&disrupted("PreemptionByScheduler")),
        Some(Reason::Evicted)
    );
}

#[test]
fn a_pod_that_somebody_removes_is_gone() {
    let mut pod = pod(Some("n"), &json!({"phase": "Running"}));
    pod.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-25T10:00:00Z")).unwrap();
    let WorkloadState::Failed(failure) = judge(&pod).0 else {
        panic!("failed")
    };
    assert_eq!(failure.reason, Reason::WorkloadGone);
}

#[test]
fn anothers_labels_are_not_ours() {
    assert_eq!(seen(&pod(None, &json!({})), InstanceId::new()), None);
}
