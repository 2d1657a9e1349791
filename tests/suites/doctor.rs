//! `launchpad doctor` on a real cluster: what it finds in order, and what it finds wrong and how to mend it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, ensure};
use launchpad_tests::{Cluster, Namespace, program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::PROGRAM;

/// A portal's folder, and a cluster for it.
struct Patient<'a> {
    folder: TempDir,
    namespace: Namespace<'a>,
    kubeconfig: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl<'a> Patient<'a> {
    async fn in_cluster(cluster: &'a Cluster) -> anyhow::Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
            namespace: cluster.namespace().await?,
            kubeconfig: cluster.kubeconfig().to_owned(),
            settings: Vec::new(),
        })
    }

    /// What the doctor says, by what it is about, and whether it is content.
    async fn examine(&self) -> anyhow::Result<(Vec<Value>, bool)> {
        let output = Command::from(program(PROGRAM))
            .args(["doctor", "--json"])
            .current_dir(self.folder.path())
            .env("LAUNCHPAD_RUNTIME", "kubernetes")
            .env("LAUNCHPAD_NAMESPACE", self.namespace.name())
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .kill_on_drop(true)
            .output()
            .await?;
        let said = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        Ok((said, output.status.success()))
    }

    /// Nothing of a probe is left, or only what the cluster is removing.
    async fn is_left_as_it_was(&self) -> anyhow::Result<()> {
        let left = self
            .namespace
            .kubectl(
                &[
                    "get",
                    "pods,networkpolicies,pvc",
                    "--selector=launchpad.dev/probe",
                    "--output=json",
                ],
                "",
            )
            .await?;
        let left: Value = serde_json::from_str(&left)?;
        let left = left["items"].as_array().context("a list")?;
        for object in left {
            // A policy goes with its pod, which the cluster sees to a moment later.
            let name = object["metadata"]["name"].as_str().context("a name")?;
            let kind = object["kind"].as_str().context("a kind")?;
            self.namespace
                .kubectl(
                    &["wait", "--for=delete", "--timeout=60s", &format!("{kind}/{name}")],
                    "",
                )
                .await?;
        }
        Ok(())
    }
}

fn of<'a>(lines: &'a [Value], what: &str) -> anyhow::Result<&'a Value> {
    let found = lines.iter().find(|line| line["what"] == what);
    found.with_context(|| format!("no line about {what} in {lines:?}"))
}

fn is(lines: &[Value], what: &str, state: &str, says: &str) -> anyhow::Result<()> {
    let line = of(lines, what)?;
    let detail = line["detail"].as_str().unwrap_or_default();
    ensure!(line["state"] == state && detail.contains(says), "{what}: {line}");
    ensure!(
        (state == "ok") == line["remedy"].is_null(),
        "what is wrong has a remedy: {line}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_looked_at_and_left_as_it_was() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let patient = Patient::in_cluster(cluster).await?;
    let (lines, _) = patient.examine().await?;
    is(&lines, "engine", "ok", "Kubernetes v1.")?;
    is(&lines, "rights", "ok", "")?;
    is(&lines, "quota", "ok", "none")?;
    is(&lines, "storage class", "ok", "default")?;
    is(&lines, "images", "ok", "1 can be had")?;
    if cluster.is_on_this_machine() {
        // There is no controller for them: that is an error, and it is found by trying.
        is(&lines, "network policies", "wrong", "not enforced")?;
    }
    patient.is_left_as_it_was().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_keeps_pods_apart_is_told_from_one_that_does_not() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    if !cluster.is_on_this_machine() {
        return Ok(());
    }
    let patient = Patient::in_cluster(cluster).await?;
    let keeping = Keeping::apart(cluster, patient.namespace.name());
    let (lines, content) = patient.examine().await?;
    drop(keeping);
    is(&lines, "network policies", "ok", "enforced")?;
    ensure!(content, "{lines:?}");
    Ok(())
}

/// Does to packets what a controller for network policies would do for these probes: nobody reaches their screens.
struct Keeping {
    task: JoinHandle<()>,
    rules: Arc<Mutex<Vec<[String; 2]>>>,
}

impl Keeping {
    fn apart(cluster: &'static Cluster, namespace: &str) -> Self {
        let rules = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(keep_apart(cluster, namespace.to_owned(), Arc::clone(&rules)));
        Self { task, rules }
    }
}

async fn keep_apart(cluster: &'static Cluster, namespace: String, rules: Arc<Mutex<Vec<[String; 2]>>>) {
    let addresses = [
        "--namespace",
        &namespace,
        "get",
        "pods",
        "--selector=launchpad.dev/probe",
        "--output=jsonpath={.items[*].status.podIP}",
    ];
    loop {
        let found = cluster.kubectl(&addresses, "").await.unwrap_or_default();
        for address in found.split_whitespace() {
            let rule = [address.to_owned(), namespace.clone()];
            let known = rules.lock().is_ok_and(|rules| rules.contains(&rule));
            if !known && iptables("--insert", &rule) {
                let _ = rules.lock().map(|mut rules| rules.push(rule));
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn iptables(verb: &str, [address, comment]: &[String; 2]) -> bool {
    let done = std::process::Command::new("iptables")
        .args([verb, "FORWARD", "--destination", address])
        .args(["--protocol", "tcp", "--dport", "5900"])
        .args(["--match", "comment", "--comment", comment, "--jump", "DROP"])
        .status();
    done.is_ok_and(|status| status.success())
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.task.abort();
        for rule in self.rules.lock().into_iter().flat_map(|rules| rules.clone()) {
            if !iptables("--delete", &rule) {
                eprintln!("a rule of the test is left: {rule:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_cluster_is_told_with_what_mends_it() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let mut patient = Patient::in_cluster(cluster).await?;
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"},
        "spec": {"hard": {"persistentvolumeclaims": "0", "pods": "9"}}});
    patient
        .namespace
        .kubectl(&["create", "--filename=-"], &quota.to_string())
        .await?;
    patient.settings = vec![
        (
            "LAUNCHPAD_VNC_SIDECAR_IMAGE",
            "localhost/nobody/has-built-this:1".to_owned(),
        ),
        (
            "LAUNCHPAD_WORKSPACES__STORAGE_CLASS",
            "nobody-has-this-class".to_owned(),
        ),
    ];
    let (lines, content) = patient.examine().await?;
    ensure!(!content, "{lines:?}");
    is(&lines, "quota", "wrong", "persistentvolumeclaims is used up")?;
    ensure!(
        of(&lines, "quota")?["remedy"]
            == format!(
                "kubectl --namespace {} edit resourcequota tight",
                patient.namespace.name()
            ),
        "{lines:?}"
    );
    is(
        &lines,
        "storage class",
        "wrong",
        "there is no nobody-has-this-class",
    )?;
    is(&lines, "images", "wrong", "localhost/nobody/has-built-this:1")?;
    is(&lines, "network policies", "missing", "cannot be told")?;
    patient.is_left_as_it_was().await
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_and_a_cluster_that_is_away_are_told() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let mut patient = Patient::in_cluster(cluster).await?;
    if cluster.is_on_this_machine() {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "poor"}});
        patient
            .namespace
            .kubectl(&["create", "--filename=-"], &account.to_string())
            .await?;
        let kubeconfig = cluster.credentials(patient.namespace.name(), "poor").await?;
        patient.kubeconfig = write(patient.folder.path(), "poor.kubeconfig", &kubeconfig)?;
        let (lines, content) = patient.examine().await?;
        ensure!(!content, "{lines:?}");
        is(&lines, "engine", "ok", "Kubernetes v1.")?;
        is(&lines, "rights", "wrong", "create pods, delete pods")?;
    }
    let nowhere = json!({"apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "x", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]});
    patient.kubeconfig = write(patient.folder.path(), "nowhere.kubeconfig", &nowhere.to_string())?;
    let (lines, content) = patient.examine().await?;
    ensure!(!content, "{lines:?}");
    is(&lines, "engine", "wrong", "")?;
    ensure!(of(&lines, "rights").is_err(), "{lines:?}");
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path)
}
