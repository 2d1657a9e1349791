//! What becomes of the portal when PostgreSQL crashes, is away, or is cut off after it was told to commit.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use launchpad_tests::{Client, Cutter, PATIENCE, Portal, Postgres, Recipe, Seed, link};
use reqwest::Method;
use tokio::sync::watch;

use crate::commands::says;
use crate::{PASSWORD, portal};

/// A catalogue of links: no engine is needed for them.
fn recipe(port: u16) -> Recipe {
    let apps = vec![link("wiki", "https://wiki.example/")];
    portal()
        .seed(Seed::Apps(apps))
        .set("LAUNCHPAD_RUNTIME", "none")
        .database(format!("postgres://launchpad@127.0.0.1:{port}/postgres"))
}

/// Where the links lead that are added: what is sent in the transaction that adds one, and in no other.
const TARGET: &str = "https://app.example/";

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Saved,
    Taken,
    Unknown,
}

async fn add(ada: &Client, id: &str) -> anyhow::Result<Outcome> {
    let answer = ada
        .send_json(Method::POST, "/api/apps", &link(id, TARGET))
        .await?;
    match answer.status.as_u16() {
        201 => Ok(Outcome::Saved),
        409 => Ok(Outcome::Taken),
        503 => {
            ensure!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
            Ok(Outcome::Unknown)
        }
        other => bail!("{other}: {}", answer.body),
    }
}

/// Asks again as long as the answer is that nobody knows: what was made already is taken then.
async fn add_for_sure(ada: &Client, id: &str) -> anyhow::Result<Outcome> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match add(ada, id).await? {
            Outcome::Unknown if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            known => return Ok(known),
        }
    }
}

async fn check(portal: &Portal, ada: &Client, saved: &[String]) -> anyhow::Result<()> {
    let apps = ada.get("/api/apps").await?.expect(200)?.json()?;
    let apps = apps.as_array().context("a list")?;
    for id in saved {
        let found = apps.iter().filter(|app| app["id"] == id.as_str()).count();
        ensure!(found == 1, "{id} is there {found} times");
    }
    says(portal, &["audit", "verify"], "", 0).await?;
    says(portal, &["backup", "checked"], "", 0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_costs_no_acknowledged_change() -> anyhow::Result<()> {
    let mut server = Postgres::start().await?;
    let portal = recipe(server.port()).start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    let mut saved = Vec::new();
    for round in 0..3 {
        // Whether a change meets the crash, or waits until the server is back, is chance.
        let (end, ended) = watch::channel(false);
        let writer = tokio::spawn({
            let ada = ada.clone();
            async move {
                let mut saved = Vec::new();
                for number in 0.. {
                    let id = format!("app-{round}-{number}");
                    match add(&ada, &id).await? {
                        Outcome::Saved => saved.push(id),
                        Outcome::Unknown => {}
                        Outcome::Taken => bail!("{id} was there already"),
                    }
                    if *ended.borrow() {
                        break;
                    }
                }
                Ok(saved)
            }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.crash_and_start_again().await?;
        end.send_replace(true);
        saved.extend(
            tokio::time::timeout(PATIENCE, writer)
                .await
                .context("a change was never answered")???,
        );
        // The portal finds the server again by itself.
        let id = format!("after-{round}");
        add_for_sure(&ada, &id).await?;
        saved.push(id);
    }
    check(&portal, &ada, &saved).await
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_after_a_commit_was_sent_nothing_is_there_twice() -> anyhow::Result<()> {
    let server = Postgres::start().await?;
    let way = Cutter::to(server.port()).await?;
    let portal = recipe(way.port()).start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    let mut saved = Vec::new();
    for number in 0..5 {
        let id = format!("app-{number}");
        way.cut_once_sent(TARGET.as_bytes(), b"COMMIT");
        let first = add(&ada, &id).await?;
        ensure!(first == Outcome::Unknown, "{first:?}");
        portal.stranger()?.get("/readyz").await?.expect(503)?;
        way.mend();
        // The server had made it: whoever asks again learns that, and makes no second one.
        let second = add_for_sure(&ada, &id).await?;
        ensure!(second == Outcome::Taken, "{second:?}");
        saved.push(id);
    }
    check(&portal, &ada, &saved).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_told_and_waited_for() -> anyhow::Result<()> {
    let server = Postgres::start().await?;
    let way = Cutter::to(server.port()).await?;
    let mut portal = recipe(way.port()).start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    way.cut_after(0);
    let begun = Instant::now();
    ensure!(add(&ada, "refused").await? == Outcome::Unknown);
    // What is answered at once is answered while others may still wait for a connection.
    ensure!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    portal.stranger()?.get("/healthz").await?.expect(200)?;
    way.mend();
    add_for_sure(&ada, "accepted").await?;
    check(&portal, &ada, &["accepted".to_owned()]).await?;

    // A start without it says so, and changes nothing.
    portal.kill().await?;
    way.cut_after(0);
    let refused = says(&portal, &["serve"], "", 1).await?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        told.contains("does not answer") || told.contains("Connection Error"),
        "{told}"
    );
    way.mend();
    portal.start_again().await?;
    check(&portal, &ada, &["accepted".to_owned()]).await
}
