//! `launchpad migrate`.

use clap::Subcommand;
use launchpad_store::{MigrationState, migrate_up, migrations};
use serde_json::json;

use super::{say, say_json};
use crate::config::Config;
use crate::error::ServerError;
use crate::wiring;

/// What can be done with the schema.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Say which migrations the database has had; changes nothing
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring the schema up to date, as every start does
    Up,
}

/// Does it.
pub(crate) async fn run(config: &Config, command: MigrateCommand) -> Result<(), ServerError> {
    match command {
        MigrateCommand::Status { json } => {
            let states = migrations(&config.database).await;
            let states = states.map_err(|error| wiring::refused(config, &error))?;
            if json {
                let list: Vec<_> = states
                    .iter()
                    .map(|state| json!({"name": state.name, "state": word(state)}))
                    .collect();
                return say_json(&list);
            }
            for state in &states {
                say(format_args!("{:<8} {}", word(state), state.name))?;
            }
            Ok(())
        }
        MigrateCommand::Up => {
            let done = migrate_up(&config.database, &wiring::opening(config)).await;
            let done = done.map_err(|error| wiring::refused(config, &error))?;
            for name in &done {
                say(format_args!("applied  {name}"))?;
            }
            say("the schema is up to date")
        }
    }
}

fn word(state: &MigrationState) -> &'static str {
    match (state.known, state.applied) {
        (false, _) => "newer",
        (true, true) => "applied",
        (true, false) => "pending",
    }
}
