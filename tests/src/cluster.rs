//! A real Kubernetes: the one named in `LAUNCHPAD_TEST_KUBECONFIG`, or the test cluster of this machine.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::workspace;

/// Names somebody else's cluster, or the one that was started for the whole run.
const KUBECONFIG: &str = "LAUNCHPAD_TEST_KUBECONFIG";

/// Where the test cluster's own is.
const OWN_KUBECONFIG: &str = "/var/lib/launchpad-cluster/admin.kubeconfig";

/// A cluster that runs, and an administrator's access to it.
#[derive(Debug)]
pub struct Cluster {
    kubeconfig: PathBuf,
}

impl Cluster {
    /// The cluster of this run; the first who asks starts it where nobody has.
    pub async fn get() -> anyhow::Result<&'static Self> {
        static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
        CLUSTER.get_or_try_init(Self::find).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one thing that the tests are told by whoever runs them"
    )]
    async fn find() -> anyhow::Result<Self> {
        let kubeconfig = match std::env::var_os(KUBECONFIG) {
            Some(named) => PathBuf::from(named),
            None => PathBuf::from(script(&["up"]).await?.trim_end()),
        };
        ensure!(kubeconfig.is_file(), "no kubeconfig at {}", kubeconfig.display());
        Ok(Self { kubeconfig })
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs kubectl as administrator and answers what it printed.
    pub async fn kubectl(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut command = Command::new(workspace().join("tests/cluster/cluster.sh"));
        command.arg("kubectl").args(arguments);
        command.env(KUBECONFIG, &self.kubeconfig);
        output(command, input).await
    }

    /// Whether its node is this machine, so that pods reach what listens here.
    pub fn is_on_this_machine(&self) -> bool {
        self.kubeconfig == Path::new(OWN_KUBECONFIG)
    }

    /// The address of its node.
    pub async fn node_address(&self) -> anyhow::Result<String> {
        let path = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}";
        self.kubectl(
            &[
                "get",
                "nodes",
                "--selector=!launchpad.dev/simulated",
                "--output",
                path,
            ],
            "",
        )
        .await
    }

    /// Brings an image of Podman's to the node of the test cluster. Another cluster must find it by itself.
    pub async fn import(&self, image: &str) -> anyhow::Result<()> {
        if self.is_on_this_machine() {
            script(&["import", image]).await?;
        }
        Ok(())
    }

    /// A kubeconfig of a service account, good for a day; of the test cluster alone.
    pub async fn credentials(&self, namespace: &str, account: &str) -> anyhow::Result<String> {
        script(&["credentials", namespace, account]).await
    }

    /// A new namespace with the strictest profile for pods, gone with the value.
    pub async fn namespace(&self) -> anyhow::Result<Namespace<'_>> {
        let beside_others = hold(File::lock_shared).await?;
        self.make_namespace(Some(beside_others)).await
    }

    /// The cluster for one test alone, once every other has let go of it.
    pub async fn alone(&self) -> anyhow::Result<Alone<'_>> {
        let lock = hold(File::lock).await?;
        Ok(Alone {
            cluster: self,
            _lock: lock,
        })
    }

    async fn make_namespace(&self, lock: Option<File>) -> anyhow::Result<Namespace<'_>> {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "generateName": "launchpad-test-",
                "labels": {
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/warn": "restricted",
                },
            },
        });
        let made = self
            .kubectl(
                &["create", "--filename", "-", "--output", "json"],
                &object.to_string(),
            )
            .await?;
        let made: Value = serde_json::from_str(&made)?;
        let name = made["metadata"]["name"]
            .as_str()
            .context("a namespace has a name")?;
        Ok(Namespace {
            cluster: self,
            name: name.to_owned(),
            _lock: lock,
        })
    }
}

/// Whoever uses the cluster holds this file, together with others or alone; the system lets go of it for whoever dies.
async fn hold(how: impl FnOnce(&File) -> std::io::Result<()> + Send + 'static) -> anyhow::Result<File> {
    let path = std::env::temp_dir().join("launchpad-tests-cluster.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    Ok(tokio::task::spawn_blocking(move || how(&file).map(|()| file)).await??)
}

/// The whole cluster, so that its parts may be stopped.
#[derive(Debug)]
pub struct Alone<'a> {
    cluster: &'a Cluster,
    _lock: File,
}

impl<'a> Alone<'a> {
    /// A namespace of it.
    pub async fn namespace(&self) -> anyhow::Result<Namespace<'a>> {
        self.cluster.make_namespace(None).await
    }

    /// Stops a part in the middle of whatever it does, until the value goes.
    pub async fn stop(&self, part: &str) -> anyhow::Result<Stopped> {
        let status = script(&["status"]).await?;
        let id = status
            .lines()
            .find_map(|line| line.strip_prefix(part)?.strip_prefix("\trunning\t"))
            .with_context(|| format!("{part} does not run: {status}"))?;
        let stopped = Stopped(id.to_owned());
        stopped.signal("STOP")?;
        Ok(stopped)
    }
}

/// A process that was stopped, and goes on when this is dropped.
#[derive(Debug)]
pub struct Stopped(String);

impl Stopped {
    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let sent = std::process::Command::new("kill")
            .args([&format!("-{name}"), &self.0])
            .status()?;
        ensure!(sent.success(), "no signal reached process {}", self.0);
        Ok(())
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Err(error) = self.signal("CONT") {
            eprintln!("a part of the cluster is still stopped: {error:#}");
        }
    }
}

/// A namespace of one test. Dropped, it is removed with all that is in it; nobody waits for that.
#[derive(Debug)]
pub struct Namespace<'a> {
    cluster: &'a Cluster,
    name: String,
    _lock: Option<File>,
}

impl<'a> Namespace<'a> {
    /// The cluster that it is part of.
    pub fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs kubectl as administrator on what is in this namespace.
    pub async fn kubectl(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut all = vec!["--namespace", &self.name];
        all.extend(arguments);
        self.cluster.kubectl(&all, input).await
    }

    /// Removes it, and waits until nothing of it is left: a thousand pods keep a cluster busy until they are gone.
    pub async fn remove(self) -> anyhow::Result<()> {
        let arguments = ["delete", "namespace", &self.name, "--timeout=600s"];
        self.cluster.kubectl(&arguments, "").await.map(drop)
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        let removed = std::process::Command::new(workspace().join("tests/cluster/cluster.sh"))
            .args(["kubectl", "delete", "namespace", &self.name])
            .args(["--wait=false", "--ignore-not-found"])
            .env(KUBECONFIG, &self.cluster.kubeconfig)
            .stdout(Stdio::null())
            .status();
        if !removed.is_ok_and(|status| status.success()) {
            eprintln!("namespace {} could not be removed", self.name);
        }
    }
}

/// Has so many nodes without a machine on the test cluster; 0 takes them away.
pub async fn simulate(nodes: u32) -> anyhow::Result<()> {
    script(&["simulate", &nodes.to_string()]).await.map(drop)
}

/// Where a program is that is built for the tests: `helm` or `kwok`.
pub async fn cluster_tool(name: &str) -> anyhow::Result<PathBuf> {
    Ok(PathBuf::from(script(&["tool", name]).await?.trim_end()))
}

/// The folders with the definitions of kinds that are not Kubernetes' own, and that the manifests use.
pub async fn foreign_kinds() -> anyhow::Result<Vec<PathBuf>> {
    Ok(script(&["crds"]).await?.lines().map(PathBuf::from).collect())
}

async fn script(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(workspace().join("tests/cluster/cluster.sh"));
    command.args(arguments);
    output(command, "").await
}

async fn output(mut command: Command, input: &str) -> anyhow::Result<String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("standard input is a pipe")?;
    let write = async {
        // Who does not read its input says why by other means.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output?;
    ensure!(
        output.status.success(),
        "{:?}: {}{}",
        command.as_std(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
