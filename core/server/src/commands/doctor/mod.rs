//! `launchpad doctor`: what the server needs and what authors of plugins need, and what mends what is wrong.

mod guests;
mod server;

use std::ffi::OsString;

use launchpad_domain::{Finding, Verdict};

use super::{say, say_json};
use crate::config::{Config, Overrides};
use crate::error::ServerError;
use crate::wiring::Surroundings;

/// Looks at everything and tells it; fails where something is wrong that the server needs.
pub(crate) async fn run(
    overrides: &Overrides,
    environment: &[(OsString, OsString)],
    json: bool,
) -> Result<(), ServerError> {
    let surroundings = Surroundings::of(environment);
    let mut lines = Vec::new();
    match Config::load(overrides, environment) {
        Ok(config) => lines.extend(server::lines(&config, &surroundings).await),
        // What depends on the configuration cannot be looked at without it.
        Err(problems) => lines.push(Finding::wrong(
            "configuration",
            problems.to_string(),
            "launchpad config shows each setting and where it was set",
        )),
    }
    lines.extend(guests::lines(&surroundings).await);
    if json {
        say_json(&lines)?;
    } else {
        lines.iter().try_for_each(tell)?;
    }
    let wrong = lines.iter().filter(|line| line.state == Verdict::Wrong).count();
    if wrong == 0 {
        return Ok(());
    }
    let what = if wrong == 1 {
        "one thing is"
    } else {
        "several things are"
    };
    Err(ServerError::Unfit(format!("{what} wrong that the server needs")))
}

fn tell(line: &Finding) -> Result<(), ServerError> {
    let word = match line.state {
        Verdict::Ok => "ok",
        Verdict::Missing => "missing",
        Verdict::Wrong => "wrong",
    };
    let detail = line
        .detail
        .trim_end()
        .replace('\n', "\n                           ");
    say(format_args!("{word:<8} {:<17} {detail}", line.what))?;
    match &line.remedy {
        Some(remedy) => say(format_args!("{:<27}{remedy}", "")),
        None => Ok(()),
    }
}
