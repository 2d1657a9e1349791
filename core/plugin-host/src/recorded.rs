//! The recorded calls of a plugin, `[[test]]` in its manifest: played again and compared.

use std::sync::Arc;

use launchpad_domain::{HookError, LaunchTypeId, SessionId};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::author::difference;
use crate::call::Hook;
use crate::host_calls::HostSide;
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
    /// Whether the plugin was called; it is not where the recorded call itself is wrong.
    pub called: bool,
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

/// A recorded call, ready to be made.
pub(crate) struct Call {
    pub(crate) hook: Hook,
    pub(crate) context: Value,
    pub(crate) session: Option<SessionId>,
    host: Value,
}

impl Call {
    /// What answers the host functions meanwhile, as it was recorded: for one call, which may change it.
    fn services(&self) -> Result<Arc<Played>, String> {
        let recorded = Recorded::deserialize(&self.host).map_err(|error| error.to_string())?;
        Ok(Arc::new(Played::new(recorded)))
    }

    /// What the host functions work with. What an operator grants is not the plugin's to record: its calls are played
    /// with all that it asks for.
    pub(crate) fn host_side(&self, plugin: &Plugin) -> Result<HostSide, String> {
        Ok(HostSide {
            session: self.session,
            // What is looked up is recorded.
            user: None,
            grants: Arc::new(plugin.manifest.asked.clone()),
            services: self.services()?,
        })
    }

    /// Makes the call.
    pub(crate) async fn make(&self, plugin: &Plugin) -> Result<Value, String> {
        let context = (&self.context).into();
        let ended = plugin.run(self.hook, context, self.host_side(plugin)?).await;
        Ok(ended.unwrap_or_else(|ended| ended.document()))
    }
}

/// Reads a recorded call.
///
/// # Errors
/// In words, where the server would not make it.
pub(crate) fn prepare(plugin: &Plugin, source: &Source, test: &TestTable) -> Result<Call, String> {
    let hook = Hook::named(&test.hook).ok_or_else(|| format!("there is no hook {}", test.hook))?;
    if !plugin.has(hook) {
        return Err(format!("has no hook {hook}"));
    }
    let context = document(source, &test.ctx)?;
    // The server calls no hook with settings that the plugin's own schema refuses.
    if let Some(settings) = context.pointer("/app/settings").and_then(Value::as_object)
        && let Some(problem) = plugin.check_settings(settings).first()
    {
        return Err(format!("{}: {} {}", test.ctx, problem.path, problem.message));
    }
    let host = match &test.host {
        Some(name) => document(source, name)?,
        None => Value::Object(Map::new()),
    };
    let call = Call {
        hook,
        session: session(hook, &context),
        context,
        host,
    };
    let named = |reason| format!("{}: {reason}", test.host.as_deref().unwrap_or_default());
    call.services().map_err(named)?;
    Ok(call)
}

/// The session that a context names, if the hook has one.
pub(crate) fn session(hook: Hook, context: &Value) -> Option<SessionId> {
    let named = context.pointer("/session/id").filter(|_| hook.has_session())?;
    SessionId::deserialize(named).ok()
}

/// Plays one recorded call.
pub(crate) async fn play(plugin: &Plugin, source: &Source, test: &TestTable) -> Replay {
    let replay = |called, answer, difference| Replay {
        name: test.name.clone(),
        called,
        answer,
        difference,
    };
    let made = match prepare(plugin, source, test) {
        Ok(call) => call.make(plugin).await,
        Err(reason) => Err(reason),
    };
    match made {
        Err(reason) => replay(false, Value::Null, Some(reason)),
        Ok(answer) => {
            let difference = match document(source, &test.expect) {
                Ok(expected) => difference::between(&expected, &answer),
                Err(reason) => Some(reason),
            };
            replay(true, answer, difference)
        }
    }
}

fn document(source: &Source, name: &str) -> Result<Value, String> {
    let text = text(source, name, MAX_DOCUMENT).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("{name} is not JSON: {error}"))
}
