//! `launchpad plugin list`.

use launchpad_domain::plugins::PluginReport;

use super::say;
use crate::commands::say_json;
use crate::config::Config;
use crate::error::ServerError;
use crate::wiring::{self, Surroundings};

/// Lists everything in the places of plugins, and what became of it.
pub(crate) async fn run(config: &Config, surroundings: &Surroundings, json: bool) -> Result<(), ServerError> {
    let store = wiring::open_store_if_there(config).await?;
    let reports = wiring::plugin_reports(config, surroundings, store.as_ref()).await?;
    if json {
        return say_json(&reports);
    }
    reports.iter().try_for_each(tell)
}

fn tell(report: &PluginReport) -> Result<(), ServerError> {
    let state = report.state.as_str();
    match &report.loaded {
        Some(plugin) => {
            let named = format!("{} {}", plugin.id, plugin.version);
            say(format_args!(
                "{state:<7} {named:<28} {:<5} {}",
                plugin.carrier, report.source
            ))?;
            let lacking = plugin.asked.iter().filter(|word| !plugin.granted.contains(word));
            for word in lacking {
                say(format_args!(
                    "        asks for {word}, which plugins.grants does not grant: {}={word}",
                    plugin.id
                ))?;
            }
        }
        None => say(format_args!("{state:<7} {:<28} {:<5} {}", "", "", report.source))?,
    }
    match &report.problem {
        Some(problem) => say(format_args!("        {problem}")),
        None => Ok(()),
    }
}
