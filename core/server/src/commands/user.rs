//! `launchpad user`.

use std::io::{BufRead, IsTerminal, Read};

use clap::Subcommand;
use launchpad_domain::{Actor, Role};
use serde_json::json;

use super::{accounts, say, say_json};
use crate::config::Config;
use crate::error::ServerError;
use crate::wiring;

/// Longest password that is read, in bytes.
const MAX_PASSWORD: u64 = 4_096;

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add an account; without a password it uses API tokens only
    Add {
        /// The sign-in name
        name: String,
        /// admin or user
        #[arg(long, default_value = "user")]
        role: Role,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all accounts
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a password, read from standard input; ends the account's sign-ins
    Passwd {
        /// The sign-in name
        name: String,
    },
    /// Disable an account: its sign-ins end, its tokens are dead, its streams are cut
    Disable {
        /// The sign-in name
        name: String,
    },
    /// Remove an account and everything that names it, but for the audit log; its sessions must have ended
    Forget {
        /// The sign-in name
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Say as JSON what was removed
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(crate) async fn run(config: &Config, command: UserCommand) -> Result<(), ServerError> {
    // The first account may come before the first start.
    let store = match command {
        UserCommand::Add { .. } => wiring::open_store(config).await?,
        _ => wiring::open_existing_store(config).await?,
    };
    let accounts = accounts(store);
    let actor = Actor::command_line();
    match command {
        UserCommand::Add {
            name,
            role,
            password_stdin,
        } => {
            let password = if password_stdin {
                Some(read_password()?)
            } else {
                None
            };
            let account = accounts.create(&actor, &name, role, password.as_deref()).await?;
            say(format_args!("added {} ({})", account.name, account.role.as_str()))
        }
        UserCommand::List { json: false } => {
            for account in accounts.list().await? {
                let state = if account.disabled { "disabled" } else { "active" };
                say(format_args!(
                    "{:<24} {:<6} {state}",
                    account.name.as_str(),
                    account.role.as_str()
                ))?;
            }
            Ok(())
        }
        UserCommand::List { json: true } => {
            let list: Vec<_> = accounts
                .list()
                .await?
                .iter()
                .map(|account| {
                    json!({
                        "id": account.id,
                        "name": account.name,
                        "role": account.role,
                        "disabled": account.disabled,
                        "created_at": account.created_at,
                    })
                })
                .collect();
            say_json(&list)
        }
        UserCommand::Passwd { name } => {
            accounts.set_password(&actor, &name, &read_password()?).await?;
            say(format_args!("the password of {name} is set"))
        }
        UserCommand::Disable { name } => {
            accounts.disable(&actor, &name).await?;
            say(format_args!("{name} is disabled"))
        }
        UserCommand::Forget { name, yes, json } => {
            if !yes {
                confirm(&name)?;
            }
            let (account, removed) = accounts.forget(&actor, &name).await?;
            if json {
                return say_json(&json!({
                    "id": account.id,
                    "name": account.name,
                    "removed": {
                        "sessions": removed.sessions,
                        "tokens": removed.tokens,
                        "sign_ins": removed.sign_ins,
                    },
                    "launches_without_name": removed.launches,
                    "kept": KEPT,
                }));
            }
            say(format_args!(
                "{} is forgotten: the account, its preferences, {} sessions, {} tokens and {} sign-ins are removed; {} launches \
                 are counted on without a name",
                account.name, removed.sessions, removed.tokens, removed.sign_ins, removed.launches
            ))?;
            for kept in KEPT {
                say(format_args!("what stays: {kept}"))?;
            }
            Ok(())
        }
    }
}

/// What nobody removes for a person's sake.
const KEPT: &[&str] = &[
    "the audit log, which names them (until retention.audit removes it)",
    "workspaces, which belong to the engine (an administrator removes them)",
    "backups that were taken before, and the log files",
];

/// Asks whoever sits there to type the name again.
fn confirm(name: &str) -> Result<(), ServerError> {
    let refused = |message: &str| Err(ServerError::Start(message.to_owned()));
    if !std::io::stdin().is_terminal() {
        return refused("nobody is there to ask: add --yes");
    }
    say(format_args!("this cannot be undone; type {name} again to go on:"))?;
    let mut line = String::new();
    std::io::BufReader::new(std::io::stdin().take(MAX_PASSWORD)).read_line(&mut line)?;
    if line.trim() == name {
        Ok(())
    } else {
        refused("nothing was changed")
    }
}

/// The first line of standard input.
fn read_password() -> Result<String, ServerError> {
    if std::io::stdin().is_terminal() {
        let message =
            "the password is read from standard input: printf %s \"$PASSWORD\" | launchpad user ...";
        return Err(ServerError::Start(message.to_owned()));
    }
    let mut line = String::new();
    std::io::BufReader::new(std::io::stdin().take(MAX_PASSWORD)).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
