//! `launchpad plugin dev`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use launchpad_plugin_host::author::look;

use super::{Desk, check, say, test};
use crate::error::ServerError;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long a folder must stay as it is before it is read: an editor or a compiler may be writing.
const QUIET: Duration = Duration::from_millis(200);

/// What is watched.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
}

/// Checks and tests a plugin whenever its folder changes, until it is ended.
pub(super) async fn run(desk: &Desk, Options { dir }: Options) -> Result<(), ServerError> {
    say(format_args!(
        "watching {}; Ctrl-C ends. A portal whose plugins.dirs holds it takes up what passes by itself",
        dir.display()
    ))?;
    let mut seen = None;
    let mut round = 0;
    loop {
        let now = look(&dir);
        if seen != Some(now) {
            // Before the round: what changes during it is not missed.
            seen = Some(settled(&dir, now).await);
            round += 1;
            say(format_args!("\nround {round}"))?;
            if let Err(error) = once(desk, &dir).await {
                say(error)?;
            }
        }
        tokio::select! {
            ended = tokio::signal::ctrl_c() => return Ok(ended?),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn once(desk: &Desk, dir: &Path) -> Result<(), ServerError> {
    check::run(desk, dir, false).await?;
    test::run(desk, test::Options::of(dir)).await
}

/// What the folder looks like once it stays so.
async fn settled(dir: &Path, mut before: u64) -> u64 {
    loop {
        tokio::time::sleep(QUIET).await;
        let now = look(dir);
        if now == before {
            return now;
        }
        before = now;
    }
}
