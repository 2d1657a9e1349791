//! The engine's errors in our words.

use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::store::{CallState, HANDED_OVER, TABLE_ELEMENTS};
use crate::call::{Fault, FaultKind};
use crate::limits::Limits;

/// Why a component was stopped.
pub(super) fn fault(error: &wasmtime::Error, state: &CallState, limits: Limits) -> Fault {
    let (kind, what) = classify(error, state, limits);
    // With the whole chain and the backtrace.
    Fault::new(kind, what, format!("{error:?}"))
}

fn classify(error: &wasmtime::Error, state: &CallState, limits: Limits) -> (FaultKind, String) {
    if state.out_of_ticks {
        return (
            FaultKind::Cpu,
            format!("CPU limit {} ms exceeded", limits.cpu.as_millis()),
        );
    }
    if state.out_of_memory {
        let mib = limits.memory / (1_024 * 1_024);
        return (FaultKind::Memory, format!("memory limit {mib} MiB exceeded"));
    }
    if state.out_of_table {
        return (
            FaultKind::Memory,
            format!("limit of {TABLE_ELEMENTS} elements of a table exceeded"),
        );
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return (FaultKind::Busy, "no place for another instance".to_owned());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => (FaultKind::Trap, "calls nested too deep".to_owned()),
        Some(trap) => (FaultKind::Trap, trap.to_string()),
        // This error of the library has no type.
        None if format!("{error:#}").contains("fuel allocated for hostcalls") => (
            FaultKind::Output,
            format!("it handed over more than {} KiB at once", HANDED_OVER / 1_024),
        ),
        None => (FaultKind::Trap, "the component failed".to_owned()),
    }
}

/// The call took too long from start to end.
pub(super) fn wall(limits: Limits) -> Fault {
    let what = format!("time limit {} ms exceeded", limits.wall.as_millis());
    Fault::new(FaultKind::Timeout, what.clone(), what)
}
