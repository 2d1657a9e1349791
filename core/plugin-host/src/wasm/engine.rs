//! The engine: one for all components, with the clock that interrupts them.

use std::time::{Duration, Instant};

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig};

use super::contract::HOST;
use super::host_functions;
use super::long_calls::LongCalls;
use super::store::{CallState, TABLE_ELEMENTS};
use crate::LoadError;

/// How often the clock ticks: the grain in which computing time is counted.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Slots for instances: more than there are calls at one time, so that a call never finds none.
const INSTANCES: u32 = 64;
/// Core instances of one component: guests from interpreters have dozens.
const CORE_INSTANCES: u32 = 48;
/// Bytes of a memory and of a table that a slot keeps from one call to the next.
const KEPT_MEMORY: usize = 512 * 1_024;
const KEPT_TABLE: usize = 16 * 1_024;
/// Slots that stay with the component that used them last: as many as may keep memory.
const WARM_SLOTS: u32 = 16;
/// Deepest stack of a guest, in bytes.
const STACK: usize = 512 * 1_024;

/// Compiles and links components.
pub(crate) struct Components {
    pub(super) engine: Engine,
    pub(super) linker: Linker<CallState>,
    pub(super) long_calls: LongCalls,
}

impl Components {
    /// Starts the engine and its clock. `memory`: the most bytes that any component may use.
    ///
    /// # Errors
    /// Where this machine cannot run components.
    pub(crate) fn new(memory: usize) -> Result<Self, LoadError> {
        let no_carrier = |error: wasmtime::Error| LoadError::NoCarrier(format!("{error:#}"));
        let engine = Engine::new(config(memory).allocation_strategy(pool(memory))).or_else(|error| {
            // Where address space is short there is no pool; calls then cost some microseconds more.
            tracing::warn!("no pool for instances: {error:#}");
            Engine::new(&config(memory))
        });
        let engine = engine.map_err(no_carrier)?;
        start_clock(&engine).map_err(|error| LoadError::NoCarrier(error.to_string()))?;
        let linker = linker(&engine).map_err(no_carrier)?;
        Ok(Self {
            engine,
            linker,
            long_calls: LongCalls::default(),
        })
    }
}

fn config(memory: usize) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(STACK)
        // The library's own reservation takes 4 GiB of addresses for each memory.
        .memory_reservation(memory as u64)
        .wasm_memory64(false);
    config
}

fn pool(memory: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * CORE_INSTANCES)
        .max_core_instances_per_component(CORE_INSTANCES)
        // Two for each call that there is at one time: each takes the most memory of addresses and a guard.
        .total_memories(INSTANCES)
        .max_memories_per_component(2)
        .max_memory_size(memory)
        .total_tables(INSTANCES * 16)
        .max_tables_per_component(16)
        .table_elements(TABLE_ELEMENTS)
        .total_stacks(INSTANCES)
        // What a call has touched is wiped and kept: giving it back costs a page fault for each page of the next.
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(KEPT_TABLE)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(WARM_SLOTS);
    pool
}

/// Ticks until the engine is gone.
fn start_clock(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        let mut next = Instant::now();
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            // A sleep takes a little longer than it should, and a call has many ticks. What was slept through is not
            // caught up with: nobody computed meanwhile.
            next = (next + TICK).max(Instant::now());
            std::thread::sleep(next - Instant::now());
        }
    };
    std::thread::Builder::new()
        .name("wasm-clock".to_owned())
        .spawn(tick)?;
    Ok(())
}

/// The functions that components may call.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    host_functions::define(&mut linker.instance(HOST)?)?;
    Ok(linker)
}
