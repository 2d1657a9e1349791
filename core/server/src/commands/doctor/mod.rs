//! `launchpad doctor`: what the server needs and what authors of plugins need, and what mends what is wrong.

mod guests;
mod server;

use std::ffi::OsString;

use serde::Serialize;

use super::{say, say_json};
use crate::config::{Config, Overrides};
use crate::error::ServerError;
use crate::wiring::Surroundings;

/// How it is with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// Not there, and the server works without it.
    Missing,
    /// The server needs it otherwise.
    Wrong,
}

/// What was found out about one thing.
#[derive(Debug, Serialize)]
struct Line {
    what: &'static str,
    state: State,
    detail: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Line {
    fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            state: State::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn missing(what: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Missing,
            remedy: Some(remedy.into()),
            ..Self::ok(what, detail)
        }
    }

    fn wrong(what: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Wrong,
            ..Self::missing(what, detail, remedy)
        }
    }
}

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
        Err(problems) => lines.push(Line::wrong(
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
    let wrong = lines.iter().filter(|line| line.state == State::Wrong).count();
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

fn tell(line: &Line) -> Result<(), ServerError> {
    let word = match line.state {
        State::Ok => "ok",
        State::Missing => "missing",
        State::Wrong => "wrong",
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
