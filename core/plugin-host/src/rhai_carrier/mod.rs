//! Plugins that are Rhai scripts.
//!
//! A script is synchronous and a native function in it cannot be interrupted, so each call has a thread to itself,
//! with a stack that the depth limits cannot exhaust; the turn that admitted the call bounds their number. Where the
//! caller's thread is such a one, the script runs there, and the thread gives its other tasks away once it takes long.
//! Rhai has no memory isolation: it is for scripts that the operator reads, others belong in a component.

mod convert;
mod definitions;
pub(crate) mod engine;
mod errors;
mod host_functions;
mod tamed;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rhai::{AST, CallFnOptions, Engine, Scope};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::LoadError;
use crate::admission::Turn;
use crate::call::{Document, Ended, Fault, FaultKind, Hook};
use crate::host_calls::HostCalls;
use crate::limits::Limits;
use crate::threads;
use crate::workers::Workers;
pub(crate) use definitions::definitions;
use host_functions::Running;

/// A compiled script.
pub(crate) struct Script {
    code: Code,
    workers: Arc<Workers>,
    hooks: BTreeSet<Hook>,
}

/// What a thread needs to run a script.
#[derive(Clone)]
struct Code {
    engine: Arc<Engine>,
    ast: Arc<AST>,
    /// The most steps that a call has taken.
    peak: Arc<AtomicU64>,
}

/// Compiles scripts; one for all.
pub(crate) struct Scripts {
    engine: Arc<Engine>,
    workers: Arc<Workers>,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            engine: Arc::new(engine::build()),
            workers: Arc::default(),
        }
    }

    /// Compiles the script of a plugin. Runs on a thread with a large stack.
    ///
    /// # Errors
    /// Where it is no script, or lacks the function `plan(ctx)`.
    pub(crate) fn compile(&self, id: &str, entry: &str, text: &str) -> Result<Script, LoadError> {
        let mut ast = self.engine.compile(text).map_err(|error| LoadError::Compile {
            entry: entry.to_owned(),
            reason: error.to_string(),
        })?;
        ast.set_source(format!("{id}/{entry}"));
        let contract = |reason: String| LoadError::Contract {
            entry: entry.to_owned(),
            reason,
        };
        let mut hooks = BTreeSet::new();
        for hook in Hook::ALL {
            if defines(&ast, hook).map_err(contract)? {
                hooks.insert(hook);
            }
        }
        if !hooks.contains(&Hook::Plan) {
            return Err(contract("defines no function plan(ctx)".to_owned()));
        }
        Ok(Script {
            code: Code {
                engine: Arc::clone(&self.engine),
                ast: Arc::new(ast),
                peak: Arc::default(),
            },
            workers: Arc::clone(&self.workers),
            hooks,
        })
    }
}

/// Whether a script has a hook; with another number of parameters it is a mistake, not another function.
fn defines(ast: &AST, hook: Hook) -> Result<bool, String> {
    let named = || {
        ast.iter_functions()
            .filter(|function| function.name == hook.script_name())
    };
    if named().any(|function| function.params.len() == 1) {
        return Ok(true);
    }
    if named().next().is_some() {
        let name = hook.script_name();
        return Err(format!("{name} must have one parameter: {name}(ctx)"));
    }
    Ok(false)
}

impl Script {
    pub(crate) fn has(&self, hook: Hook) -> bool {
        self.hooks.contains(&hook)
    }

    /// The most steps that a call has taken since this was asked last.
    pub(crate) fn take_peak(&self) -> u64 {
        self.code.peak.swap(0, Ordering::Relaxed)
    }

    /// Calls a hook on a thread that nobody else has meanwhile; the call ends with its deadline also if nobody waits any more.
    pub(crate) async fn call(
        &self,
        hook: Hook,
        context: Document,
        limits: Limits,
        calls: Arc<HostCalls>,
        turn: Turn,
    ) -> Result<Value, Ended> {
        let host = Handle::current();
        // One that waits for somebody else's service is better waited for where its caller may give up.
        if !calls.may_fetch() && threads::can_give_this_one(&host) {
            let answer = self.code.run(hook, &context, limits, calls, host);
            drop(turn);
            return answer;
        }
        let code = self.code.clone();
        let work = move || {
            let answer = code.run(hook, &context, limits, calls, host);
            drop(turn);
            answer
        };
        let answer = self.workers.run(work).map_err(|error| {
            Fault::new(
                FaultKind::Unavailable,
                "no thread could be started",
                error.to_string(),
            )
        })?;
        match tokio::time::timeout(limits.wall, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(errors::crash("its thread is gone").into()),
            Err(_) => Err(errors::wall(limits).into()),
        }
    }
}

impl Code {
    /// Runs a hook on this thread, to its end.
    fn run(
        &self,
        hook: Hook,
        context: &Document,
        limits: Limits,
        calls: Arc<HostCalls>,
        host: Handle,
    ) -> Result<Value, Ended> {
        let work = || self.evaluate(hook, context, limits);
        let (answer, steps) = Running::with(calls, host, limits, work);
        self.peak.fetch_max(steps, Ordering::Relaxed);
        answer.unwrap_or_else(|_| Err(errors::crash("it panicked").into()))
    }

    fn evaluate(&self, hook: Hook, context: &Document, limits: Limits) -> Result<Value, Ended> {
        let context = convert::to_script(context)?;
        // Statements outside functions never run: they would run for every call.
        let options = CallFnOptions::new().eval_ast(false).rewind_scope(true);
        let answer = self
            .engine
            .call_fn_with_options::<rhai::Dynamic>(
                options,
                &mut Scope::new(),
                &self.ast,
                hook.script_name(),
                (context,),
            )
            .map_err(|error| errors::ended(&error, limits))?;
        convert::from_script(&answer).map_err(Ended::from)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("source", &self.code.ast.source())
            .finish_non_exhaustive()
    }
}
