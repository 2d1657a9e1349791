//! What sessions and instances cannot see of each other.

use launchpad_domain::Runtime;
use launchpad_domain::runtime::WorkloadState;
use serde_json::Value;

use crate::support::{Machine, text};

#[tokio::test]
async fn exactly_one_port_is_published_on_loopback() {
    let machine = Machine::new();
    let workload = machine.desktop();
    machine.podman.apply(&workload).await.unwrap();
    let inspected = text(&machine.run(&["pod", "inspect", &workload.name]));
    let pod: Value = serde_json::from_str(&inspected).unwrap();
    let published = pod["InfraConfig"]["PortBindings"].as_object().unwrap();
    assert_eq!(published.keys().collect::<Vec<_>>(), ["5900/tcp"]);
    let bindings = published["5900/tcp"].as_array().unwrap();
    assert_eq!(bindings.len(), 1);
    assert_eq!(bindings[0]["HostIp"], "127.0.0.1");
}

#[tokio::test]
async fn sessions_share_no_folder() {
    let machine = Machine::new();
    let (mine, other) = (machine.desktop(), machine.desktop());
    let (a, b) = tokio::join!(machine.podman.apply(&mine), machine.podman.apply(&other));
    a.and(b).unwrap();
    let (a, b) = tokio::join!(
        machine.podman.answered(&mine, None),
        machine.podman.answered(&other, None)
    );
    a.and(b).unwrap();
    assert_eq!(machine.podman.list().await.unwrap().len(), 2);

    assert!(
        machine
            .inside(&mine, "app", "echo secret > /home/user/workspace/x")
            .status
            .success()
    );
    assert_eq!(
        text(&machine.inside(&other, "app", "ls /home/user/workspace")),
        ""
    );

    machine.podman.delete(mine.session).await.unwrap();
    assert_eq!(
        machine.podman.list().await.unwrap().len(),
        1,
        "the other one stays"
    );
}

#[tokio::test]
async fn no_session_reaches_anothers_screen_by_any_address_of_the_machine() {
    let machine = Machine::new();
    let (mine, other, ended) = (machine.desktop(), machine.desktop(), machine.desktop());
    for workload in [&mine, &other, &ended] {
        machine.podman.apply(workload).await.unwrap();
        machine.podman.answered(workload, None).await.unwrap();
    }
    // That a session ends must not open the others.
    machine.podman.delete(ended.session).await.unwrap();
    let address = machine
        .podman
        .observe(other.session)
        .await
        .unwrap()
        .unwrap()
        .address
        .unwrap();
    let published = address.rsplit_once(':').unwrap().1.to_owned();

    // The pod's own screen has the port 5900 on its own loopback only.
    let reach = |host: &str, port: &str| {
        machine
            .inside(
                &mine,
                "app",
                &format!("timeout 2 bash -c '</dev/tcp/{host}/{port}'"),
            )
            .status
            .success()
    };
    assert!(reach("127.0.0.1", "5900"), "its own screen is reached");
    let of_machine = text(
        &std::process::Command::new("hostname")
            .arg("--all-ip-addresses")
            .output()
            .unwrap(),
    );
    let mut hosts: Vec<&str> = of_machine.split_whitespace().collect();
    hosts.extend(["127.0.0.1", "10.0.2.2", "10.0.2.3"]);
    for host in hosts {
        assert!(!reach(host, &published), "{host}:{published}");
    }
    let infra = text(&machine.run(&["pod", "inspect", "--format", "{{.InfraContainerID}}", &other.name]));
    let networks = text(&machine.run(&[
        "inspect",
        "--format",
        "{{json .NetworkSettings.Networks}}",
        &infra,
    ]));
    assert!(
        !networks.contains("IPAddress"),
        "the other pod has no address of its own: {networks}"
    );
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
