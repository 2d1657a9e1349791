//! Workloads come up, answer, are told of, and leave nothing.

use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL, USER_LABEL, WorkloadState};
use launchpad_domain::{Reason, Runtime, RuntimeError, RuntimeEvent, Stage, UserId, Workload};
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::support::{DESKTOP, Machine, text, until};

#[tokio::test]
async fn a_desktop_comes_up_answers_and_leaves_nothing() {
    a_life(&Machine::new()).await;
}

#[tokio::test]
async fn it_does_so_for_an_ordinary_user_too() {
    if let Some(machine) = Machine::rootless() {
        assert!(machine.podman.check().await.unwrap().contains("rootless"));
        a_life(&machine).await;
    }
}

async fn a_life(machine: &Machine) {
    let workload = machine.desktop();
    let mut events = machine.podman.watch();
    until(&mut events, |event| *event == RuntimeEvent::Missed).await;

    let early = machine.podman.apply(&workload).await.unwrap();
    let starting = RuntimeEvent::Stage(workload.session, Stage::Starting);
    until(&mut events, |event| *event == starting).await;
    until(&mut events, |event| {
        *event == RuntimeEvent::Changed(workload.session)
    })
    .await;
    machine
        .podman
        .answered(&workload, early.as_deref())
        .await
        .unwrap();

    let observed = machine.podman.observe(workload.session).await.unwrap().unwrap();
    assert!(early.is_some() && observed.address == early, "{early:?}");
    assert_eq!(
        (observed.session, observed.name.as_str()),
        (workload.session, workload.name.as_str())
    );
    assert_eq!(observed.state, WorkloadState::Running);
    assert_eq!(machine.podman.list().await.unwrap(), [observed]);

    let mut greeting = [0; 12];
    machine
        .podman
        .connect(&workload)
        .await
        .unwrap()
        .read_exact(&mut greeting)
        .await
        .unwrap();
    assert_eq!(&greeting, b"RFB 003.008\n");

    machine.podman.delete(workload.session).await.unwrap();
    assert_eq!(machine.remains(&workload), "");
    assert_eq!(machine.podman.observe(workload.session).await.unwrap(), None);
    machine.podman.delete(workload.session).await.unwrap();
    assert!(matches!(
        machine.podman.connect(&workload).await.err(),
        Some(RuntimeError::Refused(_))
    ));
}

#[tokio::test]
async fn applying_again_changes_nothing() {
    let machine = Machine::new();
    let workload = machine.desktop();
    machine.podman.apply(&workload).await.unwrap();
    let id = || text(&machine.run(&["pod", "inspect", "--format", "{{.ID}}", &workload.name]));
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
    let half = [
        &[
            "pod",
            "create",
            "--name",
            &workload.name,
            "--network",
            "slirp4netns",
        ][..],
        &labels,
    ]
    .concat();
    assert!(machine.run(&half).status.success());
    let observed = machine.podman.observe(workload.session).await.unwrap().unwrap();
    assert_eq!(observed.state, WorkloadState::Pending(Stage::Starting));

    machine.podman.apply(&workload).await.unwrap();
    machine.podman.answered(&workload, None).await.unwrap();
}

#[tokio::test]
async fn a_workspace_outlives_its_sessions() {
    let machine = Machine::new();
    let first = with_workspace(&machine);
    machine.podman.apply(&first).await.unwrap();
    assert!(
        machine
            .inside(&first, "vnc", "echo kept > /home/user/workspace/x")
            .status
            .success()
    );
    machine.podman.delete(first.session).await.unwrap();
    assert_eq!(machine.remains(&first), "");

    let second = with_workspace(&machine);
    machine.podman.apply(&second).await.unwrap();
    assert_eq!(
        text(&machine.inside(&second, "vnc", "cat /home/user/workspace/x")),
        "kept"
    );

    let listed = machine.podman.workspaces().await.unwrap();
    let [workspace] = listed.as_slice() else {
        panic!("one workspace: {listed:?}")
    };
    assert_eq!(workspace.name.as_str(), second.plan.claims[0].name);
    assert_eq!(
        (workspace.user, workspace.app.as_ref(), workspace.session),
        (Some(machine.user), Some(&second.app), None)
    );
    assert_eq!(workspace.size.as_deref(), Some("1Gi"));
    let elsewhere = Machine::without_images("podman");
    assert_eq!(elsewhere.podman.workspaces().await.unwrap(), []);
    elsewhere.podman.delete_workspace(&workspace.name).await.unwrap();
    let mounted = machine.podman.delete_workspace(&workspace.name).await;
    assert!(matches!(mounted, Err(RuntimeError::Away(_))), "{mounted:?}");
    machine.podman.delete(second.session).await.unwrap();
    machine.podman.delete_workspace(&workspace.name).await.unwrap();
    machine.podman.delete_workspace(&workspace.name).await.unwrap();
    assert_eq!(machine.podman.workspaces().await.unwrap(), []);
}

/// A pod that sleeps beside the user's workspace.
fn with_workspace(machine: &Machine) -> Workload {
    let mounts = json!([{"name": "workspace", "mountPath": "/home/user/workspace"}]);
    let pod = json!({
        "volumes": [{"name": "workspace", "persistentVolumeClaim": {"claimName": "workspace"}}],
        "containers": [{"name": "vnc", "image": DESKTOP, "volumeMounts": mounts, "command": ["sleep", "1000"]}]
    });
    machine.workload(&pod, &json!([{"name": "workspace", "size": "1Gi"}]))
}

#[tokio::test]
async fn a_volume_of_somebody_else_is_no_workspace_of_this_user() {
    let machine = Machine::new();
    let workload = with_workspace(&machine);
    let name = workload.plan.claims[0].name.as_str();
    let of_instance = format!("--label={INSTANCE_LABEL}={}", machine.instance);
    let of_another = format!("--label={USER_LABEL}={}", UserId::new());
    for labels in [&[&of_instance][..], &[&of_instance, &of_another]] {
        let mut create = vec!["volume", "create"];
        create.extend(labels.iter().map(|label| label.as_str()));
        create.push(name);
        assert!(machine.run(&create).status.success());
        let Err(RuntimeError::Refused(failure)) = machine.podman.apply(&workload).await else {
            panic!("{labels:?} was mounted")
        };
        assert_eq!(failure.reason, Reason::WorkspaceForeign);
        assert_eq!(machine.remains(&workload), "");
        assert!(machine.run(&["volume", "rm", name]).status.success());
    }
}

#[tokio::test]
async fn the_engine_says_what_it_is() {
    assert!(
        Machine::new()
            .podman
            .check()
            .await
            .unwrap()
            .starts_with("Podman ")
    );
}

#[tokio::test]
async fn events_go_on_after_the_reader_was_killed() {
    let machine = Machine::new();
    let mut events = machine.podman.watch();
    until(&mut events, |event| *event == RuntimeEvent::Missed).await;
    let pattern = format!("podman events .*{}", machine.instance);
    let reader = text(
        &std::process::Command::new("pgrep")
            .args(["--full", &pattern])
            .output()
            .unwrap(),
    );
    assert!(
        std::process::Command::new("kill")
            .args(["-9", &reader])
            .status()
            .unwrap()
            .success()
    );
    until(&mut events, |event| *event == RuntimeEvent::Missed).await;

    let workload = machine.shell("sleep 1000");
    machine.podman.apply(&workload).await.unwrap();
    until(&mut events, |event| {
        *event == RuntimeEvent::Changed(workload.session)
    })
    .await;
}
