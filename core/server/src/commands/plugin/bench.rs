//! `launchpad plugin bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use launchpad_plugin_host::author::Measured;
use serde_json::json;

use super::{Desk, say, unfit};
use crate::commands::say_json;
use crate::error::ServerError;

/// How long the calls of one fixture may take in all.
const TIME: Duration = Duration::from_secs(5);

/// What is measured, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Calls of each recorded call; fewer where they take longer than 5 s
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
}

/// Measures each recorded call: fresh instances, one after the other.
pub(super) async fn run(desk: &Desk, options: Options) -> Result<(), ServerError> {
    let Options { dir, calls, json } = options;
    let bench = desk.open(&dir).await?;
    let calls = usize::try_from(calls).unwrap_or(usize::MAX);
    let measured = bench.measure(calls, TIME).await;
    if measured.is_empty() {
        return Err(unfit(
            &dir,
            "records no call; [[test]] in plugin.toml names what is measured",
        ));
    }
    let (measured, failed): (Vec<_>, Vec<_>) = measured.into_iter().partition(Result::is_ok);
    let failed: Vec<_> = failed.into_iter().filter_map(Result::err).collect();
    let measured: Vec<_> = measured.into_iter().filter_map(Result::ok).collect();
    if json {
        say_json(&json!({ "measured": measured, "failed": failed }))?;
    } else {
        measured.iter().try_for_each(tell)?;
        for reason in &failed {
            say(format_args!("not measured: {reason}"))?;
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(unfit(
            &dir,
            format_args!("{} could not be measured", failed.len()),
        ))
    }
}

fn tell(measured: &Measured) -> Result<(), ServerError> {
    say(format_args!(
        "{} ({}): p50 {} us, p99 {} us, slowest {} us of {} calls",
        measured.name, measured.hook, measured.p50_us, measured.p99_us, measured.max_us, measured.calls
    ))?;
    measured.uses.iter().try_for_each(|used| {
        say(format_args!(
            "  {:>3} % of {:<28} {} of {} {}",
            used.percent(),
            used.what,
            used.used,
            used.limit,
            used.unit
        ))
    })
}
