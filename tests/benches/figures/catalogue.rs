//! The catalogue page of somebody who is signed in.

use std::time::Duration;

use anyhow::Context;
use launchpad_tests::{Portal, Seed, link};

use crate::load::Shot;
use crate::table::Table;
use crate::{PASSWORD, portal};

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let many = start_with(1_000).await?;
    let shot = shot_of(&many).await?;
    shot.flat_out(Duration::from_secs(2)).await?;
    let outcome = shot.at_rate(500, Duration::from_secs(20)).await?;
    table.add(
        "catalogue page, 1,000 apps, 500 requests/s",
        "p95 <= 10 ms",
        format!("{} ({} KB)", outcome.latencies.describe(), outcome.bytes / 1_000),
    );
    drop(many);

    let few = start_with(20).await?;
    let shot = shot_of(&few).await?;
    shot.flat_out(Duration::from_secs(2)).await?;
    let outcome = shot.flat_out(Duration::from_secs(10)).await?;
    table.add(
        "catalogue page, 20 apps, as many as it answers",
        ">= 5,000 requests/s",
        format!("{:.0} requests/s, load generator on the same cores", outcome.rate),
    );
    Ok(())
}

async fn start_with(apps: usize) -> anyhow::Result<Portal> {
    let apps = (0..apps)
        .map(|number| link(&format!("app-{number}"), "https://app.example/"))
        .collect();
    portal().seed(Seed::Apps(apps)).start().await
}

async fn shot_of(portal: &Portal) -> anyhow::Result<Shot> {
    portal.account("ada", "user", PASSWORD).await?;
    let mut ada = portal.stranger()?;
    ada.submit("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    let cookie = ada.cookie().context("no cookie after the sign-in")?;
    Ok(Shot::get(&portal.url(), "/", cookie))
}
