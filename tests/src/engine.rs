//! Podman, asked directly: what of an instance is really there.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use launchpad_domain::InstanceId;
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use serde_json::Value;

use crate::PATIENCE;

/// What one instance has on this machine's Podman.
#[derive(Debug, Clone)]
pub struct Engine {
    filter: String,
}

impl Engine {
    /// Looks only at what carries this instance's label.
    pub(crate) fn of_instance(instance: InstanceId) -> Self {
        Self {
            filter: format!("label={INSTANCE_LABEL}={instance}"),
        }
    }

    /// One line for each pod, container and network of the instance; volumes are workspaces and may stay.
    pub fn leftovers(&self) -> anyhow::Result<Vec<String>> {
        let mut found = self.list("pod", &["pod", "ps"], "{{.Name}} {{.Status}}")?;
        found.extend(self.list("container", &["ps", "--all"], "{{.Names}} {{.Status}}")?);
        found.extend(self.list("network", &["network", "ls"], "{{.Name}}")?);
        Ok(found)
    }

    fn list(&self, what: &str, command: &[&str], format: &str) -> anyhow::Result<Vec<String>> {
        let mut arguments = command.to_vec();
        arguments.extend(["--filter", &self.filter, "--format", format]);
        let lines = podman(&arguments)?;
        Ok(lines.lines().map(|line| format!("{what} {line}")).collect())
    }

    /// The pods that run a session, running or not.
    pub fn pods_of(&self, session: &str) -> anyhow::Result<Vec<String>> {
        let session = format!("label={SESSION_LABEL}={session}");
        let names = podman(&[
            "pod",
            "ps",
            "--filter",
            &self.filter,
            "--filter",
            &session,
            "--format",
            "{{.Name}}",
        ])?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Every address on which a container of this session is reached from this machine.
    pub fn published(&self, session: &str) -> anyhow::Result<Vec<String>> {
        let session = format!("label={SESSION_LABEL}={session}");
        let text = podman(&[
            "ps",
            "--filter",
            &self.filter,
            "--filter",
            &session,
            "--format",
            "json",
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
        let mut arguments = list.to_vec();
        arguments.extend(["--filter", &self.filter]);
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
    let output = Command::new("podman").args(arguments).output()?;
    ensure!(
        output.status.success(),
        "podman {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
