//! A loaded plugin, and how it is called.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use launchpad_domain::plugins::CallOutcome;
use launchpad_domain::{Clock, FieldProblem, Grants, HookContext, HookError, LaunchType, PluginServices};
use serde_json::{Map, Value};

use crate::admission::{PluginGate, Turn};
use crate::breaker::Breaker;
use crate::call::{Document, Ended, Fault, FaultKind, Hook, Myself};
use crate::guest_log::{Caller, GuestLog};
use crate::host_calls::{HostCalls, HostSide};
use crate::journal::{Call, Journal};
use crate::limits::{CALLS_PER_PLUGIN, Limits, MAX_CONTEXT, QUEUE};
use crate::manifest::Manifest;
use crate::rhai_carrier::Script;
use crate::schema::Schema;
use crate::wasm::Guest;

/// The code of a call that found no turn.
const BUSY: &str = "plugin-busy";

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
        calls: Arc<HostCalls>,
        turn: Turn,
    ) -> Result<Value, Ended> {
        match self {
            Self::Rhai(script) => script.call(hook, context, limits, calls, turn).await,
            Self::Wasm(guest) => guest.call(hook, context, limits, calls, turn).await,
        }
    }
}

/// A loaded plugin.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) manifest: Manifest,
    /// SHA-256 of the files that decide how it behaves.
    pub(crate) digest: String,
    pub(crate) grants: Arc<Grants>,
    /// Those of its grants that an administrator gave.
    pub(crate) approved: BTreeSet<String>,
    pub(crate) limits: Limits,
    pub(crate) settings: Option<Schema>,
    pub(crate) params: Option<Schema>,
    /// What the operator set for it.
    pub(crate) config: Map<String, Value>,
    pub(crate) carrier: Carrier,
    pub(crate) gate: PluginGate,
    pub(crate) breakers: Breakers,
    pub(crate) journal: Arc<Journal>,
    pub(crate) services: Arc<dyn PluginServices>,
    pub(crate) clock: Arc<dyn Clock>,
    /// `jupyter 1.2.0`.
    pub(crate) label: Arc<str>,
    /// The manifest's version, written once.
    pub(crate) version: String,
}

/// One breaker for each hook: a hook that fails takes no other with it.
#[derive(Debug, Default)]
pub(crate) struct Breakers([Breaker; Hook::ALL.len()]);

impl Breakers {
    fn of(&self, hook: Hook) -> &Breaker {
        &self.0[hook as usize]
    }

    pub(crate) fn reset(&self) {
        self.0.iter().for_each(Breaker::reset);
    }

    /// The hooks that are not called now.
    pub(crate) fn open(&self) -> Vec<&'static str> {
        let now = Instant::now();
        let resting = Hook::ALL.into_iter().filter(|hook| self.of(*hook).is_open(now));
        resting.map(Hook::name).collect()
    }
}

impl Plugin {
    pub(crate) fn launch_type(&self) -> LaunchType {
        LaunchType {
            id: self.manifest.id.clone(),
            name: self.manifest.name.clone(),
            description: self.manifest.description.clone(),
            version: self.manifest.version.to_string(),
            digest: self.digest.clone(),
            opens: self.manifest.opens,
            needs: self
                .settings
                .as_ref()
                .map(|schema| schema.needs().to_vec())
                .unwrap_or_default(),
            has_params: self
                .params
                .as_ref()
                .is_some_and(|schema| !schema.form().fields.is_empty()),
            grants: (*self.grants).clone(),
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
    pub(crate) async fn ask(&self, hook: Hook, mut context: HookContext) -> Result<Value, HookError> {
        let session = context.session.as_ref().map(|session| session.id);
        let user = Some(context.user.id);
        context.plugin_config = self.config.clone();
        let myself = Myself {
            id: self.manifest.id.as_str(),
            version: &self.version,
        };
        let document = Document::of(&context, &myself).map_err(|error| HookError::Failed {
            code: "bad-context".to_owned(),
            message: error.to_string(),
        })?;
        if document.0.len() > MAX_CONTEXT {
            return Err(HookError::InvalidInput(vec![FieldProblem {
                path: String::new(),
                message: format!(
                    "the app's settings and the choices together must have at most {} KiB",
                    MAX_CONTEXT / 1_024
                ),
            }]));
        }
        let session = session.filter(|_| hook.has_session());
        let services = Arc::clone(&self.services);
        let begun = Instant::now();
        let at = self.clock.now();
        let kept = document.clone();
        let side = HostSide {
            session,
            user,
            grants: Arc::clone(&self.grants),
            services,
        };
        let ended = self.run(hook, document, side).await;
        let told = ended.map_err(|ended| self.told(hook, ended));
        if let Err(HookError::Fault { code: BUSY, .. }) = told {
            // A call that never began says nothing about the plugin.
            return told;
        }
        let (outcome, message) = match &told {
            Ok(_) => (CallOutcome::Answered, String::new()),
            Err(HookError::Fault { message, .. }) => (CallOutcome::Fault, message.clone()),
            Err(refused) => (CallOutcome::Refused, refused.to_string()),
        };
        self.journal.add(Call {
            at,
            hook,
            took: begun.elapsed(),
            outcome,
            message,
            context: kept,
        });
        told
    }

    /// Calls a hook with a whole document, behind the gate and the breaker.
    pub(crate) async fn run(&self, hook: Hook, document: Document, side: HostSide) -> Result<Value, Ended> {
        let turn = self.gate.enter().await.ok_or_else(|| {
            let what = format!(
                "all {CALLS_PER_PLUGIN} of its calls, or all of the server's, are busy; waited {} s",
                QUEUE.as_secs()
            );
            Fault::new(FaultKind::Busy, what.clone(), what)
        })?;
        let pass = self.breakers.of(hook).enter(Instant::now()).map_err(|rest| {
            let what = format!("it failed too often; tried again in {} s", rest.as_secs() + 1);
            Fault::new(FaultKind::Unavailable, what.clone(), what)
        })?;
        let log = GuestLog::new(Caller {
            plugin: Arc::clone(&self.label),
            hook,
            journal: Arc::clone(&self.journal),
            clock: Arc::clone(&self.clock),
        });
        let id = self.manifest.id.clone();
        let calls = Arc::new(HostCalls::new(id, side, log));
        let answer = self.carrier.call(hook, document, self.limits, calls, turn).await;
        match &answer {
            Err(Ended::Fault(fault)) if fault.kind.blames_the_plugin() => {
                if pass.faulted(Instant::now()) {
                    tracing::error!(
                        plugin = &*self.label,
                        hook = hook.name(),
                        "this hook failed too often and is left alone for a while"
                    );
                }
            }
            Err(Ended::Fault(_)) => {}
            _ => pass.answered(),
        }
        answer
    }

    /// Reads the answer of a hook; one that cannot be read is a fault of the plugin's.
    pub(crate) fn read<T>(
        &self,
        hook: Hook,
        answer: Value,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Result<T, HookError> {
        read(answer).map_err(|fault| self.told(hook, fault.into()))
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
pub(crate) fn check(schema: Option<&Schema>, values: &Map<String, Value>, root: &str) -> Vec<FieldProblem> {
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
