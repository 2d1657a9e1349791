//! The role with which the portal is installed: whatever is taken out of it is missed, and the portal says so.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use launchpad_tests::{Client, Cluster, Namespace, PATIENCE, Portal, Seed, app};
use serde_json::json;

use crate::deploy::{role, until_rights};
use crate::{PASSWORD, portal};

/// Portals that are tried at one time.
const AT_ONCE: usize = 3;

/// What a portal without this right cannot do any more.
#[derive(Debug, Clone, Copy)]
enum Missed {
    /// Start a session.
    Launch,
    /// Take an ended session's pod away.
    End,
    /// Tell which workspaces there are.
    ListWorkspaces,
    /// Delete one.
    DeleteWorkspace,
    /// Show a session's screen.
    Screen,
    /// Hear at once that a pod changed.
    Changes,
    /// Hear why a pod does not come up.
    Reasons,
    /// Tell how much of the quota is left.
    Room,
}

use Missed::{Changes, DeleteWorkspace, End, Launch, ListWorkspaces, Reasons, Room, Screen};

const RIGHTS: &[(&str, &str, &str, Missed)] = &[
    ("", "pods", "create", Launch),
    ("", "pods", "patch", Launch),
    ("", "pods", "list", End),
    ("", "pods", "get", Screen),
    ("", "pods", "watch", Changes),
    ("", "pods", "delete", End),
    ("", "persistentvolumeclaims", "create", Launch),
    ("", "persistentvolumeclaims", "patch", Launch),
    ("", "persistentvolumeclaims", "get", Launch),
    ("", "persistentvolumeclaims", "list", ListWorkspaces),
    ("", "persistentvolumeclaims", "delete", DeleteWorkspace),
    ("", "events", "list", Reasons),
    ("", "events", "watch", Reasons),
    ("", "resourcequotas", "list", Room),
    ("networking.k8s.io", "networkpolicies", "create", Launch),
    ("networking.k8s.io", "networkpolicies", "patch", Launch),
];

type Right = [String; 3];

#[tokio::test(flavor = "multi_thread")]
async fn every_right_of_the_role_is_needed() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    if !cluster.is_on_this_machine() {
        eprintln!("not tried: the credentials of accounts are made by the test cluster");
        return Ok(());
    }
    let role = role(&cluster.namespace().await?).await?;
    let table: BTreeSet<Right> = RIGHTS
        .iter()
        .map(|(group, resource, verb, _)| [group, resource, verb].map(|word| (*word).to_owned()))
        .collect();
    ensure!(role == table, "the role says {role:?}");
    stream::iter(RIGHTS)
        .map(|(group, resource, verb, missed)| {
            let mut rest = role.clone();
            rest.remove(&[group, resource, verb].map(|word| (*word).to_owned()));
            async move {
                let tried = without(cluster, &rest, &format!("{verb} {resource}"), *missed).await;
                tried.with_context(|| format!("without the right to {verb} {resource}"))
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// A portal whose account has these rights: it says which one it lacks, and misses it.
async fn without(
    cluster: &'static Cluster,
    rights: &BTreeSet<Right>,
    lacking: &str,
    missed: Missed,
) -> anyhow::Result<()> {
    let namespace = cluster.namespace().await?;
    let kubeconfig = account(cluster, &namespace, rights).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig)?;
    let patience = if matches!(missed, Launch) { "6" } else { "60" };
    let keeper = app("keep", "container-pvc", "", "localhost/launchpad/desktop:1");
    let portal = portal()
        .seed(Seed::Apps(vec![keeper]))
        .in_namespace(&namespace)
        .set("KUBECONFIG", path)
        .set("LAUNCHPAD_KUBERNETES__CONNECT", "address")
        .set("LAUNCHPAD_POD_READY_TIMEOUT", patience)
        .set("LAUNCHPAD_LOG__FILTER", "info,launchpad_runtime=debug")
        .start()
        .await?;
    let root = portal.account("root", "admin", PASSWORD).await?;
    until_told(&root, lacking).await?;
    match missed {
        Launch => {
            let session = root.launch("keep").await?;
            let failed = root.until(&session.id, "failed").await?;
            ensure!(
                failed
                    .reason
                    .as_ref()
                    .is_some_and(|reason| reason == "engine_away"),
                "{failed:?}"
            );
        }
        ListWorkspaces => {
            root.get("/api/workspaces").await?.expect(503)?;
        }
        End => {
            run_and_end(&root).await?;
            until_logged(&portal, "workload could not be removed yet").await?;
        }
        DeleteWorkspace => {
            run_and_end(&root).await?;
            portal.engine()?.until_empty().await?;
            let listed = root.get("/api/workspaces").await?.expect(200)?.json()?;
            let name = listed[0]["name"].as_str().context("a workspace")?.to_owned();
            let deadline = Instant::now() + PATIENCE;
            // Until the portal has noted that the session is over.
            while root.delete(&format!("/api/workspaces/{name}")).await?.status != 204 {
                ensure!(Instant::now() < deadline, "the workspace stays in use");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            until_logged(&portal, "a workspace could not be deleted yet").await?;
        }
        Screen => {
            let session = root.launch("keep").await?;
            let running = root.until(&session.id, "running").await?;
            ensure!(root.screen(&running).await.is_err(), "a screen was shown");
        }
        Changes => until_logged(&portal, "the watch over pods broke").await?,
        Reasons => until_logged(&portal, "the watch over events broke").await?,
        Room => {
            let told = portal.run(&["doctor"], "").await?;
            let told = String::from_utf8_lossy(&told.stdout).into_owned();
            ensure!(
                told.lines()
                    .any(|line| line.starts_with("wrong") && line.contains("quota")),
                "doctor says {told}"
            );
        }
    }
    Ok(())
}

async fn run_and_end(root: &Client) -> anyhow::Result<()> {
    let session = root.launch("keep").await?;
    root.until(&session.id, "running").await?;
    root.end(&session.id).await
}

/// Makes an account with these rights, and answers its kubeconfig.
async fn account(
    cluster: &Cluster,
    namespace: &Namespace<'_>,
    rights: &BTreeSet<Right>,
) -> anyhow::Result<String> {
    let rules: Vec<_> = rights
        .iter()
        .map(
            |[group, resource, verb]| json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]}),
        )
        .collect();
    let group = "rbac.authorization.k8s.io";
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "poor"}},
        {"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": {"name": "poor"}, "rules": rules},
        {"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": "poor"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "poor"},
            "subjects": [{"kind": "ServiceAccount", "name": "poor", "namespace": namespace.name()}]},
    ]});
    namespace
        .kubectl(&["create", "--filename=-"], &objects.to_string())
        .await?;
    let name = format!("system:serviceaccount:{}:poor", namespace.name());
    until_rights(namespace, &name, rights).await?;
    cluster.credentials(namespace.name(), "poor").await
}

/// Waits until `/readyz` names the right that is lacking, and no other: in its own words, or in the API server's where nothing
/// goes without it.
async fn until_told(client: &Client, lacking: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let (verb, resource) = lacking.split_once(' ').context("a verb and a resource")?;
    let refused = format!("cannot {verb} resource \"{resource}\"");
    loop {
        let told = client.get("/readyz").await?.expect(200)?.json()?;
        let engine = told["engine"].as_str().unwrap_or_default();
        if engine.ends_with(&format!("this account may not {lacking}")) || engine.contains(&refused) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "/readyz says {engine}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_logged(portal: &Portal, words: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !portal.log().contains(words) {
        ensure!(Instant::now() < deadline, "not logged: {words}\n{}", portal.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
