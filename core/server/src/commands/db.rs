//! `launchpad db`.

use std::path::Path;

use clap::Subcommand;
use launchpad_store::{DatabaseUrl, move_database};
use serde_json::json;

use super::{say, say_json};
use crate::config::{self, Config};
use crate::error::ServerError;

/// What can be done with databases.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Move everything to an empty database, prove every row, and retire the old one
    Copy {
        /// Where the data is: a file or a postgres:// URL
        #[arg(long, value_name = "PATH|URL")]
        from: DatabaseUrl,
        /// Where it is to be
        #[arg(long, value_name = "PATH|URL")]
        to: DatabaseUrl,
        /// Say it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(crate) async fn run(config: &Config, command: DbCommand) -> Result<(), ServerError> {
    let DbCommand::Copy { from, to, json } = command;
    // Before anything is retired: the new database cannot be opened without it.
    let (key, place) = (config::audit_key(Some(&from)), config::audit_key(Some(&to)));
    let is_beside = config.audit_key == config::audit_key(Some(&config.database));
    if is_beside && key.exists() && !place.exists() {
        copy_key(&key, &place)?;
    }
    let counts = move_database(&from, &to)
        .await
        .map_err(|error| ServerError::Start(error.to_string()))?;
    let rows: u64 = counts.values().sum();
    if json {
        return say_json(&json!({"rows": counts, "from": from.to_string(), "to": to.to_string()}));
    }
    for (table, rows) in &counts {
        say(format_args!("{rows:>9}  {table}"))?;
    }
    say(format_args!(
        "{rows} rows were copied to {to} and read again, each the same"
    ))?;
    say(format_args!(
        "{from} is retired: no portal starts on it. Set LAUNCHPAD_DB to what --to was: {to}"
    ))?;
    if is_beside {
        say(format_args!(
            "the key of the audit log is now {}: keep a copy elsewhere",
            place.display()
        ))?;
    }
    Ok(())
}

/// The key, and what is known by it.
fn copy_key(from: &Path, to: &Path) -> Result<(), ServerError> {
    let with = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push(".checkpoints");
        name
    };
    if Path::new(&with(from)).exists() {
        std::fs::copy(with(from), with(to))?;
    }
    std::fs::copy(from, to)?;
    Ok(())
}
