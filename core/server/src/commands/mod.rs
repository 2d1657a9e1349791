//! What an operator can do beside a running portal, on the same configuration and database.

mod app;
mod audit;
mod backup;
mod catalogue;
mod config;
mod db;
mod doctor;
mod migrate;
mod plugin;
mod token;
mod user;

use std::io::Write;
use std::sync::Arc;

use launchpad_services::Accounts;
use launchpad_store::Store;

use crate::clock::SystemClock;
use crate::error::ServerError;

pub(crate) use app::{AppCommand, run as app};
pub(crate) use audit::{AuditCommand, run as audit};
pub(crate) use backup::{BackupOptions, RestoreOptions, backup, restore};
pub(crate) use catalogue::{ImportOptions, export, import};
pub(crate) use config::show as show_config;
pub(crate) use db::{DbCommand, run as db};
pub(crate) use doctor::run as doctor;
pub(crate) use migrate::{MigrateCommand, run as migrate};
pub(crate) use plugin::{PluginCommand, run as plugin};
pub(crate) use token::{TokenCommand, run as token};
pub(crate) use user::{UserCommand, run as user};

fn accounts(store: Store) -> Accounts {
    Accounts::new(store, Arc::new(SystemClock::default()))
}

/// Writes what a command answers.
fn say(text: impl std::fmt::Display) -> Result<(), ServerError> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// The same for scripts.
fn say_json(value: &impl serde::Serialize) -> Result<(), ServerError> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    say(text)
}
