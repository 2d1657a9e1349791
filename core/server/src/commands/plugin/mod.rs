//! `launchpad plugin`: for who writes launch types. All verbs but `list` work on a folder and need no settings.

mod bench;
mod check;
mod dev;
mod inspect;
mod list;
mod new;
mod pack;
mod run;
mod templates;
mod test;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use launchpad_plugin_host::author::{Bench, Finding, definitions};

use super::say;
use crate::clock::SystemClock;
use crate::config::{Config, Log, Overrides};
use crate::error::ServerError;
use crate::telemetry;
use crate::wiring::Surroundings;

/// What can be done with a plugin that is being written.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write a working plugin to begin with, and say what to do next
    New(new::Options),
    /// Say everything that is wrong with a plugin; makes a component of a core module
    Check {
        /// Its folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Say it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Play its recorded calls and show what differs
    Test(test::Options),
    /// Check and test it whenever its folder changes
    Dev(dev::Options),
    /// Call one hook and print what it answers
    Run(run::Options),
    /// Measure its recorded calls, and how much of each limit they use
    Bench(bench::Options),
    /// Show what it is, has and asks for
    Inspect {
        /// Its folder
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Say it as JSON
        #[arg(long)]
        json: bool,
    },
    /// List everything in the folders of the setting plugins.dirs, and what became of it
    List {
        /// Say it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what scripts may use, as a definitions file for editors: > launchpad.d.rhai
    Definitions,
    /// Write its checksum into plugin.toml, and everything that it needs into one archive
    Pack(pack::Options),
}

/// Does it.
pub(crate) async fn run(
    command: PluginCommand,
    overrides: &Overrides,
    environment: &[(OsString, OsString)],
) -> Result<(), ServerError> {
    let surroundings = &Surroundings::of(environment);
    // What the plugin logs is for its author, but not thousands of times; what the server would log the commands tell.
    let filter = if matches!(command, PluginCommand::Bench(_)) {
        "off"
    } else {
        "off,plugin=debug"
    };
    telemetry::start(&Log {
        json: false,
        filter: filter.to_owned(),
    });
    let desk = Desk {
        cache: surroundings.cache("launchpad-author"),
    };
    match command {
        PluginCommand::New(options) => new::run(&options),
        PluginCommand::Check { dir, json } => check::run(&desk, &dir, json).await,
        PluginCommand::Test(options) => test::run(&desk, options).await,
        PluginCommand::Dev(options) => dev::run(&desk, options).await,
        PluginCommand::Bench(options) => bench::run(&desk, options).await,
        PluginCommand::Run(options) => run::run(&desk, options).await,
        PluginCommand::Inspect { dir, json } => inspect::run(&desk, &dir, json).await,
        PluginCommand::List { json } => {
            list::run(&Config::load(overrides, environment)?, surroundings, json).await
        }
        PluginCommand::Definitions => say(definitions()),
        PluginCommand::Pack(options) => pack::run(&desk, options).await,
    }
}

/// What the verbs have in common.
#[derive(Debug)]
struct Desk {
    /// Where what was compiled is kept. Not the server's folder, which holds what the server uses and nothing else.
    cache: Option<PathBuf>,
}

impl Desk {
    /// Loads a plugin; what is wrong with it is told.
    async fn open(&self, dir: &Path) -> Result<Bench, ServerError> {
        match self.load(dir).await {
            Ok(bench) => Ok(bench),
            Err(findings) => {
                tell(&findings)?;
                Err(unfit(dir, "cannot be loaded"))
            }
        }
    }

    async fn load(&self, dir: &Path) -> Result<Bench, Vec<Finding>> {
        Bench::open(dir, self.cache.clone(), Arc::new(SystemClock::default())).await
    }
}

fn tell(findings: &[Finding]) -> Result<(), ServerError> {
    findings.iter().try_for_each(say)
}

/// The last line, on standard error: which plugin, and what of it.
fn unfit(dir: &Path, what: impl std::fmt::Display) -> ServerError {
    ServerError::Unfit(format!("{}: {what}", dir.display()))
}

/// `1 error`, `2 errors`.
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
