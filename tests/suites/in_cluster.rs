//! The portal's own image, installed by the shipped manifests into a real cluster.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Cluster, Installed, Postgres, link};
use reqwest::Method;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::{PASSWORD, PROGRAM, browser};

async fn apps(client: &Client) -> anyhow::Result<BTreeSet<String>> {
    let answer = client.get("/api/apps").await?.expect(200)?.json()?;
    let apps = answer.as_array().context("a list")?;
    Ok(apps
        .iter()
        .filter_map(|app| app["id"].as_str())
        .map(str::to_owned)
        .collect())
}

async fn add(client: &Client, id: &str) -> anyhow::Result<()> {
    let app = link(id, "https://wiki.example/");
    client
        .send_json(Method::POST, "/api/apps", &app)
        .await?
        .expect(201)?;
    Ok(())
}

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_is_installed_survives_its_pod_is_restored_and_goes() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let portal = Installed::start(cluster, PROGRAM, None).await?;
    let admin = portal.account("ada", "admin", PASSWORD).await?;

    add(&admin, "first").await?;
    portal.run_job("backup-now", "launchpad-backup").await?;
    add(&admin, "second").await?;
    portal.delete_pod().await?;
    portal.until_ready().await?;
    ensure!(
        apps(&admin).await? == names(&["first", "second"]),
        "a pod's end lost an app"
    );

    portal.scale(0).await?;
    portal.run_job("restore-now", "launchpad-restore").await?;
    portal.scale(1).await?;
    ensure!(
        apps(&admin).await? == names(&["first"]),
        "this is not what was backed up"
    );

    portal.remove().await?;
    let left = cluster
        .kubectl(
            &[
                "get",
                "namespace",
                portal.namespace().name(),
                "--ignore-not-found",
                "--output=name",
            ],
            "",
        )
        .await?;
    ensure!(left.trim().is_empty(), "{left}");
    Ok(())
}

/// Lets pods reach a server that listens on this machine's loopback alone.
async fn open_to_pods(cluster: &Cluster, port: u16) -> anyhow::Result<u16> {
    let listener = TcpListener::bind((cluster.node_address().await?, 0)).await?;
    let open = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut outside, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut inside = TcpStream::connect(("127.0.0.1", port)).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    Ok(open)
}

/// With a browser, as a user: a desktop in the middle of its stream, a launch in the middle of it, a file in a workspace.
#[tokio::test(flavor = "multi_thread")]
async fn what_users_have_outlives_the_portals_pod_and_goes_with_the_manifests() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    let portal = Installed::start(cluster, PROGRAM, None).await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    for (id, name, launch_type) in [
        ("desktop", "Desktop", "container"),
        ("notes", "Notes", "container-pvc"),
    ] {
        let app = json!({"id": id, "name": name, "launch_type": launch_type,
            "container_image": "localhost/launchpad/desktop:1"});
        ada.send_json(Method::POST, "/api/apps", &app)
            .await?
            .expect(201)?;
    }
    let told = vec![
        ("LAUNCHPAD_TEST_URL", portal.url()),
        ("LAUNCHPAD_TEST_NAMESPACE", portal.namespace().name().to_owned()),
        (
            "LAUNCHPAD_TEST_KUBECONFIG",
            cluster.kubeconfig().display().to_string(),
        ),
    ];
    browser::play("cluster", told).await?;

    let listed = ada.get("/api/workspaces").await?.expect(200)?.json()?;
    ensure!(
        listed.as_array().map(Vec::len) == Some(1) && listed[0]["app_id"] == "notes",
        "{listed}"
    );
    let sessions = ada.get("/api/sessions").await?.expect(200)?.json()?;
    let sessions = sessions.as_array().context("a list")?;
    ensure!(
        sessions.len() == 4 && sessions.iter().all(|session| session["status"] == "stopped"),
        "{sessions:?}"
    );
    portal.remove().await?;
    let left = cluster
        .kubectl(&["get", "persistentvolumes", "--output=json"], "")
        .await?;
    ensure!(
        !left.contains(portal.namespace().name()),
        "a volume is left: {left}"
    );
    Ok(())
}

/// Else it would be that of whichever pod has the lowest, and a connection of another pod's to this machine would be lost
/// when that one goes.
#[tokio::test(flavor = "multi_thread")]
async fn the_test_clusters_node_keeps_its_hardware_address_whatever_pod_goes() -> anyhow::Result<()> {
    const SET: &str = "3";
    let cluster = Cluster::get().await?;
    if !cluster.is_on_this_machine() {
        return Ok(());
    }
    let assigned = tokio::fs::read_to_string("/sys/class/net/launchpad-node/addr_assign_type").await?;
    ensure!(assigned.trim() == SET, "NET_ADDR_SET is not {assigned}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_in_a_cluster_keeps_its_data_in_postgresql() -> anyhow::Result<()> {
    let cluster = Cluster::get().await?;
    if !cluster.is_on_this_machine() {
        eprintln!("not tried: pods of another machine's cluster do not reach this one's PostgreSQL");
        return Ok(());
    }
    let server = Postgres::start().await?;
    let port = open_to_pods(cluster, server.port()).await?;
    let url = server.url().replace(
        &format!("127.0.0.1:{}", server.port()),
        &format!("{}:{port}", cluster.node_address().await?),
    );
    let portal = Installed::start(cluster, PROGRAM, Some(&url)).await?;
    let admin = portal.account("ada", "admin", PASSWORD).await?;

    add(&admin, "first").await?;
    portal.run_job("backup-now", "launchpad-backup").await?;
    add(&admin, "second").await?;
    portal.delete_pod().await?;
    portal.until_ready().await?;
    ensure!(
        apps(&admin).await? == names(&["first", "second"]),
        "a pod's end lost an app"
    );
    let files = portal
        .namespace()
        .kubectl(&["exec", "deployment/launchpad", "--", "ls", "/data"], "")
        .await?;
    ensure!(
        files.contains("launchpad.audit-checkpoints") && !files.contains(".db"),
        "{files}"
    );
    portal.run(&["audit", "verify"], "").await?;

    portal.scale(0).await?;
    portal.run_job("restore-now", "launchpad-restore").await?;
    portal.scale(1).await?;
    ensure!(
        apps(&admin).await? == names(&["first"]),
        "this is not what was backed up"
    );
    Ok(())
}
