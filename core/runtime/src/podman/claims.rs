//! Workspaces: named volumes with the instance's label and their owner's.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use fail::fail_point;
use launchpad_domain::runtime::INSTANCE_LABEL;
use launchpad_domain::{InstanceId, Reason, RuntimeError, Workload, Workspace, WorkspaceName};
use serde::Deserialize;

use super::command::{Call, Cli};
use super::{faults, listing};
use crate::owned;

/// The label with the size that was asked for: Podman bounds no volume, but lists are to tell it.
const SIZE_LABEL: &str = "launchpad.dev/size";

/// What lists volumes.
pub(super) const VOLUMES: &[&str] = &["volume", "ls"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    created_at: DateTime<Utc>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Volume {
    fn workspace(&self) -> Option<Workspace> {
        let labels = self.labels.as_ref()?;
        let size = labels.get(SIZE_LABEL).cloned();
        owned::workspace(&self.name, labels, size, self.created_at)
    }
}

/// Makes the workload's workspaces, those that are there already left as they are: `kube play` would not label them.
pub(super) async fn create(cli: &Cli, workload: &Workload) -> Result<(), RuntimeError> {
    for claim in &workload.plan.claims {
        let mut labels = owned::labels(workload, claim);
        labels.insert(SIZE_LABEL.to_owned(), claim.size.clone());
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("--label={name}={value}"))
            .collect();
        let mut call = vec!["volume", "create"];
        call.extend(labels.iter().map(String::as_str));
        call.push(&claim.name);
        let made = cli.run(Call::quick(&call)).await?;
        fail_point!("claim-made");
        if made.succeeded {
            continue;
        }
        if !faults::is_taken_name(&made.complaint()) {
            return Err(faults::refusal(&made.complaint(), Reason::EngineRefused));
        }
        let labels = labels_of(cli, &claim.name).await?.unwrap_or_default();
        owned::check(&labels, workload, claim)?;
    }
    Ok(())
}

/// Every workspace of this instance.
pub(super) async fn list(cli: &Cli, instance: InstanceId) -> Result<Vec<Workspace>, RuntimeError> {
    let filter = format!("label={INSTANCE_LABEL}={instance}");
    let volumes: Vec<Volume> = listing::ask(cli, VOLUMES, &filter).await?;
    Ok(volumes.iter().filter_map(Volume::workspace).collect())
}

/// Deletes a workspace, if it is one of this instance's.
pub(super) async fn delete(
    cli: &Cli,
    instance: InstanceId,
    name: &WorkspaceName,
) -> Result<(), RuntimeError> {
    let labels = labels_of(cli, name.as_str()).await?.unwrap_or_default();
    if labels.get(INSTANCE_LABEL) != Some(&instance.to_string()) {
        return Ok(());
    }
    let removed = cli.run(Call::quick(&["volume", "rm", name.as_str()])).await?;
    if removed.succeeded || faults::is_gone(&removed.complaint()) {
        return Ok(());
    }
    Err(RuntimeError::Away(removed.complaint()))
}

/// The labels of the volume of this name. Of two filters Podman 4.3 takes whatever either finds, and a name also finds
/// those that it is only a part of: one is asked for, and the answer is looked at.
async fn labels_of(cli: &Cli, name: &str) -> Result<Option<BTreeMap<String, String>>, RuntimeError> {
    let found: Vec<Volume> = listing::ask(cli, VOLUMES, &format!("name={name}")).await?;
    let volume = found.into_iter().find(|volume| volume.name == name);
    Ok(volume.map(|volume| volume.labels.unwrap_or_default()))
}
