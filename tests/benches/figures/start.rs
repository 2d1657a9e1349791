//! How long a start takes, and how much memory the portal has when nothing happens.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, RuntimeKind, SessionId, Status, UserId};
use launchpad_store::NewSession;
use launchpad_tests::{Portal, Seed};

use crate::memory::Memory;
use crate::portal;
use crate::table::{Sample, Table, short};

const ROWS: u32 = 10_000;
const STARTS: usize = 10;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let mut portal = portal().seed(Seed::Example).start().await?;
    portal.kill().await?;
    fill(&portal).await?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(start(&mut portal).await?);
        portal.kill().await?;
    }
    let warm = Sample::new(starts);
    table.add(
        "start to ready, 10,000 session rows, warm",
        "<= 100 ms",
        format!(
            "p50 {}, worst {} of {STARTS}",
            short(warm.quantile(50)),
            short(warm.quantile(100))
        ),
    );
    start(&mut portal).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let id = portal.process_id().context("the portal runs")?;
    table.add(
        "idle memory, shipped plugins",
        "<= 50 MiB",
        Memory::of(id)?.describe(),
    );
    Ok(())
}

async fn start(portal: &mut Portal) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    portal.start_again().await?;
    portal.stranger()?.get("/readyz").await?.expect(200)?;
    Ok(begin.elapsed())
}

/// Sessions of the past, as a portal has them after some months.
async fn fill(portal: &Portal) -> anyhow::Result<()> {
    let store = portal.store().await?;
    let now: DateTime<Utc> = std::time::SystemTime::now().into();
    let user = UserId::new();
    for _ in 0..ROWS {
        let id = SessionId::new();
        let session = NewSession {
            id,
            user_id: user,
            app_id: "desktop".parse().map_err(anyhow::Error::msg)?,
            app_name: "Desktop".to_owned(),
            launch_type: "container".parse().map_err(anyhow::Error::msg)?,
            runtime: RuntimeKind::Podman,
            params: serde_json::Map::new(),
            created_at: now,
            expires_at: now,
        };
        store.sessions().insert(&Actor::portal(), &session, ROWS).await?;
        store
            .sessions()
            .finish(&Actor::portal(), id, Status::Creating, Status::Failed, None, now)
            .await?;
        store.sessions().set_cleaned(id, now).await?;
    }
    Ok(())
}
