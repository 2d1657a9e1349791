//! `launchpad plugin test`.

use std::path::{Path, PathBuf};

use clap::Args;
use launchpad_plugin_host::author::{Bench, Tested};
use serde_json::json;

use super::{Desk, count, say, unfit};
use crate::commands::say_json;
use crate::error::ServerError;

/// What is tested, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Write what the plugin answers now as what is expected
    #[arg(long)]
    update: bool,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Only to look.
    pub(super) fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            update: false,
            json: false,
        }
    }
}

/// Plays the recorded calls and shows what differs.
pub(super) async fn run(desk: &Desk, options: Options) -> Result<(), ServerError> {
    let Options { dir, update, json } = options;
    let bench = desk.open(&dir).await?;
    let mut tested = bench.test().await;
    let mut written = Vec::new();
    if update {
        written = record(&bench, &mut tested);
    }
    if json {
        let list: Vec<_> = tested.iter().map(as_json).collect();
        say_json(&list)?;
    } else {
        for file in &written {
            say(format_args!("wrote {file}"))?;
        }
        tested.iter().try_for_each(tell)?;
    }
    let failed = tested.iter().filter(|test| !test.passed()).count();
    if !json {
        say(format_args!(
            "{}, {failed} failed",
            count(tested.len(), "recorded call")
        ))?;
    }
    if failed == 0 {
        return Ok(());
    }
    let differs = tested
        .iter()
        .any(|test| test.difference.is_some() && test.answer.is_some());
    let remedy = if differs && !update {
        "; if the new answers are right: launchpad plugin test --update"
    } else {
        ""
    };
    Err(unfit(
        &dir,
        format_args!("{failed} of {} failed{remedy}", tested.len()),
    ))
}

/// Writes what differs; returns the files.
fn record(bench: &Bench, tested: &mut [Tested]) -> Vec<String> {
    let mut written = Vec::new();
    for test in tested
        .iter_mut()
        .filter(|test| test.difference.is_some() && test.answer.is_some())
    {
        match bench.record(test) {
            Ok(()) => {
                test.difference = None;
                written.push(test.expect.clone());
            }
            Err(reason) => test.difference = Some(reason),
        }
    }
    written
}

fn tell(test: &Tested) -> Result<(), ServerError> {
    let word = if test.passed() { "ok  " } else { "FAIL" };
    say(format_args!(
        "{word}  {} ({}, {})",
        test.name, test.hook, test.expect
    ))?;
    for line in test.difference.iter().flat_map(|text| text.lines()) {
        say(format_args!("      {line}"))?;
    }
    if let Some(refused) = &test.refused {
        say("      the server would refuse this answer:")?;
        for line in refused.lines() {
            say(format_args!("        {line}"))?;
        }
    }
    Ok(())
}

fn as_json(test: &Tested) -> serde_json::Value {
    json!({
        "name": test.name,
        "hook": test.hook,
        "expect": test.expect,
        "passed": test.passed(),
        "difference": test.difference,
        "refused": test.refused,
        "answer": test.answer,
    })
}
