//! Everything that goes wrong has a reason and leaves nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use launchpad_domain::{Reason, Runtime, RuntimeError, RuntimeEvent, Stage};
use serde_json::json;

use crate::support::{DESKTOP, Machine, failure_of, until};

#[tokio::test]
async fn a_missing_image_is_told_at_once_and_leaves_nothing() {
    let machine = Machine::new();
    let nowhere = json!({"containers": [{"name": "vnc", "image": "localhost/launchpad/nowhere:1"}]});
    let workload = machine.workload(&nowhere, &json!([]));
    let error = machine.podman.apply(&workload).await.unwrap_err();
    let RuntimeError::Refused(failure) = error else {
        panic!("{error}")
    };
    assert_eq!(failure.reason, Reason::ImageMissing);
    assert!(
        failure.detail.contains("localhost/launchpad/nowhere:1"),
        "{}",
        failure.detail
    );
    assert_eq!(machine.remains(&workload), "");
}

#[tokio::test]
async fn an_image_from_a_registry_that_does_not_answer_is_told_after_the_stage_pulling() {
    let machine = Machine::new();
    let remote = json!({"containers": [{"name": "vnc", "image": "registry.invalid/team/app:1"}]});
    let workload = machine.workload(&remote, &json!([]));
    let mut events = machine.podman.watch();
    let error = machine.podman.apply(&workload).await.unwrap_err();
    let RuntimeError::Refused(failure) = error else {
        panic!("{error}")
    };
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
    assert!(
        failure.detail.contains("container vnc ended with exit code 3"),
        "{}",
        failure.detail
    );
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
    let workload = machine.workload(&json!({"containers": [one]}), &json!([]));
    let error = machine.podman.apply(&workload).await.unwrap_err();
    let RuntimeError::Refused(failure) = error else {
        panic!("{error}")
    };
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
    let (answered, killed) = tokio::join!(machine.podman.answered(&workload, None), async {
        tokio::process::Command::new("podman")
            .args(["kill", &container])
            .output()
            .await
            .unwrap()
    });
    assert!(killed.status.success());
    assert!(matches!(answered, Err(RuntimeError::Refused(_))), "{answered:?}");
}

/// Podman 4.3 lists nothing where a thing goes while it lists: one list of volumes of 300 beside four programs that made
/// and removed some. Here it is the first list of each kind.
#[tokio::test]
async fn what_goes_while_a_list_is_made_spoils_no_list() {
    let once = Machine::without_images(&complaining("once", "mkdir \"$0-$thing\" 2>/dev/null"));
    assert_eq!(once.podman.workspaces().await, Ok(vec![]));
    assert_eq!(once.podman.list().await, Ok(vec![]));
    let always = Machine::without_images(&complaining("always", "true"));
    let spoiled = always.podman.workspaces().await;
    assert!(matches!(spoiled, Err(RuntimeError::Away(_))), "{spoiled:?}");
}

/// A portal that is killed ends no child of its own, and the readers of those that were killed are many one day.
#[tokio::test]
async fn a_reader_of_events_ends_by_itself_and_another_goes_on() {
    let program = program(
        "ending",
        r#"case "$*" in
"events "*"--until 1m"*) exec podman "$@" --until 1s ;;
"events "*) exec sleep infinity ;;
*) exec podman "$@" ;;
esac
"#,
    );
    let machine = Machine::without_images(&program);
    let mut events = machine.podman.watch();
    // Each reader begins with this, since something may have happened before.
    let three = async {
        for _ in 0..3 {
            until(&mut events, |event| *event == RuntimeEvent::Missed).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), three).await.unwrap();
}

/// A Podman that complains of a thing that went where it is asked for a list and the condition holds.
fn complaining(when: &str, condition: &str) -> String {
    let script = format!(
        r#"case "$1 $2" in
'volume ls') thing=volume ;;
'pod ps') thing=pod ;;
'ps --all') thing=container ;;
*) exec podman "$@" ;;
esac
if {condition}; then
    echo "Error: no $thing with name x found in database: no such $thing" >&2
    exit 125
fi
exec podman "$@"
"#
    );
    program(&format!("complaining-{when}"), &script)
}

/// A script to be called instead of Podman, alone in a folder of this name.
fn program(name: &str, script: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join("podman");
    fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn no_podman_is_an_error_of_its_own() {
    let machine = Machine::without_images("/nonexistent/podman");
    let told = RuntimeError::Away("Podman is not installed: no program `/nonexistent/podman`".to_owned());
    assert_eq!(machine.podman.check().await.unwrap_err(), told);
    assert_eq!(machine.podman.list().await.unwrap_err(), told);
    assert_eq!(
        machine.podman.apply(&machine.shell("true")).await.unwrap_err(),
        told
    );
    let broken = Machine::without_images("/bin/false");
    assert!(matches!(broken.podman.list().await, Err(RuntimeError::Away(_))));
}
