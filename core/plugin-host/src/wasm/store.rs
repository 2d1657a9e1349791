//! What one call has: its limits and its host functions. The only place that makes stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};

use super::engine::TICK;
use crate::host_calls::HostCalls;
use crate::limits::{Limits, MAX_ANSWER};

/// Most elements of a table.
pub(super) const TABLE_ELEMENTS: usize = 20_000;
/// Most bytes that a guest hands over at once: an answer and a little more, so that it is told what it did.
pub(super) const HANDED_OVER: usize = MAX_ANSWER + 64 * 1_024;

/// The state of one call.
pub(super) struct CallState {
    pub(super) calls: Arc<HostCalls>,
    /// Ticks left to compute.
    ticks: u128,
    /// Bytes of memory left, of all its memories together.
    memory: usize,
    /// It was interrupted because the ticks were used up.
    pub(super) out_of_ticks: bool,
    /// It was stopped because it wanted more memory.
    pub(super) out_of_memory: bool,
    /// It was stopped because it wanted a larger table.
    pub(super) out_of_table: bool,
    /// Set once it has computed for a tick.
    computed: Arc<AtomicBool>,
}

/// A store in which every limit holds. Without a deadline even making an instance would trap.
/// `computed` is set once the guest has computed for a tick.
pub(super) fn fresh(
    engine: &Engine,
    calls: Arc<HostCalls>,
    limits: Limits,
    computed: Arc<AtomicBool>,
) -> Store<CallState> {
    let state = CallState {
        calls,
        ticks: (limits.cpu.as_millis() / TICK.as_millis()).max(1),
        memory: limits.memory,
        out_of_ticks: false,
        out_of_memory: false,
        out_of_table: false,
        computed,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(HANDED_OVER);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        let state = store.data_mut();
        // Called only while the guest computes: waiting costs no ticks.
        state.ticks = state.ticks.saturating_sub(1);
        state.out_of_ticks = state.ticks == 0;
        state.computed.store(true, Ordering::Relaxed);
        Ok(if state.out_of_ticks {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::Yield(1)
        })
    });
    store
}

impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if let Some(left) = self.memory.checked_sub(desired.saturating_sub(current)) {
            self.memory = left;
            Ok(true)
        } else {
            self.out_of_memory = true;
            refuse(format!("it asked for memory of {desired} bytes"))
        }
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.out_of_memory = true;
        Err(error)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            self.out_of_table = true;
            return refuse(format!("it asked for a table of {desired} elements"));
        }
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.out_of_table = true;
        Err(error)
    }
}

impl CallState {
    /// Bytes of memory that the call has taken, of all its memories together.
    pub(super) fn memory_used(&self, limits: Limits) -> usize {
        limits.memory.saturating_sub(self.memory)
    }
}

/// A trap, not a refusal that the guest goes on with: the backtrace tells who wanted so much.
fn refuse(why: String) -> wasmtime::Result<bool> {
    Err(wasmtime::Error::msg(why))
}
