//! `launchpad plugin run`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::{Desk, unfit};
use crate::commands::say_json;
use crate::error::ServerError;

/// Most bytes of a context's file: more than a context may have, so that the bench says how much that is.
const MOST: u64 = 1_024 * 1_024;

/// What is called, with what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The hook: plan, validate
    #[arg(long, default_value = "plan")]
    hook: String,
    /// A JSON file with the context; - reads standard input
    #[arg(long, value_name = "FILE")]
    ctx: PathBuf,
}

/// Calls a hook and prints what it answers.
pub(super) async fn run(desk: &Desk, options: Options) -> Result<(), ServerError> {
    let Options { dir, hook, ctx } = options;
    let context = context(&ctx)?;
    let bench = desk.open(&dir).await?;
    let ran = bench
        .run(&hook, context)
        .await
        .map_err(|reason| unfit(&dir, reason))?;
    say_json(&ran.answer)?;
    tracing::info!(target: "plugin", "{hook} took {} us", ran.took.as_micros());
    ran.accepted.map_err(|reason| {
        unfit(
            &dir,
            format_args!(
                "the server would refuse this answer:\n  {}",
                reason.replace('\n', "\n  ")
            ),
        )
    })
}

fn context(file: &Path) -> Result<Value, ServerError> {
    let wrong = |reason: String| ServerError::Unfit(format!("{}: {reason}", file.display()));
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().take(MOST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MOST).read_to_string(&mut text))
    };
    read.map_err(|error| wrong(format!("cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| wrong(format!("is not JSON: {error}")))
}
