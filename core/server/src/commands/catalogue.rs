//! `launchpad export` and `launchpad import`.

use std::path::{Path, PathBuf};

use clap::Args;
use launchpad_domain::{Actor, AppChanges, Unnamed};

use super::{say, say_json};
use crate::config::Config;
use crate::error::ServerError;
use crate::wiring::{self, Surroundings};

/// What is imported, and how.
#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// The file, in the format of a seed
    file: PathBuf,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Remove the apps that the file does not name
    #[arg(long)]
    prune: bool,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
}

/// Writes the catalogue to a file, or to standard output.
pub(crate) async fn export(
    config: &Config,
    surroundings: &Surroundings,
    file: Option<&Path>,
) -> Result<(), ServerError> {
    let store = wiring::open_existing_store(config).await?;
    let text = wiring::catalogue(config, surroundings, store)
        .await
        .export()
        .await?;
    match file {
        Some(path) => tokio::fs::write(path, text + "\n")
            .await
            .map_err(|error| ServerError::Start(format!("{} cannot be written: {error}", path.display()))),
        None => say(text),
    }
}

/// Makes the catalogue be as a file has it.
pub(crate) async fn import(
    config: &Config,
    surroundings: &Surroundings,
    options: ImportOptions,
) -> Result<(), ServerError> {
    let path = &options.file;
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| ServerError::Start(format!("{} cannot be read: {error}", path.display())))?;
    let unnamed = if options.prune {
        Unnamed::Remove
    } else {
        Unnamed::Keep
    };
    let store = wiring::open_store(config).await?;
    let catalogue = wiring::catalogue(config, surroundings, store).await;
    let actor = Actor::command_line();
    let changes = if options.dry_run {
        catalogue.compare(&actor, &text, unnamed).await
    } else {
        catalogue.import(&actor, &text, unnamed).await
    };
    let changes = changes.map_err(|error| ServerError::seed(path, &error))?;
    if options.json {
        return say_json(&changes);
    }
    tell(&changes)?;
    if options.dry_run {
        say("nothing was changed")?;
    }
    Ok(())
}

fn tell(changes: &AppChanges) -> Result<(), ServerError> {
    for id in &changes.added {
        say(format_args!("+ {id}"))?;
    }
    for update in &changes.updated {
        say(format_args!("~ {} ({})", update.id, update.fields.join(", ")))?;
    }
    for id in &changes.removed {
        say(format_args!("- {id}"))?;
    }
    if changes.reordered {
        say("~ the order of the apps")?;
    }
    say(format_args!(
        "{} added, {} changed, {} removed, {} as they were",
        changes.added.len(),
        changes.updated.len(),
        changes.removed.len(),
        changes.unchanged
    ))
}
