//! The manifests of `deploy/`, held against a real API server: nothing in them is unknown to it or refused by it, and the
//! chart says what the overlays say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use launchpad_tests::{Cluster, Namespace, Overlay, PATIENCE, cluster_tool, foreign_kinds, workspace};
use serde_json::{Value, json};
use tokio::process::Command;

/// One way to install the portal, said twice.
struct Shape {
    overlay: &'static str,
    components: &'static [&'static str],
    chart: &'static [&'static str],
}

const SINGLE: Shape = Shape {
    overlay: "single",
    components: &[],
    chart: &[],
};

const POSTGRES: Shape = Shape {
    overlay: "postgres",
    components: &[],
    chart: &["database.existingSecret=launchpad-database"],
};

const PUBLISHED: Shape = Shape {
    overlay: "single",
    components: &["ingress", "httproute", "servicemonitor"],
    chart: &[
        "ingress.enabled=true",
        "ingress.appsHost=*.apps.example.org",
        "httpRoute.enabled=true",
        "httpRoute.appsHost=*.apps.example.org",
        "serviceMonitor.enabled=true",
    ],
};

/// What the API server would store, by kind and name.
type Objects = BTreeMap<String, Value>;

impl Shape {
    /// The overlay, moved into this namespace.
    async fn overlay(&self, namespace: &Namespace<'_>) -> anyhow::Result<String> {
        let overlay = Overlay {
            on: self.overlay,
            components: self.components,
            ..Overlay::default()
        };
        overlay.render(namespace).await
    }

    /// The chart, installed into this namespace.
    async fn chart(&self, namespace: &Namespace<'_>) -> anyhow::Result<String> {
        let mut command = Command::new(cluster_tool("helm").await?);
        command
            .args(["template", "launchpad", "deploy/helm/launchpad"])
            .args(["--namespace", namespace.name(), "--kube-version", "1.33"])
            .current_dir(workspace());
        for value in self.chart {
            command.args(["--set", value]);
        }
        let rendered = command.output().await?;
        ensure!(
            rendered.status.success(),
            "{}",
            String::from_utf8_lossy(&rendered.stderr)
        );
        Ok(String::from_utf8(rendered.stdout)?)
    }
}

/// Asks the API server what it would store, without a field that it does not know and without a warning, among which
/// is that Kubernetes would refuse the pods.
async fn accepted(namespace: &Namespace<'_>, manifests: &str) -> anyhow::Result<Objects> {
    let told = namespace
        .kubectl(
            &[
                "apply",
                "--dry-run=server",
                "--validate=strict",
                "--warnings-as-errors",
                "--output=json",
                "--filename=-",
            ],
            manifests,
        )
        .await?;
    let list: Value = serde_json::from_str(&told)?;
    let items = list["items"].as_array().context("kubectl answers with a list")?;
    let mut objects = Objects::new();
    for object in items {
        let (kind, object) = (object["kind"].as_str(), object.clone());
        // The chart leaves the namespace to whoever installs it.
        if let Some(kind) = kind.filter(|kind| *kind != "Namespace") {
            let (name, object) = essence(object)?;
            objects.insert(format!("{kind} {name}"), object);
        }
    }
    Ok(objects)
}

/// What was meant: without what the server adds at each call anew, and with one name for the settings, which kustomize
/// and Helm tell apart by their content each in its own way.
fn essence(mut object: Value) -> anyhow::Result<(String, Value)> {
    let metadata = object["metadata"]
        .as_object_mut()
        .context("an object has metadata")?;
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    for added in [
        "creationTimestamp",
        "uid",
        "resourceVersion",
        "generation",
        "managedFields",
    ] {
        metadata.remove(added);
    }
    let name = metadata["name"]
        .as_str()
        .context("an object has a name")?
        .to_owned();
    if let Some(service) = object["spec"].as_object_mut() {
        service.remove("clusterIP");
        service.remove("clusterIPs");
    }
    if let Some(template) = object
        .pointer_mut("/spec/template/metadata")
        .and_then(Value::as_object_mut)
    {
        template.remove("annotations");
    }
    in_one_order(&mut object);
    let text = one_name_of_settings(&object.to_string());
    Ok((one_name_of_settings(&name), serde_json::from_str(&text)?))
}

/// Variables are told by their names, and kustomize puts those that a patch changes before the rest.
fn in_one_order(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(in_one_order),
        Value::Object(members) => {
            if let Some(Value::Array(variables)) = members.get_mut("env") {
                variables.sort_by_key(|variable| variable["name"].to_string());
            }
            members.values_mut().for_each(in_one_order);
        }
        _ => {}
    }
}

/// Takes away the ten characters that kustomize puts behind the name of the settings.
fn one_name_of_settings(text: &str) -> String {
    let mut parts = text.split("launchpad-");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hash: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
        let is_hash = hash.len() == 10 && hash.chars().any(|c| c.is_ascii_digit());
        if is_hash {
            whole.push_str("launchpad");
            whole.push_str(&part[hash.len()..]);
        } else {
            whole.push_str("launchpad-");
            whole.push_str(part);
        }
    }
    whole
}

async fn agree(shape: &Shape) -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let namespace = cluster.namespace().await?;
    let overlay = accepted(&namespace, &shape.overlay(&namespace).await?).await?;
    let chart = accepted(&namespace, &shape.chart(&namespace).await?).await?;
    let names = |of: &Objects| of.keys().cloned().collect::<Vec<_>>();
    ensure!(overlay.len() > 10, "{:?}", names(&overlay));
    ensure!(
        names(&overlay) == names(&chart),
        "overlay {:?}\nchart {:?}",
        names(&overlay),
        names(&chart)
    );
    for (name, object) in &overlay {
        ensure!(
            chart.get(name) == Some(object),
            "{name}\noverlay {object:#}\nchart {:#}",
            chart[name]
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_on_sqlite_is_accepted_and_said_the_same_twice() -> anyhow::Result<()> {
    agree(&SINGLE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_on_postgresql_is_accepted_and_said_the_same_twice() -> anyhow::Result<()> {
    agree(&POSTGRES).await
}

/// The kinds of others must be known to the cluster; those that this test brings, it takes away again.
#[tokio::test(flavor = "multi_thread")]
async fn what_publishes_a_portal_is_accepted_and_said_the_same_twice() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let mut brought = Vec::new();
    let mut agreed = bring_kinds(cluster, &mut brought).await;
    if agreed.is_ok() {
        agreed = agree(&PUBLISHED).await;
    }
    for kind in brought {
        cluster.kubectl(&["delete", "crd", kind], "").await?;
    }
    agreed
}

const FOREIGN_KINDS: [(&str, &str); 2] = [
    (
        "httproutes.gateway.networking.k8s.io",
        "gateway.networking.k8s.io_httproutes.yaml",
    ),
    (
        "servicemonitors.monitoring.coreos.com",
        "monitoring.coreos.com_servicemonitors.yaml",
    ),
];

async fn bring_kinds(cluster: &Cluster, brought: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let folders = foreign_kinds().await?;
    for (kind, file) in FOREIGN_KINDS {
        let path = folders
            .iter()
            .map(|folder| folder.join(file))
            .find(|path| path.is_file())
            .with_context(|| format!("no {file} in {folders:?}"))?;
        let known = cluster
            .kubectl(&["get", "crd", kind, "--ignore-not-found", "--output=name"], "")
            .await?;
        if known.trim().is_empty() {
            brought.push(kind);
            // The usual way to apply keeps a copy in an annotation, for which these are too large.
            cluster
                .kubectl(
                    &[
                        "apply",
                        "--server-side",
                        "--filename",
                        &path.display().to_string(),
                    ],
                    "",
                )
                .await?;
        }
        until_served(cluster, kind).await?;
    }
    Ok(())
}

/// kubectl's own way to wait gives up where a definition has no conditions yet.
async fn until_served(cluster: &Cluster, kind: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Err(error) = cluster.kubectl(&["get", kind, "--output=name"], "").await else {
            return Ok(());
        };
        ensure!(Instant::now() < deadline, "{kind} is not served: {error:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The checks above can fail: on a field that nobody knows, and on a pod that may become root.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let namespace = cluster.namespace().await?;
    let right = SINGLE.overlay(&namespace).await?;
    for (from, to, reason) in [
        ("replicas: 1", "replicaz: 1", "replicaz"),
        ("runAsNonRoot: true", "runAsNonRoot: false", "PodSecurity"),
        (
            "readOnlyRootFilesystem: true",
            "privileged: true",
            "allowPrivilegeEscalation",
        ),
    ] {
        ensure!(right.contains(from), "the manifests do not say {from}");
        let Err(refused) = accepted(&namespace, &right.replace(from, to)).await else {
            anyhow::bail!("{to} was accepted");
        };
        ensure!(format!("{refused:#}").contains(reason), "{to}: {refused:#}");
    }
    Ok(())
}

/// What the portal's account may do, as the API server tells it: what the shipped role says in its own namespace, and in
/// any other nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_portal_may_do_what_its_role_says_and_only_here() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let (here, elsewhere) = (cluster.namespace().await?, cluster.namespace().await?);
    let objects = accepted(&here, &SINGLE.overlay(&here).await?).await?;
    let rights = [
        "ServiceAccount launchpad",
        "Role launchpad",
        "RoleBinding launchpad",
    ]
    .iter()
    .map(|name| objects.get(*name).with_context(|| format!("no {name}")))
    .collect::<anyhow::Result<Vec<_>>>()?;
    let list = json!({"apiVersion": "v1", "kind": "List", "items": rights});
    here.kubectl(&["apply", "--filename=-"], &list.to_string())
        .await?;

    let account = format!("system:serviceaccount:{}:launchpad", here.name());
    let role = rules(&objects["Role launchpad"]["rules"]);
    ensure!(role.len() > 5, "{role:?}");
    until_rights(&here, &account, &role).await?;
    until_rights(&elsewhere, &account, &BTreeSet::new()).await
}

/// The rights of the shipped role, one by one.
pub(crate) async fn role(namespace: &Namespace<'_>) -> anyhow::Result<BTreeSet<[String; 3]>> {
    let objects = accepted(namespace, &SINGLE.overlay(namespace).await?).await?;
    let role = objects.get("Role launchpad").context("no role")?;
    Ok(rules(&role["rules"]))
}

/// Rights one by one: group, resource and verb.
fn rules(of: &Value) -> BTreeSet<[String; 3]> {
    let words = |rule: &Value, of: &str| -> Vec<String> {
        let words = rule[of].as_array().into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut found = BTreeSet::new();
    for rule in of.as_array().into_iter().flatten() {
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                for verb in words(rule, "verbs") {
                    found.insert([group.clone(), resource.clone(), verb]);
                }
            }
        }
    }
    found
}

/// The API server hears of a new role a moment later.
pub(crate) async fn until_rights(
    namespace: &Namespace<'_>,
    account: &str,
    expected: &BTreeSet<[String; 3]>,
) -> anyhow::Result<()> {
    let question = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace.name()},
    });
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = namespace
            .kubectl(
                &[
                    "create",
                    "--as",
                    account,
                    "--validate=false",
                    "--filename=-",
                    "--output=json",
                ],
                &question.to_string(),
            )
            .await?;
        let told: Value = serde_json::from_str(&told)?;
        ensure!(told["status"]["incomplete"] == json!(false), "{told:#}");
        let mut found = rules(&told["status"]["resourceRules"]);
        // Everybody may ask about oneself.
        found.retain(|[_, resource, _]| !resource.starts_with("selfsubject"));
        if found == *expected {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "in {}: {found:?} instead of {expected:?}",
            namespace.name()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
