//! The engine, asked directly: what of an instance is really there.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use launchpad_domain::InstanceId;
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use serde_json::{Value, json};

use crate::{PATIENCE, workspace};

/// What one instance has on its engine.
#[derive(Debug, Clone)]
pub struct Engine {
    instance: String,
    place: Place,
}

/// Where an engine runs what it runs.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// This machine's Podman.
    Podman,
    /// A namespace of a cluster.
    Kubernetes {
        /// An administrator's access.
        kubeconfig: PathBuf,
        /// The namespace.
        namespace: String,
    },
}

impl Place {
    fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let Self::Kubernetes {
            kubeconfig,
            namespace,
        } = self
        else {
            bail!("this is not a cluster")
        };
        let mut command = Command::new(workspace().join("tests/cluster/cluster.sh"));
        command
            .args(["kubectl", "--namespace", namespace])
            .args(arguments)
            .env("LAUNCHPAD_TEST_KUBECONFIG", kubeconfig);
        run(command)
    }
}

impl Engine {
    /// Looks only at what carries this instance's label.
    pub(crate) fn of_instance(instance: InstanceId, place: Place) -> Self {
        Self {
            instance: instance.to_string(),
            place,
        }
    }

    fn filter(&self) -> String {
        format!("label={INSTANCE_LABEL}={}", self.instance)
    }

    /// One line for each pod, container and network of the instance; volumes are workspaces and may stay.
    pub fn leftovers(&self) -> anyhow::Result<Vec<String>> {
        if let Place::Kubernetes { .. } = self.place {
            return self.cluster_pods(&format!("{INSTANCE_LABEL}={}", self.instance));
        }
        let mut found = self.list("pod", &["pod", "ps"], "{{.Name}} {{.Status}}")?;
        found.extend(self.list("container", &["ps", "--all"], "{{.Names}} {{.Status}}")?);
        found.extend(self.list("network", &["network", "ls"], "{{.Name}}")?);
        Ok(found)
    }

    fn cluster_pods(&self, selector: &str) -> anyhow::Result<Vec<String>> {
        let selector = format!("--selector={selector}");
        let names = self.place.kubectl(&["get", "pods", &selector, "--output=name"])?;
        Ok(names.lines().map(|name| name.replace("pod/", "")).collect())
    }

    fn list(&self, what: &str, command: &[&str], format: &str) -> anyhow::Result<Vec<String>> {
        let filter = self.filter();
        let mut arguments = command.to_vec();
        arguments.extend(["--filter", &filter, "--format", format]);
        let lines = podman(&arguments)?;
        Ok(lines.lines().map(|line| format!("{what} {line}")).collect())
    }

    /// The pods that run a session, running or not.
    pub fn pods_of(&self, session: &str) -> anyhow::Result<Vec<String>> {
        if let Place::Kubernetes { .. } = self.place {
            let selector = format!("{INSTANCE_LABEL}={},{SESSION_LABEL}={session}", self.instance);
            return self.cluster_pods(&selector);
        }
        let filter = self.filter();
        let session = format!("label={SESSION_LABEL}={session}");
        let names = podman(&[
            "pod",
            "ps",
            "--filter",
            &filter,
            "--filter",
            &session,
            "--format",
            "{{.Name}}",
        ])?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// The session of every pod of the instance; one that is about to end is gone already.
    pub fn sessions(&self) -> anyhow::Result<Vec<String>> {
        if let Place::Podman = self.place {
            let filter = self.filter();
            let format = format!("{{{{index .Labels \"{SESSION_LABEL}\"}}}}");
            let names = podman(&["pod", "ps", "--filter", &filter, "--format", &format])?;
            return Ok(names.lines().map(str::to_owned).collect());
        }
        let selector = format!("--selector={INSTANCE_LABEL}={}", self.instance);
        let pods = self.place.kubectl(&["get", "pods", &selector, "--output=json"])?;
        let pods: Value = serde_json::from_str(&pods)?;
        let standing = pods["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|pod| &pod["metadata"])
            .filter(|metadata| metadata["deletionTimestamp"].is_null());
        Ok(standing
            .filter_map(|metadata| metadata["labels"][SESSION_LABEL].as_str())
            .map(str::to_owned)
            .collect())
    }

    /// Removes a session's pods as somebody does who knows nothing of the portal.
    pub fn remove_by_hand(&self, session: &str) -> anyhow::Result<()> {
        for pod in self.pods_of(session)? {
            match self.place {
                Place::Podman => podman(&["pod", "rm", "--force", "--time", "0", &pod])?,
                Place::Kubernetes { .. } => self.place.kubectl(&["delete", "pod", &pod, "--wait=false"])?,
            };
        }
        Ok(())
    }

    /// Makes a pod that no portal asked for, with the labels of this instance (or of nobody) and of this session.
    pub fn plant(&self, name: &str, instance: Option<&str>, session: &str) -> anyhow::Result<()> {
        let mut labels = vec![(SESSION_LABEL, session)];
        labels.extend(instance.map(|instance| (INSTANCE_LABEL, instance)));
        if let Place::Podman = self.place {
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("--label={name}={value}"))
                .collect();
            let mut arguments = vec!["pod", "create", "--name", name];
            arguments.extend(labels.iter().map(String::as_str));
            podman(&arguments)?;
            return Ok(());
        }
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let safe = json!({
            "spec": {
                "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": name,
                    "image": "localhost/launchpad/desktop:1",
                    "command": ["sleep", "600"],
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                }],
            },
        });
        self.place.kubectl(&[
            "run",
            name,
            "--image=localhost/launchpad/desktop:1",
            "--restart=Never",
            &format!("--labels={}", labels.join(",")),
            "--override-type=strategic",
            &format!("--overrides={safe}"),
        ])?;
        Ok(())
    }

    /// Whether a planted pod is there and nobody has told it to end.
    pub fn stands(&self, name: &str) -> anyhow::Result<bool> {
        if let Place::Podman = self.place {
            return Ok(Command::new("podman")
                .args(["pod", "exists", name])
                .status()?
                .success());
        }
        let pod = self
            .place
            .kubectl(&["get", "pod", name, "--ignore-not-found", "--output=json"])?;
        if pod.trim().is_empty() {
            return Ok(false);
        }
        let pod: Value = serde_json::from_str(&pod)?;
        Ok(pod["metadata"]["deletionTimestamp"].is_null())
    }

    /// Removes a planted pod.
    pub fn uproot(&self, name: &str) -> anyhow::Result<()> {
        match self.place {
            Place::Podman => podman(&["pod", "rm", "--force", "--ignore", "--time", "0", name])?,
            Place::Kubernetes { .. } => {
                self.place
                    .kubectl(&["delete", "pod", name, "--ignore-not-found", "--wait=false"])?
            }
        };
        Ok(())
    }

    /// Waits until a planted pod is gone, or about to be.
    pub async fn until_fallen(&self, name: &str) -> anyhow::Result<()> {
        self.until(|| Ok(!self.stands(name)?), "the end of a planted pod")
            .await
    }

    /// The instance whose pods these are.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Runs a shell command in a container of the session, and answers what it printed.
    pub fn inside(&self, session: &str, container: &str, command: &str) -> anyhow::Result<String> {
        let pods = self.pods_of(session)?;
        let [pod] = pods.as_slice() else {
            bail!("the pods of session {session} are {pods:?}")
        };
        let said = match self.place {
            Place::Podman => podman(&["exec", &format!("{pod}-{container}"), "sh", "-c", command])?,
            Place::Kubernetes { .. } => self.place.kubectl(&[
                "exec",
                pod,
                &format!("--container={container}"),
                "--",
                "sh",
                "-c",
                command,
            ])?,
        };
        Ok(said.trim_end().to_owned())
    }

    /// Every address on which a container of this session is reached from this machine.
    pub fn published(&self, session: &str) -> anyhow::Result<Vec<String>> {
        let session = format!("label={SESSION_LABEL}={session}");
        let filter = self.filter();
        let text = podman(&[
            "ps", "--filter", &filter, "--filter", &session, "--format", "json",
        ])?;
        let containers: Vec<Value> = serde_json::from_str(&text)?;
        let ports = containers
            .iter()
            .filter_map(|container| container["Ports"].as_array())
            .flatten();
        // Podman tells the pod's ports again at each of its containers.
        let different: BTreeSet<String> = ports
            .map(|port| {
                let host = port["host_ip"].as_str().unwrap_or_default();
                format!("{host}:{}", port["host_port"])
            })
            .collect();
        Ok(different.into_iter().collect())
    }

    /// Waits until a program of this name runs in the session; an error once the session has no pod.
    pub async fn until_runs(&self, session: &str, program: &str) -> anyhow::Result<()> {
        let runs = || {
            let pods = self.pods_of(session)?;
            let pod = pods.first().context("the session has no pod")?;
            let programs = podman(&["pod", "top", pod, "comm"])?;
            Ok(programs.lines().any(|line| line.trim() == program))
        };
        self.until(runs, program).await
    }

    /// Waits until the session has a pod: the moment at which there is something to lose.
    pub async fn until_pod_of(&self, session: &str) -> anyhow::Result<()> {
        self.until(|| Ok(!self.pods_of(session)?.is_empty()), "the session's pod")
            .await
    }

    /// Waits until nothing of the instance is left.
    pub async fn until_empty(&self) -> anyhow::Result<()> {
        let waited = self
            .until(|| Ok(self.leftovers()?.is_empty()), "an empty engine")
            .await;
        let left = self.leftovers()?;
        ensure!(left.is_empty(), "left on the engine: {}", left.join(", "));
        waited
    }

    // Podman's events would tell as well, but an event that came too early is missed, and a look is not.
    async fn until(&self, holds: impl Fn() -> anyhow::Result<bool>, what: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds()? {
            if Instant::now() > deadline {
                bail!("waited {} s for {what}", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Removes everything of the instance, workspaces too: the end of a test.
    pub(crate) fn remove_all(&self) {
        if let Place::Kubernetes { .. } = self.place {
            // Goes with its namespace.
            return;
        }
        for (list, remove) in [
            (
                &["pod", "ps", "--quiet"][..],
                &["pod", "rm", "--force", "--time", "0"][..],
            ),
            (&["network", "ls", "--quiet"], &["network", "rm", "--force"]),
            (&["volume", "ls", "--quiet"], &["volume", "rm", "--force"]),
        ] {
            if let Err(error) = self.remove(list, remove) {
                eprintln!("what the test left on the engine could not be removed: {error:#}");
            }
        }
    }

    fn remove(&self, list: &[&str], remove: &[&str]) -> anyhow::Result<()> {
        let filter = self.filter();
        let mut arguments = list.to_vec();
        arguments.extend(["--filter", &filter]);
        let found = podman(&arguments)?;
        if !found.trim().is_empty() {
            let mut arguments = remove.to_vec();
            arguments.extend(found.split_whitespace());
            podman(&arguments)?;
        }
        Ok(())
    }
}

/// Makes an image of another one with a different program to start, and these files of this machine in its root.
/// Needs no registry.
pub fn derive_image(name: &str, base: &str, entrypoint: &[&str], files: &[&str]) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut recipe = format!("FROM {base}\n");
    for file in files {
        let own = Path::new(file).file_name().context("a file has a name")?;
        std::fs::copy(file, folder.path().join(own))?;
        writeln!(recipe, "COPY {own} /{own}", own = own.display())?;
    }
    writeln!(recipe, "ENTRYPOINT {}", serde_json::to_string(entrypoint)?)?;
    std::fs::write(folder.path().join("Containerfile"), recipe)?;
    podman(&[
        "build",
        "--quiet",
        "--pull=never",
        "--tag",
        name,
        &folder.path().display().to_string(),
    ])?;
    Ok(())
}

fn podman(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("podman");
    command.args(arguments);
    run(command)
}

fn run(mut command: Command) -> anyhow::Result<String> {
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
