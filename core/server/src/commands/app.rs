//! `launchpad app`.

use clap::Subcommand;
use launchpad_domain::{Actor, AppId};
use serde_json::json;

use super::{say, say_json};
use crate::config::Config;
use crate::error::ServerError;
use crate::wiring::{self, Surroundings};

/// What can be done with apps that were deleted.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// List the apps that were deleted and can be put back, newest first
    Deleted {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Put an app that was deleted back, where and as it was
    Restore {
        /// Its id; of several that had it, the one that was deleted last
        id: AppId,
    },
}

/// Does it.
pub(crate) async fn run(
    config: &Config,
    surroundings: &Surroundings,
    command: AppCommand,
) -> Result<(), ServerError> {
    let store = wiring::open_existing_store(config).await?;
    let catalogue = wiring::catalogue(config, surroundings, store).await;
    match command {
        AppCommand::Deleted { json: false } => {
            for deleted in catalogue.deleted().await? {
                say(format_args!(
                    "{}  {:<24} {}",
                    deleted.deleted_at.format("%Y-%m-%dT%H:%M:%SZ"),
                    deleted.app.id,
                    deleted.app.name
                ))?;
            }
            Ok(())
        }
        AppCommand::Deleted { json: true } => {
            let deleted = catalogue.deleted().await?;
            let list = deleted
                .iter()
                .map(|deleted| json!({"app": deleted.app, "deleted_at": deleted.deleted_at}));
            say_json(&list.collect::<Vec<_>>())
        }
        AppCommand::Restore { id } => {
            let restored = catalogue.restore(&Actor::command_line(), &id).await?;
            say(format_args!(
                "{} ({}) is back",
                restored.app.id, restored.app.name
            ))
        }
    }
}
