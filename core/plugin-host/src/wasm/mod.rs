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
mod long_calls;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, InstancePre, Lift};

use crate::LoadError;
use crate::admission::Turn;
use crate::answer;
use crate::call::{Document, Ended, Fault, FaultKind, Hook, Refusal};
use crate::host_calls::HostCalls;
use crate::limits::Limits;
pub(crate) use cache::Cache;
pub(crate) use engine::Components;
use long_calls::LongCalls;
use store::CallState;

/// The host functions by name.
#[cfg(test)]
pub(crate) fn functions() -> impl Iterator<Item = &'static str> {
    host_functions::FUNCTIONS.iter().map(|(name, ..)| *name)
}

/// A linked component.
pub(crate) struct Guest {
    code: Code,
    hooks: BTreeMap<Hook, ComponentExportIndex>,
    long_calls: LongCalls,
}

/// What a call needs of its component.
#[derive(Clone)]
struct Code {
    linked: InstancePre<CallState>,
    /// The most memory that a call has taken.
    peak: Arc<AtomicUsize>,
}

/// The record `plugin-error`.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
struct PluginError {
    code: String,
    message: String,
    details: String,
}

impl Components {
    /// Whether a component need not be compiled any more.
    pub(crate) fn keeps(&self, cache: &Cache, bytes: &[u8]) -> bool {
        cache.keeps(&self.engine, bytes)
    }

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
            code: Code {
                linked,
                peak: Arc::default(),
            },
            hooks,
            long_calls: self.long_calls.clone(),
        })
    }
}

impl Guest {
    pub(crate) fn has(&self, hook: Hook) -> bool {
        self.hooks.contains_key(&hook)
    }

    /// The most memory that a call has taken since this was asked last, in bytes.
    pub(crate) fn take_peak(&self) -> usize {
        self.code.peak.swap(0, Ordering::Relaxed)
    }

    /// Calls a hook. Dropping the future ends the call.
    pub(crate) async fn call(
        &self,
        hook: Hook,
        context: Document,
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
        let export = *self.hooks.get(&hook).ok_or_else(missing)?;
        let code = self.code.clone();
        let computed = Arc::new(AtomicBool::new(false));
        let mut store = store::fresh(code.linked.engine(), calls, limits, Arc::clone(&computed));
        let call = async move {
            let answer = {
                let work = code.run(&mut store, &export, &context.0);
                tokio::time::timeout(limits.wall, work).await
            };
            code.peak
                .fetch_max(store.data().memory_used(limits), Ordering::Relaxed);
            drop(turn);
            match answer {
                Ok(Ok(Ok(text))) => Ok(answer::parse(&text)?),
                Ok(Ok(Err(error))) => Err(refusal(error)),
                Ok(Err(error)) => Err(errors::fault(&error, store.data(), limits).into()),
                Err(_) => Err(errors::wall(limits).into()),
            }
        };
        self.long_calls.finish(Box::pin(call), &computed).await
    }
}

impl Code {
    async fn run(
        &self,
        store: &mut wasmtime::Store<CallState>,
        export: &ComponentExportIndex,
        context: &str,
    ) -> wasmtime::Result<Result<String, PluginError>> {
        let instance = self.linked.instantiate_async(&mut *store).await?;
        let hook = instance.get_typed_func::<(&str,), (Result<String, PluginError>,)>(&mut *store, export)?;
        let (answer,) = hook.call_async(&mut *store, (context,)).await?;
        Ok(answer)
    }
}

/// The error that a plugin returned.
fn refusal(error: PluginError) -> Ended {
    let details = if error.details.is_empty() {
        Ok(Value::Null)
    } else {
        answer::parse(&error.details)
    };
    match details {
        Ok(details) => Refusal {
            code: error.code,
            message: error.message,
            details,
        }
        .into(),
        Err(fault) => fault.into(),
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("component", self.code.linked.component())
            .finish_non_exhaustive()
    }
}
