//! `launchpad token`.

use clap::Subcommand;
use launchpad_domain::{Actor, TokenId};
use launchpad_services::ServiceError;
use serde_json::json;

use super::{accounts, say, say_json};
use crate::config::Config;
use crate::error::ServerError;
use crate::wiring;

/// Longest life of a token.
const MOST_DAYS: i64 = 3_650;

/// What can be done with API tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it, this once
    Create {
        /// The account whose rights it has
        #[arg(long, value_name = "NAME")]
        user: String,
        /// How long it lives: 12h, 30d
        #[arg(long, default_value = "90d", value_parser = parse_lifetime)]
        expires: chrono::Duration,
    },
    /// List tokens, without their secrets
    List {
        /// Those of one account
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a token worthless
    Revoke {
        /// Its id, as the list has it
        id: TokenId,
    },
}

/// Does it.
pub(crate) async fn run(config: &Config, command: TokenCommand) -> Result<(), ServerError> {
    let accounts = accounts(wiring::open_existing_store(config).await?);
    let actor = Actor::command_line();
    match command {
        TokenCommand::Create { user, expires } => {
            let (_, secret) = accounts.create_token(&actor, &user, expires).await?;
            say(secret)
        }
        TokenCommand::List { user, json: false } => {
            for token in accounts.tokens(user.as_deref()).await? {
                let expires = token.expires_at.format("%Y-%m-%d %H:%M UTC");
                say(format_args!(
                    "{}  {:<24} until {expires}",
                    token.id,
                    token.account.name.as_str()
                ))?;
            }
            Ok(())
        }
        TokenCommand::List { user, json: true } => {
            let list: Vec<_> = accounts
                .tokens(user.as_deref())
                .await?
                .iter()
                .map(|token| {
                    json!({
                        "id": token.id,
                        "user": token.account.name,
                        "created_at": token.created_at,
                        "expires_at": token.expires_at,
                    })
                })
                .collect();
            say_json(&list)
        }
        TokenCommand::Revoke { id } => {
            if !accounts.revoke_token(&actor, id).await? {
                return Err(ServiceError::NotFound("token").into());
            }
            say(format_args!("{id} is revoked"))
        }
    }
}

/// A number with `h` or `d` behind it.
fn parse_lifetime(text: &str) -> Result<chrono::Duration, String> {
    let wrong = || format!("must be hours or days like 12h or 30d, at most {MOST_DAYS}d");
    let (digits, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let lifetime = match unit {
        "h" => chrono::Duration::try_hours(number),
        "d" => chrono::Duration::try_days(number),
        _ => None,
    };
    lifetime
        .filter(|lifetime| {
            (chrono::Duration::hours(1)..=chrono::Duration::days(MOST_DAYS)).contains(lifetime)
        })
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_hours_and_days_within_bounds() {
        assert_eq!(parse_lifetime("12h"), Ok(chrono::Duration::hours(12)));
        assert_eq!(parse_lifetime("30d"), Ok(chrono::Duration::days(30)));
        for wrong in [
            "",
            "d",
            "0d",
            "-1d",
            "4000d",
            "30",
            "30m",
            "1é",
            "99999999999999999999d",
        ] {
            assert!(parse_lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
