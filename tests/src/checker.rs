//! The invariants of sessions, held against the database and the engine at once.

use std::time::{Instant, SystemTime};

use anyhow::ensure;
use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::Status;

use crate::PATIENCE;
use crate::portal::Portal;

/// How long after its deadline a session may still be what it was.
const GRACE: TimeDelta = TimeDelta::seconds(15);

/// Most rows that a test makes.
const ROWS: u64 = 10_000;

/// Waits until nothing is lost, orphaned, doubled or stuck. `acknowledged` are the sessions that were answered with 201.
pub async fn until_whole(portal: &Portal, acknowledged: &[String]) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let wrong = broken(portal, acknowledged).await?;
        if wrong.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{}", wrong.join("; "));
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}

/// Everything that is not as it must be.
async fn broken(portal: &Portal, acknowledged: &[String]) -> anyhow::Result<Vec<String>> {
    let pods = portal.engine()?.sessions()?;
    let rows = portal.store().await?.sessions().all(ROWS).await?;
    let now: DateTime<Utc> = SystemTime::now().into();
    let mut wrong = Vec::new();
    for id in acknowledged {
        if !rows.iter().any(|row| row.id.to_string() == *id) {
            wrong.push(format!("{id} was acknowledged and is lost"));
        }
    }
    for row in &rows {
        let id = row.id.to_string();
        let count = pods.iter().filter(|session| **session == id).count();
        match row.status {
            Status::Running if count != 1 => wrong.push(format!("{id} runs with {count} pods")),
            Status::Creating if count > 1 => wrong.push(format!("{id} is made with {count} pods")),
            Status::Stopped | Status::Expired | Status::Failed if count > 0 => {
                wrong.push(format!("{id} is over and has {count} pods"));
            }
            Status::Creating | Status::Running if now > row.expires_at + GRACE => {
                wrong.push(format!("{id} is {} past its deadline", row.status));
            }
            _ => {}
        }
    }
    for session in pods {
        if !rows.iter().any(|row| row.id.to_string() == session) {
            wrong.push(format!("a pod of session {session}, of which there is no row"));
        }
    }
    Ok(wrong)
}
