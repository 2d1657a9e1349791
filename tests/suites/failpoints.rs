//! The portal dies as by `kill -9` at each step of launches and of ends, in the middle of several; the next start goes on
//! from rows and engine alone.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use futures::future::join_all;
use launchpad_tests::{Client, Cluster, Portal, Postgres, Recipe, Seed, app, desktop, until_whole};
use reqwest::Method;
use serde_json::json;

use crate::{PASSWORD, portal};

/// Where a launch dies, and how often that is come by before.
const LAUNCHES: &[(&str, usize)] = &[
    ("launch-checked", 2),
    ("launch-saved", 1),
    ("plan-made", 1),
    ("plan-saved", 2),
    ("claim-made", 0),
    ("pod-made", 1),
    ("workload-ready", 1),
    ("running-saved", 2),
];

/// The same of ends.
const ENDS: &[(&str, usize)] = &[
    ("end-wanted", 1),
    ("end-saved", 2),
    ("workload-removed", 1),
    ("plugin-told-of-removal", 0),
];

/// The app whose workspace no second session gets is launched once, beside the others.
const APPS: [&str; 4] = ["desktop", "keep", "desktop", "desktop"];

#[tokio::test(flavor = "multi_thread")]
async fn on_podman_and_postgresql_it_goes_on_wherever_it_died() -> anyhow::Result<()> {
    let server = Postgres::start().await?;
    goes_on(portal().database(server.url()), &[], &[("pod-ended", 1)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_kubernetes_and_sqlite_it_goes_on_wherever_it_died() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    goes_on(portal().in_namespace(&namespace), &[("network-made", 0)], &[]).await
}

/// `launches` and `ends` are those that only this engine has.
async fn goes_on(recipe: Recipe, launches: &[(&str, usize)], ends: &[(&str, usize)]) -> anyhow::Result<()> {
    let keep = app("keep", "container-pvc", "", "localhost/launchpad/desktop:1");
    let mut portal = recipe
        .seed(Seed::Apps(vec![desktop("desktop"), keep]))
        .set("LAUNCHPAD_SESSIONS__PER_USER", "20")
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let mut ends = ENDS.iter().chain(ends);
    for (point, times) in launches.iter().chain(LAUNCHES) {
        dies_launching(&mut portal, &ada, point, *times)
            .await
            .with_context(|| format!("it died at {point}"))?;
        match ends.next() {
            Some((point, times)) => dies_ending(&mut portal, &ada, point, *times)
                .await
                .with_context(|| format!("it died at {point}"))?,
            None => end_all(&portal, &ada).await?,
        }
    }
    ensure!(ends.next().is_none(), "there are more ends than launches");
    Ok(())
}

async fn dies_launching(portal: &mut Portal, ada: &Client, point: &str, times: usize) -> anyhow::Result<()> {
    portal.kill().await?;
    portal.start_mortal(point, times).await?;
    // Whoever gets no answer does not know whether there is a session.
    let asked = APPS.map(|app| launch(ada, app));
    let acknowledged: Vec<String> = join_all(asked).await.into_iter().flatten().collect();
    portal.until_ended().await?;
    portal.start_again().await?;
    for id in &acknowledged {
        ada.until(id, "running").await?;
    }
    until_whole(portal, &acknowledged).await
}

/// The session, if it was acknowledged.
async fn launch(ada: &Client, app: &str) -> Option<String> {
    let answer = ada
        .send_json(Method::POST, "/api/sessions", &json!({"app_id": app}))
        .await
        .ok()?;
    let session = answer.expect(201).ok()?.json().ok()?;
    session["id"].as_str().map(str::to_owned)
}

async fn dies_ending(portal: &mut Portal, ada: &Client, point: &str, times: usize) -> anyhow::Result<()> {
    let mut all = live(ada).await?;
    // Few may have come to be before it died launching.
    while all.len() <= times {
        all.insert(ada.launch("desktop").await?.id);
    }
    for id in &all {
        ada.until(id, "running").await?;
    }
    portal.kill().await?;
    portal.start_mortal(point, times).await?;
    let ended: Vec<&String> = join_all(all.iter().map(async |id| ada.end(id).await.is_ok().then_some(id)))
        .await
        .into_iter()
        .flatten()
        .collect();
    portal.until_ended().await?;
    portal.start_again().await?;
    for id in ended {
        let session = ada.session(id).await?;
        ensure!(
            session.status == "stopped",
            "its end was acknowledged: {session:?}"
        );
    }
    end_all(portal, ada).await
}

/// What is left of a round; whatever was told of it is whole then, and the engine empty.
async fn end_all(portal: &Portal, ada: &Client) -> anyhow::Result<()> {
    let all = live(ada).await?;
    for id in &all {
        ada.end(id).await?;
    }
    let all: Vec<String> = all.into_iter().collect();
    until_whole(portal, &all).await?;
    portal.engine()?.until_empty().await
}

async fn live(ada: &Client) -> anyhow::Result<BTreeSet<String>> {
    let sessions = ada.get("/api/sessions").await?.expect(200)?.json()?;
    let sessions = sessions.as_array().context("a list")?;
    Ok(sessions
        .iter()
        .filter(|session| matches!(session["status"].as_str(), Some("creating" | "running")))
        .filter_map(|session| session["id"].as_str().map(str::to_owned))
        .collect())
}
