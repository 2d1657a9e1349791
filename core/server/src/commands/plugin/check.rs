//! `launchpad plugin check`.

use std::path::Path;

use launchpad_plugin_host::author::{Bench, componentise};
use serde_json::json;

use super::{Desk, count, say, tell, unfit};
use crate::commands::say_json;
use crate::error::ServerError;

/// Says everything that is wrong with a plugin.
pub(super) async fn run(desk: &Desk, dir: &Path, json: bool) -> Result<(), ServerError> {
    let (made, mut findings) = match componentise(dir) {
        Ok(made) => (made, Vec::new()),
        Err(finding) => (None, vec![finding]),
    };
    let bench = if findings.is_empty() {
        desk.load(dir).await.map_err(|wrong| findings = wrong).ok()
    } else {
        None
    };
    if let Some(bench) = &bench {
        findings = bench.findings();
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let facts = bench.as_ref().and_then(Bench::facts);
    if json {
        say_json(&json!({
            "ok": errors == 0,
            "component": made.map(|made| json!({"entry": made.entry, "bytes": made.bytes})),
            "findings": findings,
        }))?;
    } else {
        if let Some(made) = made {
            say(format_args!(
                "{} was a core module; it is a component of {} bytes now",
                made.entry, made.bytes
            ))?;
        }
        tell(&findings)?;
        if let (Some(facts), 0) = (facts, errors) {
            say(format_args!(
                "{} {}: ok; {} of {} KiB, hooks: {}, {}",
                facts.id,
                facts.version,
                facts.entry_bytes.div_ceil(1_024),
                facts.most_bytes / 1_024,
                facts.hooks.join(", "),
                count(facts.tests.len(), "recorded call"),
            ))?;
        }
    }
    if errors == 0 {
        Ok(())
    } else {
        Err(unfit(dir, count(errors, "error")))
    }
}
