//! `launchpad audit`.

use std::path::PathBuf;

use clap::Subcommand;
use launchpad_domain::{Actor, AuditAction, Clock};
use launchpad_services::audit::{AuditReport, CheckpointKind, Checkpoints, verify};
use launchpad_store::{AuditKey, Opening, Store, StoreError};
use serde_json::json;

use super::{say, say_json};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::error::ServerError;
use crate::wiring;

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Read the whole log and find whatever was changed, put in or taken out behind the portal's back
    Verify {
        /// The key of an older part of the log, instead of the one in use
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Go on with the key that is there, or with a new one, where the old one is lost
    Restart,
}

/// Does it.
pub(crate) async fn run(config: &Config, command: AuditCommand) -> Result<(), ServerError> {
    match command {
        AuditCommand::Verify { key, json } => {
            // Without the key as well: what is to be found may be that it is another.
            let opening = Opening {
                existing: true,
                ..Opening::default()
            };
            let store = Store::open_with(&config.database, opening).await;
            let store = store.map_err(|error| wiring::refused(config, &error))?;
            let path = key.as_ref().unwrap_or(&config.audit_key);
            let secret = AuditKey::read(path)
                .map_err(|error| wiring::refused(config, &error))?
                .ok_or_else(|| {
                    ServerError::Start(format!(
                        "there is no audit key {}: put it back, it is in no backup; or say where it is by audit.key_file \
                         (LAUNCHPAD_AUDIT__KEY_FILE), or by --key for an older one",
                        path.display()
                    ))
                })?;
            let checkpoints = key
                .as_deref()
                .map_or_else(|| config.checkpoints.clone(), Checkpoints::beside);
            tell(&verify(&store, &secret, &checkpoints, key.is_none()).await?, json)
        }
        AuditCommand::Restart => restart(config).await,
    }
}

fn tell(report: &AuditReport, json: bool) -> Result<(), ServerError> {
    let chain = &report.chain;
    if json {
        say_json(&json!({
            "signed": chain.signed,
            "before": chain.before,
            "after": chain.after,
            "checkpoints": report.checkpoints,
            "problems": report.problems,
        }))?;
    } else {
        say(format_args!(
            "{} rows signed with this key, {} before them, {} after; {} checkpoints",
            chain.signed, chain.before, chain.after, report.checkpoints
        ))?;
        for problem in &report.problems {
            say(problem)?;
        }
    }
    match report.problems.len() {
        0 => Ok(()),
        problems => Err(ServerError::Start(format!(
            "the audit log is not what was written: {problems} {}. Keep a copy of the database as it is, and of the key and \
             its checkpoints; see what the newest backup has in its place (launchpad backup verify, restore); once that is \
             settled, `launchpad audit restart` begins a new chain",
            if problems == 1 { "problem" } else { "problems" }
        ))),
    }
}

async fn restart(config: &Config) -> Result<(), ServerError> {
    let clock = SystemClock::default();
    let refused = |error: &StoreError| wiring::refused(config, error);
    let store = wiring::open_store_with_new_key(config).await?;
    let before = store.audit().last_link().await.map_err(|error| refused(&error))?;
    let details = before.as_ref().map_or_else(
        || "the log was not signed before".to_owned(),
        |link| {
            format!(
                "the log was signed with {} so far",
                link.chain.split(':').next().unwrap_or_default()
            )
        },
    );
    let recorded = store
        .audit()
        .record(
            &Actor::command_line(),
            AuditAction::RestartAudit,
            &details,
            clock.now(),
        )
        .await;
    recorded.map_err(|error| refused(&error))?;
    let link = store.audit().last_link().await.map_err(|error| refused(&error))?;
    if let Some(key) = AuditKey::read(&config.audit_key).map_err(|error| refused(&error))? {
        config
            .checkpoints
            .add(&key, store.instance(), CheckpointKind::Restart, link, clock.now())?;
    }
    say(format_args!(
        "the audit log goes on with the key {}",
        config.audit_key.display()
    ))
}
