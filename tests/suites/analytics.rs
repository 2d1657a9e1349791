//! Launches, counted: each once, whichever way it came, and by whom.

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Portal, Postgres, Recipe, Seed, app, desktop, link};
use reqwest::Method;
use serde_json::{Value, json};

use crate::commands::{out, says};
use crate::{PASSWORD, portal};

/// A portal with a link, an app whose image does not exist, and one that runs.
async fn scene(recipe: Recipe) -> anyhow::Result<(Portal, Client, Client)> {
    let apps = vec![
        link("wiki", "https://wiki.example/"),
        app(
            "broken",
            "container",
            "",
            "localhost/launchpad-tests/never-built:1",
        ),
        desktop("desktop"),
    ];
    let portal = recipe.seed(Seed::Apps(apps)).start().await?;
    let root = portal.account("root", "admin", PASSWORD).await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    Ok((portal, root, ada))
}

async fn json(client: &Client, path: &str) -> anyhow::Result<Value> {
    client.get(path).await?.expect(200)?.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn launches_of_every_kind_are_counted_once() -> anyhow::Result<()> {
    count(portal()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_postgresql() -> anyhow::Result<()> {
    let server = Postgres::start().await?;
    count(portal().database(server.url())).await
}

async fn count(recipe: Recipe) -> anyhow::Result<()> {
    let (portal, root, ada) = scene(recipe).await?;
    ada.get("/go/wiki").await?.expect(303)?;
    root.get("/go/wiki").await?.expect(303)?;
    // What another site's page opened was nobody's choice.
    ada.exactly(Method::GET, "/go/wiki", &[("sec-fetch-site", "cross-site")], "")
        .await?
        .expect(303)?;
    ada.send_json(Method::POST, "/api/analytics/launch", &json!({"app_id": "wiki"}))
        .await?
        .expect(204)?;
    let broken = ada.launch("broken").await?;
    ada.until(&broken.id, "failed").await?;
    let desktop = ada.launch("desktop").await?;
    ada.until(&desktop.id, "running").await?;
    // A refused launch is none.
    ada.send_json(Method::POST, "/api/sessions", &json!({"app_id": "wiki"}))
        .await?
        .expect(422)?;

    let ever = json(&root, "/api/analytics").await?;
    ensure!(
        ever["total_launches"] == 5 && ever.get("range").is_none(),
        "{ever}"
    );
    ensure!(
        ever["apps"][0]["app_id"] == "wiki"
            && ever["apps"][0]["launches"] == 3
            && ever["apps"][0]["last_launch"].is_string(),
        "{ever}"
    );
    let range = json(&root, "/api/analytics?granularity=day").await?;
    let figures = &range["range"]["figures"];
    ensure!(
        figures["launches"] == 5 && figures["failed"] == 1 && figures["unique_users"] == 2,
        "{range}"
    );
    // One was on its way or gone when the other came: that is the most there can be.
    ensure!(
        figures["peak_sessions"]
            .as_u64()
            .is_some_and(|peak| (1..=2).contains(&peak)),
        "{range}"
    );
    let ready = figures["ready_ms"]["p50"]
        .as_u64()
        .context("the desktop was ready")?;
    ensure!(ready > 0 && figures["ready_ms"]["p95"] == ready, "{range}");
    ensure!(
        range["range"]["series"].as_array().map(Vec::len) == Some(14),
        "{range}"
    );
    ensure!(
        range["range"]["failures"] == json!([{"reason": "image_missing", "launching": 1, "running": 0}]),
        "{range}"
    );
    let of_app = json(&root, "/api/analytics?app_id=desktop&granularity=hour").await?;
    ensure!(
        of_app["total_launches"] == 1 && of_app["range"]["app_id"] == "desktop",
        "{of_app}"
    );
    ensure!(
        of_app["range"]["series"].as_array().map(Vec::len) == Some(14 * 24),
        "{of_app}"
    );
    let past = json(&root, "/api/analytics?from=2020-01-01&to=2020-01-31").await?;
    ensure!(past["total_launches"] == 0 && past["apps"] == json!([]), "{past}");

    let csv = root.get("/api/analytics.csv?table=apps").await?.expect(200)?;
    ensure!(
        csv.body.starts_with("\"app_id\",\"app_name\"") && csv.body.contains("\"wiki\",\"App wiki\""),
        "{}",
        csv.body
    );
    let page = root.get("/admin/analytics").await?.expect(200)?;
    ensure!(
        page.body
            .contains("App wiki was launched most often, 3 of 5 times")
            && page.body.contains("<svg"),
        "{}",
        page.body
    );
    ada.end(&desktop.id).await?;
    ada.until(&desktop.id, "stopped").await?;
    drop(portal);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_value_of_a_range_is_named() -> anyhow::Result<()> {
    let portal = portal().set("LAUNCHPAD_RUNTIME", "none").start().await?;
    let root = portal.account("root", "admin", PASSWORD).await?;
    let wrong = "from=soon&to=2026-02-31&app_id=No&granularity=week";
    for path in ["/api/analytics?", "/api/analytics.csv?table=all&"] {
        let refused = root.get(&format!("{path}{wrong}")).await?.expect(422)?.json()?;
        let mut paths: Vec<&str> = refused["problems"]
            .as_array()
            .context("problems")?
            .iter()
            .filter_map(|problem| problem["path"].as_str())
            .collect();
        paths.retain(|path| *path != "table");
        ensure!(paths == ["to", "from", "app_id", "granularity"], "{refused}");
    }
    root.get("/api/analytics.csv?table=all").await?.expect(422)?;
    root.get("/api/analytics?from=2026-11-02&to=2026-11-01")
        .await?
        .expect(422)?;
    let page = root
        .get(&format!("/admin/analytics?{wrong}"))
        .await?
        .expect(422)?;
    ensure!(page.body.contains("href=\"#f-granularity\""), "{}", page.body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_forgotten_is_counted_on_without_a_name() -> anyhow::Result<()> {
    let (portal, root, ada) = scene(portal()).await?;
    ada.get("/go/wiki").await?.expect(303)?;
    let broken = ada.launch("broken").await?;
    ada.until(&broken.id, "failed").await?;

    let told = says(&portal, &["user", "forget", "ada"], "", 1).await?;
    ensure!(
        String::from_utf8_lossy(&told.stderr).contains("--yes"),
        "{told:?}"
    );
    let told = says(&portal, &["user", "forget", "root", "--yes"], "", 1).await?;
    ensure!(
        String::from_utf8_lossy(&told.stderr).contains("only administrator"),
        "{told:?}"
    );
    // What is left of the session is still being removed for a moment.
    let deadline = std::time::Instant::now() + launchpad_tests::PATIENCE;
    let forgotten = loop {
        let told = portal
            .run(&["user", "forget", "ada", "--yes", "--json"], "")
            .await?;
        if told.status.success() {
            break out(&told);
        }
        ensure!(std::time::Instant::now() < deadline, "{told:?}");
    };
    let told: Value = serde_json::from_str(&forgotten)?;
    ensure!(
        told["removed"] == json!({"sessions": 1, "tokens": 1, "sign_ins": 0})
            && told["launches_without_name"] == 2,
        "{told}"
    );
    ensure!(
        told["kept"][0]
            .as_str()
            .is_some_and(|kept| kept.contains("audit log")),
        "{told}"
    );
    says(&portal, &["user", "forget", "ada", "--yes"], "", 1).await?;
    let counted = json(&root, "/api/analytics?granularity=day").await?;
    ensure!(counted["range"]["figures"]["unique_users"] == 1, "{counted}");
    let log = root
        .get("/api/audit?action=FORGET_USER")
        .await?
        .expect(200)?
        .json()?;
    ensure!(log[0]["target"] == told["id"], "{log}");
    says(&portal, &["audit", "verify"], "", 0).await?;
    Ok(())
}
