//! Workspaces: named volumes with the instance's label.

use launchpad_domain::runtime::INSTANCE_LABEL;
use launchpad_domain::{InstanceId, RuntimeError};
use serde::Deserialize;

use super::command::{Call, Cli};
use super::listing;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
}

/// Deletes a workspace, if it is one of this instance's.
pub(super) async fn delete(cli: &Cli, instance: InstanceId, name: &str) -> Result<(), RuntimeError> {
    let ours = format!("label={INSTANCE_LABEL}={instance}");
    let named = format!("name={name}");
    let listed: Vec<Listed> = listing::parse(
        &cli.query(&[
            "volume", "ls", "--format", "json", "--filter", &ours, "--filter", &named,
        ])
        .await?,
    )?;
    // The filter also finds names that this one is only a part of.
    if !listed.iter().any(|volume| volume.name == name) {
        return Ok(());
    }
    let removed = cli.run(Call::quick(&["volume", "rm", name])).await?;
    if removed.succeeded || removed.errors.contains("no such volume") {
        return Ok(());
    }
    Err(RuntimeError::Away(removed.complaint()))
}
