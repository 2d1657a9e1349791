//! The recorded calls of a plugin, `[[test]]` in its manifest: played again and compared.

use std::sync::Arc;

use launchpad_domain::{HookError, LaunchTypeId, SessionId};
use serde_json::Value;

use crate::call::Hook;
use crate::limits::MAX_DOCUMENT;
use crate::load::text;
use crate::manifest::TestTable;
use crate::plugin::Plugin;
use crate::stand_ins::{Played, Recorded};
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
        let loaded = self.find(id)?;
        Ok(play_all(&loaded.plugin, &loaded.source).await)
    }
}

/// Plays all recorded calls of a plugin.
pub(crate) async fn play_all(plugin: &Plugin, source: &Source) -> Vec<Replay> {
    let mut replays = Vec::new();
    for test in &plugin.manifest.tests {
        replays.push(play(plugin, source, test).await);
    }
    replays
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
    let recorded = match &test.host {
        Some(name) => serde_json::from_value::<Recorded>(document(source, name)?)
            .map_err(|error| format!("{name}: {error}"))?,
        None => Recorded::default(),
    };
    let named = context.pointer("/session/id").cloned();
    let session = named.and_then(|id| serde_json::from_value::<SessionId>(id).ok());
    let session = session.filter(|_| hook.has_session());
    let services = Arc::new(Played::new(recorded));
    let answer = match plugin.run(hook, context.into(), session, services).await {
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
