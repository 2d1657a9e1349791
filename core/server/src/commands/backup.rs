//! `launchpad backup` and `launchpad restore`.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use launchpad_domain::Actor;
use launchpad_services::Backups;
use launchpad_services::backup::{Checked, Manifest, RestoreRequest};
use serde_json::json;

use super::{say, say_json};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::error::ServerError;
use crate::wiring;

/// Where to, or which are verified.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct BackupOptions {
    /// A folder, which is made where it is missing, or a bucket: `s3://bucket/prefix`
    #[arg(required = true, value_name = "DEST")]
    destination: Option<String>,
    /// Once it is taken, keep only this many, the newest of those there
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    keep: Option<u16>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Read every backup there as a restore would
    Verify {
        /// The folder or bucket
        #[arg(value_name = "DEST")]
        destination: String,
        /// Say it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What is restored, and how.
#[derive(Debug, Args)]
pub(crate) struct RestoreOptions {
    /// The folder or bucket of the backups
    #[arg(value_name = "DEST")]
    destination: String,
    /// The newest backup of this time or before, like 2026-11-24T03:00:00Z; the newest of all, unless set
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<DateTime<Utc>>,
    /// Go on as the instance that was backed up: only where that one will never run again
    #[arg(long)]
    keep_instance: bool,
    /// Go on with a new key for the audit log, where the old one is lost
    #[arg(long)]
    new_audit_key: bool,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
}

/// Takes a backup, or verifies those that are there.
pub(crate) async fn backup(config: &Config, options: BackupOptions) -> Result<(), ServerError> {
    if let Some(BackupCommand::Verify { destination, json }) = options.command {
        return verify(&Backups::at(&destination, &config.buckets)?, json).await;
    }
    let destination = options.destination.unwrap_or_default();
    let backups = Backups::at(&destination, &config.buckets)?;
    let store = wiring::open_existing_store(config).await?;
    let manifest = backups.take(&store, &SystemClock::default()).await?;
    if let Some(keep) = options.keep {
        backups.prune(usize::from(keep)).await?;
    }
    if options.json {
        return say_json(&manifest);
    }
    say(format_args!(
        "{}/{}: {} rows, {} bytes",
        destination.trim_end_matches('/'),
        manifest.file,
        rows(&manifest),
        manifest.bytes
    ))
}

async fn verify(backups: &Backups, json: bool) -> Result<(), ServerError> {
    let checked = backups.verify().await?;
    if json {
        let entry = |one: &Checked| json!({"name": one.name, "problem": one.problem});
        say_json(&checked.iter().map(entry).collect::<Vec<_>>())?;
    } else {
        for Checked { name, problem } in &checked {
            say(format_args!("{name}: {}", problem.as_deref().unwrap_or("whole")))?;
        }
    }
    match checked.iter().filter(|one| one.problem.is_some()).count() {
        0 => Ok(()),
        bad => Err(ServerError::Start(format!(
            "{bad} of {} backups cannot be restored",
            checked.len()
        ))),
    }
}

/// Puts a backup in the place of the database.
pub(crate) async fn restore(config: &Config, options: RestoreOptions) -> Result<(), ServerError> {
    let request = RestoreRequest {
        at: options.at,
        keep_instance: options.keep_instance,
        audit_key: config.audit_key.clone(),
        checkpoints: config.checkpoints.clone(),
        new_audit_key: options.new_audit_key,
    };
    let backups = Backups::at(&options.destination, &config.buckets)?;
    let clock = SystemClock::default();
    let restored = backups
        .restore(&config.database, &request, Actor::command_line(), &clock)
        .await?;
    let (manifest, replaced) = (&restored.manifest, &restored.replaced);
    if options.json {
        return say_json(&json!({
            "backup": manifest,
            "instance": replaced.instance,
            "ended_sessions": replaced.ended,
            "kept": replaced.kept,
        }));
    }
    say(format_args!(
        "{} is restored from {}, taken {}: {} rows",
        config.database,
        manifest.file,
        manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
        rows(manifest)
    ))?;
    if let Some(kept) = &replaced.kept {
        say(format_args!("what was there before is kept: {kept}"))?;
    }
    if replaced.instance == replaced.was {
        return say(format_args!(
            "it goes on as the instance {}: the portal finds its running sessions again when it starts",
            replaced.instance
        ));
    }
    say(format_args!(
        "it is a new instance, {}; {} live sessions have failed with reason restored. What {} still runs is not touched: it \
         has the label launchpad.dev/instance={}",
        replaced.instance, replaced.ended, replaced.was, replaced.was
    ))
}

/// RFC 3339, of which people need an example.
fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    text.parse()
        .map_err(|_| "must be a date and a time with its zone, like 2026-11-24T03:00:00Z".to_owned())
}

fn rows(manifest: &Manifest) -> u64 {
    manifest.rows.values().sum()
}
