//! `launchpad plugin inspect`.

use std::path::Path;

use launchpad_plugin_host::author::Facts;

use super::{Desk, say, unfit};
use crate::commands::say_json;
use crate::error::ServerError;

/// Shows what a plugin is, has and asks for.
pub(super) async fn run(desk: &Desk, dir: &Path, json: bool) -> Result<(), ServerError> {
    let bench = desk.open(dir).await?;
    let facts = bench
        .facts()
        .ok_or_else(|| unfit(dir, "was changed meanwhile; try again"))?;
    if json {
        return say_json(&facts);
    }
    for (name, value) in lines(&facts) {
        say(format_args!("{name:<12}{value}"))?;
    }
    Ok(())
}

fn lines(facts: &Facts) -> Vec<(&'static str, String)> {
    let list = |words: &[String]| {
        if words.is_empty() {
            "nothing".to_owned()
        } else {
            words.join(", ")
        }
    };
    let memory = facts.memory_mib.map(|mib| format!(", {mib} MiB of memory"));
    vec![
        (
            "plugin",
            format!("{} {} ({})", facts.id, facts.version, facts.name),
        ),
        ("about", facts.description.clone()),
        ("opens", format!("a {}", facts.opens)),
        ("runs as", facts.carrier.to_owned()),
        (
            "entry",
            format!(
                "{}, {} of at most {} bytes",
                facts.entry, facts.entry_bytes, facts.most_bytes
            ),
        ),
        ("sha256", facts.sha256.clone()),
        ("digest", facts.digest.clone()),
        ("hooks", facts.hooks.join(", ")),
        ("imports", list(&facts.imports)),
        ("asks for", list(&facts.asks_for)),
        ("schemas", list(&facts.schemas)),
        ("tests", list(&facts.tests)),
        (
            "limits",
            format!(
                "{} ms computing, {} ms in all{}",
                facts.cpu_ms,
                facts.wall_ms,
                memory.unwrap_or_default()
            ),
        ),
    ]
}
