//! The runtime `podman` on the real Podman of this machine.

mod support;

use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL, WorkloadState};
use launchpad_domain::{Reason, Runtime, RuntimeError, RuntimeEvent, Stage};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use support::{DESKTOP, Machine, failure_of, podman, text, until};

#[tokio::test]
async fn a_desktop_comes_up_answers_and_leaves_nothing() {
    let machine = Machine::new();
    let workload = machine.desktop();
    let mut events = machine.podman.watch();
    until(&mut events, |event| *event == RuntimeEvent::Missed).await;

    machine.podman.apply(&workload).await.unwrap();
    let starting = RuntimeEvent::Stage(workload.session, Stage::Starting);
    until(&mut events, |event| *event == starting).await;
    until(&mut events, |event| *event == RuntimeEvent::Changed(workload.session)).await;
    machine.podman.answered(&workload).await.unwrap();

    let observed = machine.podman.observe(workload.session).await.unwrap().unwrap();
    assert_eq!((observed.session, observed.name.as_str()), (workload.session, workload.name.as_str()));
    assert_eq!(observed.state, WorkloadState::Running);
    assert_eq!(machine.podman.list().await.unwrap(), [observed]);

    let mut greeting = [0; 12];
    machine.podman.connect(&workload).await.unwrap().read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"RFB 003.008\n");

    machine.podman.delete(workload.session).await.unwrap();
    assert_eq!(machine.remains(&workload), "");
    assert_eq!(machine.podman.observe(workload.session).await.unwrap(), None);
    machine.podman.delete(workload.session).await.unwrap();
    assert!(matches!(machine.podman.connect(&workload).await.err(), Some(RuntimeError::Refused(_))));
}

#[tokio::test]
async fn exactly_one_port_is_published_on_loopback() {
    let machine = Machine::new();
    let workload = machine.desktop();
    machine.podman.apply(&workload).await.unwrap();
    let inspected = text(&podman(&["pod", "inspect", &workload.name]));
    let pod: Value = serde_json::from_str(&inspected).unwrap();
    let published = pod["InfraConfig"]["PortBindings"].as_object().unwrap();
    assert_eq!(published.keys().collect::<Vec<_>>(), ["5900/tcp"]);
    let bindings = published["5900/tcp"].as_array().unwrap();
    assert_eq!(bindings.len(), 1);
    assert_eq!(bindings[0]["HostIp"], "127.0.0.1");
}

#[tokio::test]
async fn applying_again_changes_nothing() {
    let machine = Machine::new();
    let workload = machine.desktop();
    machine.podman.apply(&workload).await.unwrap();
    let id = || text(&podman(&["pod", "inspect", "--format", "{{.ID}}", &workload.name]));
    let first = id();
    machine.podman.apply(&workload).await.unwrap();
    assert_eq!(id(), first);
}

#[tokio::test]
async fn a_pod_that_was_cut_off_is_made_anew() {
    let machine = Machine::new();
    let workload = machine.desktop();
    let of_instance = format!("{INSTANCE_LABEL}={}", machine.instance);
    let of_session = format!("{SESSION_LABEL}={}", workload.session);
    let labels = ["--label", of_instance.as_str(), "--label", of_session.as_str()];
    let half = [&["pod", "create", "--name", &workload.name, "--network", "slirp4netns"][..], &labels].concat();
    assert!(podman(&half).status.success());
    let observed = machine.podman.observe(workload.session).await.unwrap().unwrap();
    assert_eq!(observed.state, WorkloadState::Pending(Stage::Starting));

    machine.podman.apply(&workload).await.unwrap();
    machine.podman.answered(&workload).await.unwrap();
}

#[tokio::test]
async fn sessions_share_no_folder() {
    let machine = Machine::new();
    let (mine, other) = (machine.desktop(), machine.desktop());
    let (a, b) = tokio::join!(machine.podman.apply(&mine), machine.podman.apply(&other));
    a.and(b).unwrap();
    let (a, b) = tokio::join!(machine.podman.answered(&mine), machine.podman.answered(&other));
    a.and(b).unwrap();
    assert_eq!(machine.podman.list().await.unwrap().len(), 2);

    assert!(machine.inside(&mine, "app", "echo secret > /home/user/workspace/x").status.success());
    assert_eq!(text(&machine.inside(&other, "app", "ls /home/user/workspace")), "");

    machine.podman.delete(mine.session).await.unwrap();
    assert_eq!(machine.podman.list().await.unwrap().len(), 1, "the other one stays");
}

#[tokio::test]
async fn no_session_reaches_anothers_screen_by_any_address_of_the_machine() {
    let machine = Machine::new();
    let (mine, other, ended) = (machine.desktop(), machine.desktop(), machine.desktop());
    for workload in [&mine, &other, &ended] {
        machine.podman.apply(workload).await.unwrap();
        machine.podman.answered(workload).await.unwrap();
    }
    // That a session ends must not open the others.
    machine.podman.delete(ended.session).await.unwrap();
    let address = machine.podman.observe(other.session).await.unwrap().unwrap().address.unwrap();
    let published = address.rsplit_once(':').unwrap().1.to_owned();

    // The pod's own screen has the port 5900 on its own loopback only.
    let reach = |host: &str, port: &str| {
        machine.inside(&mine, "app", &format!("timeout 2 bash -c '</dev/tcp/{host}/{port}'")).status.success()
    };
    assert!(reach("127.0.0.1", "5900"), "its own screen is reached");
    let of_machine = text(&std::process::Command::new("hostname").arg("--all-ip-addresses").output().unwrap());
    let mut hosts: Vec<&str> = of_machine.split_whitespace().collect();
    hosts.extend(["127.0.0.1", "10.0.2.2", "10.0.2.3"]);
    for host in hosts {
        assert!(!reach(host, &published), "{host}:{published}");
    }
    let infra = text(&podman(&["pod", "inspect", "--format", "{{.InfraContainerID}}", &other.name]));
    let networks = text(&podman(&["inspect", "--format", "{{json .NetworkSettings.Networks}}", &infra]));
    assert!(!networks.contains("IPAddress"), "the other pod has no address of its own: {networks}");
}

#[tokio::test]
async fn a_missing_image_is_told_at_once_and_leaves_nothing() {
    let machine = Machine::new();
    let nowhere = json!({"containers": [{"name": "vnc", "image": "localhost/launchpad/nowhere:1"}]});
    let workload = machine.workload(nowhere, json!([]));
    let error = machine.podman.apply(&workload).await.unwrap_err();
    let RuntimeError::Refused(failure) = error else { panic!("{error}") };
    assert_eq!(failure.reason, Reason::ImageMissing);
    assert!(failure.detail.contains("localhost/launchpad/nowhere:1"), "{}", failure.detail);
    assert_eq!(machine.remains(&workload), "");
}

#[tokio::test]
async fn an_image_from_a_registry_that_does_not_answer_is_told_after_the_stage_pulling() {
    let machine = Machine::new();
    let remote = json!({"containers": [{"name": "vnc", "image": "registry.invalid/team/app:1"}]});
    let workload = machine.workload(remote, json!([]));
    let mut events = machine.podman.watch();
    let error = machine.podman.apply(&workload).await.unwrap_err();
    let RuntimeError::Refused(failure) = error else { panic!("{error}") };
    assert_eq!(failure.reason, Reason::ImagePull, "{}", failure.detail);
    let pulling = RuntimeEvent::Stage(workload.session, Stage::Pulling);
    until(&mut events, |event| *event == pulling).await;
}

#[tokio::test]
async fn a_container_that_ends_fails_with_its_exit_code() {
    let machine = Machine::new();
    let workload = machine.shell("exit 3");
    machine.podman.apply(&workload).await.unwrap();
    let failure = failure_of(&machine, &workload).await;
    assert_eq!(failure.reason, Reason::Exited);
    assert!(failure.detail.contains("container vnc ended with exit code 3"), "{}", failure.detail);
}

#[tokio::test]
async fn a_container_that_takes_too_much_memory_fails_as_such() {
    let machine = Machine::new();
    let workload = machine.shell("exec tail /dev/zero");
    machine.podman.apply(&workload).await.unwrap();
    assert_eq!(failure_of(&machine, &workload).await.reason, Reason::OutOfMemory);
}

#[tokio::test]
async fn a_command_that_is_not_in_the_image_is_refused() {
    let machine = Machine::new();
    let one = json!({"name": "vnc", "image": DESKTOP, "command": ["/no/such/program"]});
    let workload = machine.workload(json!({"containers": [one]}), json!([]));
    let error = machine.podman.apply(&workload).await.unwrap_err();
    let RuntimeError::Refused(failure) = error else { panic!("{error}") };
    assert_eq!(failure.reason, Reason::EngineRefused);
    assert!(failure.detail.contains("/no/such/program"), "{}", failure.detail);
    assert_eq!(machine.remains(&workload), "");
}

#[tokio::test]
async fn waiting_for_an_answer_ends_when_the_container_does() {
    let machine = Machine::new();
    let workload = machine.shell("sleep 1000");
    machine.podman.apply(&workload).await.unwrap();
    let container = format!("{}-vnc", workload.name);
    let (answered, killed) = tokio::join!(machine.podman.answered(&workload), async {
        tokio::task::spawn_blocking(move || podman(&["kill", &container])).await.unwrap()
    });
    assert!(killed.status.success());
    assert!(matches!(answered, Err(RuntimeError::Refused(_))), "{answered:?}");
}

#[tokio::test]
async fn a_workspace_outlives_its_sessions() {
    let machine = Machine::new();
    let desktop = || {
        let mounts = json!([{"name": "workspace", "mountPath": "/home/user/workspace"}]);
        let pod = json!({
            "volumes": [{"name": "workspace", "persistentVolumeClaim": {"claimName": "workspace"}}],
            "containers": [{"name": "vnc", "image": DESKTOP, "volumeMounts": mounts, "command": ["sleep", "1000"]}]
        });
        machine.workload(pod, json!([{"name": "workspace", "size": "1Gi"}]))
    };
    let first = desktop();
    machine.podman.apply(&first).await.unwrap();
    assert!(machine.inside(&first, "vnc", "echo kept > /home/user/workspace/x").status.success());
    machine.podman.delete(first.session).await.unwrap();
    assert_eq!(machine.remains(&first), "");

    let second = desktop();
    machine.podman.apply(&second).await.unwrap();
    assert_eq!(text(&machine.inside(&second, "vnc", "cat /home/user/workspace/x")), "kept");
}

#[tokio::test]
async fn another_instances_workloads_are_neither_seen_nor_touched() {
    let (machine, other) = (Machine::new(), Machine::new());
    let workload = other.shell("sleep 1000");
    other.podman.apply(&workload).await.unwrap();
    assert_eq!(machine.podman.list().await.unwrap(), []);
    assert_eq!(machine.podman.observe(workload.session).await.unwrap(), None);
    machine.podman.delete(workload.session).await.unwrap();
    let observed = other.podman.observe(workload.session).await.unwrap().unwrap();
    assert_eq!(observed.state, WorkloadState::Running);
}

#[tokio::test]
async fn no_podman_is_an_error_of_its_own() {
    let machine = Machine::without_images("/nonexistent/podman");
    let told = RuntimeError::Away("Podman is not installed: no program `/nonexistent/podman`".to_owned());
    assert_eq!(machine.podman.check().await.unwrap_err(), told);
    assert_eq!(machine.podman.list().await.unwrap_err(), told);
    assert_eq!(machine.podman.apply(&machine.shell("true")).await.unwrap_err(), told);
    let broken = Machine::without_images("/bin/false");
    assert!(matches!(broken.podman.list().await, Err(RuntimeError::Away(_))));
}

#[tokio::test]
async fn the_engine_says_what_it_is() {
    assert!(Machine::new().podman.check().await.unwrap().starts_with("Podman "));
}
