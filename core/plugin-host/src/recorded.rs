//! The recorded calls of a plugin, `[[test]]` in its manifest: played again and compared.

use launchpad_domain::{HookError, LaunchTypeId};
use serde_json::Value;

use crate::call::Hook;
use crate::limits::MAX_DOCUMENT;
use crate::load::text;
use crate::manifest::TestTable;
use crate::plugin::Plugin;
use crate::{PluginHost, Source};

/// A recorded call that was played again.
#[derive(Debug)]
pub struct Replay {
    /// Its name in the manifest.
    pub name: String,
    /// What the plugin answers now: a document, or `{"error": ...}`, or `{"fault": ...}`.
    pub answer: Value,
    /// What differs from the recorded answer, in words; nothing if they are the same.
    pub difference: Option<String>,
}

impl PluginHost {
    /// Plays all recorded calls of a plugin.
    ///
    /// # Errors
    /// Where there is no such plugin.
    pub async fn replay(&self, id: &LaunchTypeId) -> Result<Vec<Replay>, HookError> {
        let (plugin, source) = self.find(id)?;
        let mut replays = Vec::new();
        for test in &plugin.manifest.tests {
            replays.push(play(plugin, source, test).await);
        }
        Ok(replays)
    }
}

async fn play(plugin: &Plugin, source: &Source, test: &TestTable) -> Replay {
    let (answer, difference) = match compare(plugin, source, test).await {
        Ok((answer, difference)) => (answer, difference),
        Err(reason) => (Value::Null, Some(reason)),
    };
    Replay {
        name: test.name.clone(),
        answer,
        difference,
    }
}

async fn compare(
    plugin: &Plugin,
    source: &Source,
    test: &TestTable,
) -> Result<(Value, Option<String>), String> {
    let hook = Hook::named(&test.hook).ok_or_else(|| format!("there is no hook {}", test.hook))?;
    if !plugin.has(hook) {
        return Err(format!("has no hook {hook}"));
    }
    let context = document(source, &test.ctx)?;
    let expected = document(source, &test.expect)?;
    // The server calls no hook with settings that the plugin's own schema refuses.
    if let Some(settings) = context.pointer("/app/settings").and_then(Value::as_object)
        && let Some(problem) = plugin.check_settings(settings).first()
    {
        return Err(format!("{}: {} {}", test.ctx, problem.path, problem.message));
    }
    let answer = match plugin.run(hook, context.into()).await {
        Ok(answer) => answer,
        Err(ended) => ended.document(),
    };
    let difference = (answer != expected).then(|| format!("expected {expected:#}\nanswered {answer:#}"));
    Ok((answer, difference))
}

fn document(source: &Source, name: &str) -> Result<Value, String> {
    let text = text(source, name, MAX_DOCUMENT).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("{name} is not JSON: {error}"))
}
