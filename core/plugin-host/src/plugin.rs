//! A loaded plugin, and how it is called.

use std::sync::Arc;
use std::time::Instant;

use launchpad_domain::Grants;
use launchpad_domain::{FieldProblem, HookContext, HookError, LaunchType};
use serde_json::{Map, Value, json};

use crate::admission::{PluginGate, Turn};
use crate::answer;
use crate::breaker::Breaker;
use crate::call::{Document, Ended, Fault, FaultKind, Hook};
use crate::guest_log::{Caller, GuestLog};
use crate::limits::{CALLS_PER_PLUGIN, Limits, MAX_CONTEXT, QUEUE};
use crate::manifest::Manifest;
use crate::rhai_carrier::Script;
use crate::schema::Schema;
use crate::wasm::Guest;

/// What runs a plugin.
#[derive(Debug)]
pub(crate) enum Carrier {
    Rhai(Script),
    Wasm(Guest),
}

impl Carrier {
    fn has(&self, hook: Hook) -> bool {
        match self {
            Self::Rhai(script) => script.has(hook),
            Self::Wasm(guest) => guest.has(hook),
        }
    }

    async fn call(
        &self,
        hook: Hook,
        context: Document,
        limits: Limits,
        log: GuestLog,
        turn: Turn,
    ) -> Result<Value, Ended> {
        match self {
            Self::Rhai(script) => script.call(hook, context.value, limits, log, turn).await,
            Self::Wasm(guest) => guest.call(hook, context.text, limits, log, turn).await,
        }
    }
}

/// A loaded plugin.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) manifest: Manifest,
    pub(crate) grants: Grants,
    pub(crate) settings: Option<Schema>,
    pub(crate) params: Option<Schema>,
    pub(crate) carrier: Carrier,
    pub(crate) gate: PluginGate,
    pub(crate) breaker: Breaker,
    /// `jupyter 1.2.0`.
    pub(crate) label: Arc<str>,
}

impl Plugin {
    pub(crate) fn launch_type(&self) -> LaunchType {
        LaunchType {
            id: self.manifest.id.clone(),
            name: self.manifest.name.clone(),
            description: self.manifest.description.clone(),
            version: self.manifest.version.to_string(),
            opens: self.manifest.opens,
            grants: self.grants.clone(),
        }
    }

    pub(crate) fn has(&self, hook: Hook) -> bool {
        self.carrier.has(hook)
    }

    /// What is wrong with the app's settings, and what the app lacks beside them.
    pub(crate) fn check_settings(&self, settings: &Map<String, Value>) -> Vec<FieldProblem> {
        check(self.settings.as_ref(), settings, "settings")
    }

    /// What is wrong with a user's choices.
    pub(crate) fn check_params(&self, params: &Map<String, Value>) -> Vec<FieldProblem> {
        check(self.params.as_ref(), params, "params")
    }

    /// Calls a hook with the server's document.
    pub(crate) async fn ask(&self, hook: Hook, context: HookContext) -> Result<Value, HookError> {
        let mut document = serde_json::to_value(context).map_err(|error| HookError::Failed {
            code: "bad-context".to_owned(),
            message: error.to_string(),
        })?;
        document["plugin"] =
            json!({"id": self.manifest.id.as_str(), "version": self.manifest.version.to_string()});
        let document = Document::from(document);
        if document.text.len() > MAX_CONTEXT {
            return Err(HookError::InvalidInput(vec![FieldProblem {
                path: String::new(),
                message: format!(
                    "the app's settings and the choices together must have at most {} KiB",
                    MAX_CONTEXT / 1_024
                ),
            }]));
        }
        self.run(hook, document)
            .await
            .map_err(|ended| self.told(hook, ended))
    }

    /// Calls a hook with a whole document, behind the gate and the breaker.
    pub(crate) async fn run(&self, hook: Hook, document: Document) -> Result<Value, Ended> {
        let turn = self.gate.enter().await.ok_or_else(|| {
            let what = format!(
                "all {CALLS_PER_PLUGIN} of its calls, or all of the server's, are busy; waited {} s",
                QUEUE.as_secs()
            );
            Fault::new(FaultKind::Busy, what.clone(), what)
        })?;
        let pass = self.breaker.enter(Instant::now()).map_err(|rest| {
            let what = format!("it failed too often; tried again in {} s", rest.as_secs() + 1);
            Fault::new(FaultKind::Unavailable, what.clone(), what)
        })?;
        let log = GuestLog::new(Caller {
            plugin: Arc::clone(&self.label),
            hook,
        });
        let limits = Limits::lowered(&self.manifest.limits);
        let answer = self.carrier.call(hook, document, limits, log, turn).await;
        match &answer {
            Err(Ended::Fault(fault)) if fault.kind.blames_the_plugin() => {
                if pass.faulted(Instant::now()) {
                    tracing::error!(
                        plugin = &*self.label,
                        "this plugin failed too often and is left alone for a while"
                    );
                }
            }
            Err(Ended::Fault(_)) => {}
            _ => pass.answered(),
        }
        answer
    }

    /// The answer of the hook `validate`.
    pub(crate) fn problems(&self, answer: Value) -> Result<Vec<FieldProblem>, HookError> {
        answer::problems(answer).map_err(|fault| self.told(Hook::Validate, fault.into()))
    }

    /// The domain's error; a fault is logged with its cause under the reference that the user sees.
    fn told(&self, hook: Hook, ended: Ended) -> HookError {
        let fault = match ended {
            Ended::Refused(refusal) => return refusal.into(),
            Ended::Fault(fault) => fault,
        };
        let reference = format!("{:08x}", rand::random::<u32>());
        let (plugin, hook, code) = (&*self.label, hook.name(), fault.kind.code());
        tracing::warn!(
            plugin,
            hook,
            code,
            reference,
            cause = fault.cause,
            "plugin {plugin}: {}",
            fault.what
        );
        HookError::Fault {
            code,
            message: format!("plugin {plugin}, hook {hook}: {} (ref {reference})", fault.what),
        }
    }
}

/// Without a schema there is nothing to set.
fn check(schema: Option<&Schema>, values: &Map<String, Value>, root: &str) -> Vec<FieldProblem> {
    match schema {
        Some(schema) => schema.check(&Value::Object(values.clone()), root).0,
        None => values
            .keys()
            .map(|name| FieldProblem {
                path: format!("{root}.{name}"),
                message: "is not known here".to_owned(),
            })
            .collect(),
    }
}
