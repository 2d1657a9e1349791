//! Plugins that are WebAssembly components.
//!
//! A component is compiled and linked once; each call has a fresh store and instance, so nothing of one user's
//! call is there in the next, and nothing must be mended after a trap.

mod cache;
mod contract;
mod engine;
mod errors;
mod host_functions;
mod imports;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Val};

use crate::LoadError;
use crate::admission::Turn;
use crate::answer;
use crate::call::{Ended, Fault, FaultKind, Hook, Refusal};
use crate::host_calls::HostCalls;
use crate::limits::Limits;
pub(crate) use cache::Cache;
pub(crate) use engine::Components;
use store::CallState;

/// The host functions by name.
#[cfg(test)]
pub(crate) fn functions() -> impl Iterator<Item = &'static str> {
    host_functions::FUNCTIONS.iter().map(|(name, ..)| *name)
}

/// A linked component.
pub(crate) struct Guest {
    linked: InstancePre<CallState>,
    hooks: BTreeMap<Hook, ComponentExportIndex>,
    /// The most memory that a call has taken.
    peak: AtomicUsize,
}

impl Components {
    /// Compiles and links the component of a plugin. Takes as long as compiling does.
    ///
    /// # Errors
    /// Where it is no component, or imports or exports something else than a plugin does.
    pub(crate) fn compile(
        &self,
        entry: &str,
        bytes: &[u8],
        cache: Option<&Cache>,
    ) -> Result<Guest, LoadError> {
        let compile = |error: wasmtime::Error| LoadError::Compile {
            entry: entry.to_owned(),
            reason: format!("{error:#}"),
        };
        let contract = |reason: String| LoadError::Contract {
            entry: entry.to_owned(),
            reason,
        };
        let component = match cache {
            Some(cache) => cache.compile(&self.engine, bytes),
            None => Component::from_binary(&self.engine, bytes),
        };
        let component = component.map_err(compile)?;
        // Before linking, whose own words for a missing function mislead.
        contract::imports(&self.engine, &component).map_err(contract)?;
        let mut hooks = BTreeMap::new();
        for hook in Hook::ALL {
            if let Some(export) = contract::hook(&self.engine, &component, hook).map_err(contract)? {
                hooks.insert(hook, export);
            }
        }
        if !hooks.contains_key(&Hook::Plan) {
            return Err(contract("exports no function `plan`".to_owned()));
        }
        let linked = self
            .linker
            .instantiate_pre(&component)
            .map_err(|error| contract(format!("{error:#}")))?;
        Ok(Guest {
            linked,
            hooks,
            peak: AtomicUsize::new(0),
        })
    }
}

impl Guest {
    pub(crate) fn has(&self, hook: Hook) -> bool {
        self.hooks.contains_key(&hook)
    }

    /// The most memory that a call has taken since this was asked last, in bytes.
    pub(crate) fn take_peak(&self) -> usize {
        self.peak.swap(0, Ordering::Relaxed)
    }

    /// Calls a hook. Dropping the future ends the call.
    pub(crate) async fn call(
        &self,
        hook: Hook,
        context: String,
        limits: Limits,
        calls: Arc<HostCalls>,
        turn: Turn,
    ) -> Result<Value, Ended> {
        let missing = || {
            Fault::new(
                FaultKind::Trap,
                format!("it has no hook {hook}"),
                "no such export",
            )
        };
        let export = self.hooks.get(&hook).ok_or_else(missing)?;
        let mut store = store::fresh(self.linked.engine(), calls, limits);
        let answer = {
            let work = self.run(&mut store, export, context);
            tokio::time::timeout(limits.wall, work).await
        };
        self.peak
            .fetch_max(store.data().memory_used(limits), Ordering::Relaxed);
        let answer = match answer {
            Ok(Ok(answer)) => read(answer),
            Ok(Err(error)) => Err(errors::fault(&error, store.data(), limits).into()),
            Err(_) => Err(errors::wall(limits).into()),
        };
        drop(turn);
        answer
    }

    async fn run(
        &self,
        store: &mut wasmtime::Store<CallState>,
        export: &ComponentExportIndex,
        context: String,
    ) -> wasmtime::Result<Val> {
        let instance = self.linked.instantiate_async(&mut *store).await?;
        let hook = instance
            .get_func(&mut *store, export)
            .ok_or_else(|| wasmtime::Error::msg("the instance lacks an export of its component"))?;
        let mut answer = [Val::Bool(false)];
        hook.call_async(&mut *store, &[Val::String(context)], &mut answer)
            .await?;
        let [answer] = answer;
        Ok(answer)
    }
}

/// The answer's document, or the error that the plugin returned.
fn read(answer: Val) -> Result<Value, Ended> {
    match answer {
        Val::Result(Ok(Some(document))) => match *document {
            Val::String(text) => Ok(answer::parse(&text)?),
            other => Err(answer::unreadable(&format!("{other:?}")).into()),
        },
        Val::Result(Err(Some(error))) => match *error {
            Val::Record(fields) => Err(refusal(fields)),
            other => Err(answer::unreadable(&format!("{other:?}")).into()),
        },
        other => Err(answer::unreadable(&format!("{other:?}")).into()),
    }
}

fn refusal(fields: Vec<(String, Val)>) -> Ended {
    let (mut code, mut message, mut details) = (String::new(), String::new(), String::new());
    for (name, value) in fields {
        if let Val::String(text) = value {
            match name.as_str() {
                "code" => code = text,
                "message" => message = text,
                "details" => details = text,
                _ => {}
            }
        }
    }
    let details = if details.is_empty() {
        Ok(Value::Null)
    } else {
        answer::parse(&details)
    };
    match details {
        Ok(details) => Refusal {
            code,
            message,
            details,
        }
        .into(),
        Err(fault) => fault.into(),
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("component", self.linked.component())
            .finish_non_exhaustive()
    }
}
