//! What it costs to be durable: writes that are acknowledged, and a backup beside them.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, RuntimeKind, SessionId, Status, UserId};
use launchpad_store::NewSession;
use launchpad_tests::{Client, Portal, Postgres, Recipe, Seed, link};
use reqwest::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::table::{Sample, Table, short};
use crate::{PASSWORD, portal};

/// People who change something at the same time.
const WRITERS: usize = 8;
/// For how long they do.
const LENGTH: Duration = Duration::from_secs(10);
/// Rows that make a database large, and how large each is.
const LARGE_ROWS: usize = 1_024;
const LARGE_ROW: usize = 1_024 * 1_024;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let file = start(recipe()).await?;
    add_rate(table, "SQLite", &file).await?;
    let server = Postgres::start().await?;
    let other = start(recipe().database(server.url())).await?;
    add_rate(table, "PostgreSQL", &other).await?;
    drop(other);
    backup(table, &file).await
}

fn recipe() -> Recipe {
    let apps = (0..WRITERS).map(|number| link(&format!("app-{number}"), "https://app.example/"));
    portal()
        .seed(Seed::Apps(apps.collect()))
        .set("LAUNCHPAD_RUNTIME", "none")
}

async fn start(recipe: Recipe) -> anyhow::Result<Portal> {
    let portal = recipe.start().await?;
    portal.account("ada", "admin", PASSWORD).await?;
    Ok(portal)
}

async fn add_rate(table: &mut Table, name: &str, portal: &Portal) -> anyhow::Result<()> {
    let client = client(portal).await?;
    let begun = Instant::now();
    let stop = CancellationToken::new();
    let writing = writers(&client, &stop);
    tokio::time::sleep(LENGTH).await;
    stop.cancel();
    let latencies = writing.await?;
    let count = u32::try_from(latencies.len())?;
    table.add(
        &format!("acknowledged changes of apps, {WRITERS} at once, {name}"),
        "(measured)",
        format!(
            "{:.0} a second, {}",
            f64::from(count) / begun.elapsed().as_secs_f64(),
            Sample::new(latencies).describe()
        ),
    );
    Ok(())
}

async fn client(portal: &Portal) -> anyhow::Result<Client> {
    let made = portal.run(&["token", "create", "--user", "ada"], "").await?;
    let text = String::from_utf8(made.stdout)?;
    let token = text
        .split_whitespace()
        .find(|word| word.starts_with("lpt_"))
        .context("a token")?;
    Client::with_token(&portal.url(), token)
}

/// Changes apps until they are told to stop; how long each change took.
fn writers(
    client: &Client,
    stop: &CancellationToken,
) -> impl Future<Output = anyhow::Result<Vec<Duration>>> + use<> {
    let mut lanes = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (client, stop) = (client.clone(), stop.clone());
        lanes.spawn(async move {
            let mut latencies = Vec::new();
            let path = format!("/api/apps/app-{writer}");
            for number in 0.. {
                if stop.is_cancelled() {
                    break;
                }
                let app = link(&format!("app-{writer}"), &format!("https://app.example/{number}"));
                let begun = Instant::now();
                client.send_json(Method::PUT, &path, &app).await?.expect(200)?;
                latencies.push(begun.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    async move {
        let mut all = Vec::new();
        while let Some(lane) = lanes.join_next().await {
            all.extend(lane??);
        }
        Ok(all)
    }
}

async fn backup(table: &mut Table, portal: &Portal) -> anyhow::Result<()> {
    fill(portal).await?;
    let client = client(portal).await?;
    let alone = CancellationToken::new();
    let writing = writers(&client, &alone);
    tokio::time::sleep(LENGTH).await;
    alone.cancel();
    let alone = Sample::new(writing.await?);

    let beside = CancellationToken::new();
    let writing = writers(&client, &beside);
    let begun = Instant::now();
    let taken = portal.run(&["backup", "backups", "--json"], "").await?;
    let took = begun.elapsed();
    beside.cancel();
    let beside = Sample::new(writing.await?);
    let manifest: serde_json::Value = serde_json::from_slice(&taken.stdout)
        .with_context(|| String::from_utf8_lossy(&taken.stderr).into_owned())?;
    let mebibytes = manifest["bytes"].as_u64().unwrap_or_default() / 1_024 / 1_024;
    table.add(
        "backup of 1 GiB while apps are changed",
        "<= 30 s",
        format!("{} for {mebibytes} MiB, opened and read", short(took)),
    );
    let times = beside.quantile(95).as_secs_f64() / alone.quantile(95).as_secs_f64();
    table.add(
        "those changes beside the backup and without it",
        "p95 <= 2 x",
        format!(
            "{times:.2} x: {}; without: {}",
            beside.describe(),
            alone.describe()
        ),
    );
    Ok(())
}

/// Sessions of the past with much in them.
async fn fill(portal: &Portal) -> anyhow::Result<()> {
    let store = portal.store().await?;
    let now: DateTime<Utc> = std::time::SystemTime::now().into();
    let user = UserId::new();
    for row in 0..LARGE_ROWS {
        let id = SessionId::new();
        // No two pages are the same.
        let text: String = format!("{row:08x}").repeat(LARGE_ROW / 8);
        let session = NewSession {
            id,
            user_id: user,
            app_id: "app-0".parse().map_err(anyhow::Error::msg)?,
            app_name: "Large".to_owned(),
            launch_type: "container".parse().map_err(anyhow::Error::msg)?,
            runtime: RuntimeKind::Podman,
            params: serde_json::Map::from_iter([("text".to_owned(), json!(text))]),
            created_at: now,
            expires_at: now,
        };
        let sessions = store.sessions();
        sessions.insert(&Actor::portal(), &session, u32::MAX).await?;
        sessions
            .finish(&Actor::portal(), id, Status::Creating, Status::Failed, None, now)
            .await?;
        sessions.set_cleaned(id, now).await?;
    }
    Ok(store.close().await?)
}
