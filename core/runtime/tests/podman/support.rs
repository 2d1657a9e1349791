//! A real Podman with the example images, one instance for each test, and nothing left when the test ends.

mod rootless;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use launchpad_domain::policy::{self, Owner, PodLimits};
use launchpad_domain::runtime::INSTANCE_LABEL;
use launchpad_domain::{
    AppId, Clock, InstanceId, Opens, Plan, Runtime, RuntimeEvent, SessionId, UserId, Workload,
};
use launchpad_domain::{Capability, Grants};
use launchpad_runtime::Podman;
use serde_json::{Value, json};

/// The sidecar of the examples.
pub(crate) const SIDECAR: &str = "localhost/launchpad/vnc-sidecar:1";
/// The app of the examples.
pub(crate) const DESKTOP: &str = "localhost/launchpad/desktop:1";

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        std::time::SystemTime::now().into()
    }
}

/// One instance on the machine's Podman.
#[derive(Debug)]
pub(crate) struct Machine {
    /// What is tested.
    pub(crate) podman: Podman,
    /// Whose workloads they are.
    pub(crate) instance: InstanceId,
    pub(crate) user: UserId,
    program: String,
}

impl Machine {
    /// Builds the example images where they are not there yet.
    pub(crate) fn new() -> Self {
        static IMAGES: OnceLock<()> = OnceLock::new();
        IMAGES.get_or_init(|| build_images(&[]));
        Self::without_images("podman")
    }

    /// The Podman of an ordinary user, made for this test where root runs it. `None` for an ordinary user, whose
    /// other tests are all of this kind.
    pub(crate) fn rootless() -> Option<Self> {
        if succeeds(Command::new("id").arg("-u"), "0") {
            Some(Self::without_images(&rootless::prepare()))
        } else {
            None
        }
    }

    /// An instance that runs this program.
    pub(crate) fn without_images(program: &str) -> Self {
        let instance = InstanceId::new();
        let podman = Podman::with_program(instance, Arc::new(SystemClock), program.into());
        Self {
            podman,
            instance,
            user: UserId::new(),
            program: program.to_owned(),
        }
    }

    /// A workload of a new session, from a plan as a plugin would write it.
    pub(crate) fn workload(&self, pod: &Value, claims: &Value) -> Workload {
        let document = json!({"schema": 1, "pod": pod, "claims": claims,
            "endpoint": {"kind": "vnc", "container": "vnc", "port": 5900}});
        let Plan::Pod(plan) = Plan::parse(document, Opens::Pod).unwrap() else {
            panic!("a pod plan")
        };
        let session = SessionId::new();
        let app: AppId = "desktop".parse().unwrap();
        let owner = Owner {
            instance: self.instance,
            session,
            user: self.user,
            app: app.clone(),
        };
        let grants = Grants([Capability::Claims.word()].into());
        let plan = policy::accept(*plan, &grants, &PodLimits::default(), &owner).unwrap();
        Workload {
            instance: self.instance,
            session,
            user: self.user,
            app,
            name: format!("session-{session}"),
            plan: plan.into(),
        }
    }

    /// The desktop of the examples.
    pub(crate) fn desktop(&self) -> Workload {
        self.workload(
            &json!({
                "volumes": [{"name": "x11", "emptyDir": {}}, {"name": "vnc-tmp", "emptyDir": {}},
                    {"name": "app-tmp", "emptyDir": {}}, {"name": "workspace", "emptyDir": {}}],
                "containers": [
                    {"name": "vnc", "image": SIDECAR, "ports": [{"containerPort": 5900}], "volumeMounts": [
                        {"name": "vnc-tmp", "mountPath": "/tmp"}, {"name": "x11", "mountPath": "/tmp/.X11-unix"}]},
                    {"name": "app", "image": DESKTOP, "volumeMounts": [
                        {"name": "app-tmp", "mountPath": "/tmp"}, {"name": "x11", "mountPath": "/tmp/.X11-unix"},
                        {"name": "workspace", "mountPath": "/home/user/workspace"}]}]
            }),
            &json!([]),
        )
    }

    /// A pod of one container that runs this shell command.
    pub(crate) fn shell(&self, command: &str) -> Workload {
        let one = json!({"name": "vnc", "image": DESKTOP, "command": ["/bin/bash", "-c", command],
            "resources": {"limits": {"memory": "64Mi"}}});
        self.workload(&json!({"containers": [one]}), &json!([]))
    }

    /// Runs the machine's Podman.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(&self.program).args(arguments).output().unwrap()
    }

    /// Runs a command in a container of the workload.
    pub(crate) fn inside(&self, workload: &Workload, container: &str, command: &str) -> Output {
        self.run(&[
            "exec",
            &format!("{}-{container}", workload.name),
            "/bin/bash",
            "-c",
            command,
        ])
    }

    /// Everything of this workload that Podman still has: pods, volumes, networks.
    pub(crate) fn remains(&self, workload: &Workload) -> String {
        let id = workload.session.to_string();
        let lists = [
            self.run(&["pod", "ps", "--format", "{{.Name}}"]),
            self.run(&["ps", "--all", "--format", "{{.Names}}"]),
            self.run(&["volume", "ls", "--format", "{{.Name}}"]),
            self.run(&["network", "ls", "--format", "{{.Name}}"]),
        ];
        let lines = lists.iter().map(text).collect::<Vec<_>>().join("\n");
        lines
            .lines()
            .filter(|line| line.contains(&id))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if Command::new(&self.program).arg("--version").output().is_err() {
            return;
        }
        let filter = format!("label={INSTANCE_LABEL}={}", self.instance);
        for (list, remove) in [
            (
                &["pod", "ps", "--format", "{{.ID}}"][..],
                &["pod", "rm", "--force", "--time", "0"][..],
            ),
            (
                &["volume", "ls", "--format", "{{.Name}}"],
                &["volume", "rm", "--force"],
            ),
            (
                &["network", "ls", "--format", "{{.Name}}"],
                &["network", "rm", "--force"],
            ),
        ] {
            let listed = text(&self.run(&[list, &["--filter", &filter]].concat()));
            for name in listed.lines().filter(|name| !name.is_empty()) {
                self.run(&[remove, &[name]].concat());
            }
        }
    }
}

/// Runs the script that builds the example images.
fn build_images(arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/images/build.sh");
    assert!(
        Command::new(script).args(arguments).status().unwrap().success(),
        "the example images are built"
    );
}

fn succeeds(command: &mut Command, with: &str) -> bool {
    let output = command.output().unwrap();
    output.status.success() && text(&output) == with
}

/// What it printed.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits for the first event that fits.
pub(crate) async fn until(
    events: &mut futures::stream::BoxStream<'static, RuntimeEvent>,
    fits: impl Fn(&RuntimeEvent) -> bool,
) -> RuntimeEvent {
    use futures::StreamExt;
    loop {
        let event = events.next().await.unwrap();
        if fits(&event) {
            return event;
        }
    }
}

/// Waits, by events alone, until the workload has failed, and says why.
pub(crate) async fn failure_of(machine: &Machine, workload: &Workload) -> launchpad_domain::Failure {
    use launchpad_domain::runtime::WorkloadState;
    let mut events = machine.podman.watch();
    loop {
        until(&mut events, |event| !matches!(event, RuntimeEvent::Stage(..))).await;
        if let Some(observed) = machine.podman.observe(workload.session).await.unwrap()
            && let WorkloadState::Failed(failure) = observed.state
        {
            return failure;
        }
    }
}
