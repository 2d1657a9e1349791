//! What one call may use. Every figure here is enforced, and tested by going beyond it.

use std::time::Duration;

use launchpad_domain::Grants;

use crate::manifest::LimitsTable;

/// Most bytes of a hook's context, as JSON.
pub(crate) const MAX_CONTEXT: usize = 256 * 1_024;
/// Most bytes of a hook's answer, as JSON.
pub(crate) const MAX_ANSWER: usize = 256 * 1_024;
/// Deepest nesting of an answer.
pub(crate) const MAX_DEPTH: usize = 32;
/// Most lines that one call may log.
pub(crate) const MAX_LOG_LINES: u32 = 100;
/// Most bytes of a logged line, message and fields each.
pub(crate) const MAX_LOG_LINE: usize = 4 * 1_024;
/// Most calls at one time, of all plugins: less than there are slots for instances.
pub(crate) const CALLS: usize = 32;
/// Most calls at one time of one plugin.
pub(crate) const CALLS_PER_PLUGIN: usize = 8;
/// How long a call waits for its turn.
pub(crate) const QUEUE: Duration = Duration::from_secs(2);
/// Most bytes of a component.
pub(crate) const MAX_COMPONENT: usize = 32 * 1_024 * 1_024;
/// Most bytes of a script.
pub(crate) const MAX_SCRIPT: usize = 256 * 1_024;
/// Most bytes of a manifest or a schema.
pub(crate) const MAX_DOCUMENT: usize = 256 * 1_024;

/// Most bytes of a key under which a plugin keeps a value.
pub(crate) const MAX_KEY: usize = 128;
/// Most bytes of a value that a plugin keeps.
pub(crate) const MAX_VALUE: usize = 16 * 1_024;
/// Most addresses that one call may fetch.
pub(crate) const FETCHES: u32 = 5;
/// Most lines of progress that one call may show.
pub(crate) const PROGRESSES: u32 = 100;
/// How much longer than others a call may take from start to end that may fetch addresses, and the longest in any case.
const FETCHES_TAKE: u32 = 5;
/// The longest time from start to end that an operator may allow.
pub const MAX_WALL: Duration = Duration::from_secs(10);
/// The longest time to compute that an operator may allow.
pub const MAX_CPU: Duration = Duration::from_secs(5);
/// The most memory that an operator may allow, in bytes.
pub const MAX_MEMORY: usize = 256 * 1_024 * 1_024;

/// The most that the operator lets any plugin use. A manifest may ask for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// Time that a call computes: 10 ms to [`MAX_CPU`].
    pub cpu: Duration,
    /// Time that a call takes from start to end, waiting included: to [`MAX_WALL`]. Where addresses may be fetched, five
    /// times as long, and at most [`MAX_WALL`].
    pub wall: Duration,
    /// Bytes of a component's linear memories together: to [`MAX_MEMORY`].
    pub memory: usize,
    /// Time that a component is compiled.
    pub compiling: Duration,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self {
            cpu: Duration::from_millis(250),
            wall: Duration::from_secs(2),
            memory: 64 * 1_024 * 1_024,
            compiling: Duration::from_mins(1),
        }
    }
}

/// What one call of one plugin may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time that the guest computes.
    pub(crate) cpu: Duration,
    /// Time from start to end.
    pub(crate) wall: Duration,
    /// Bytes of all its linear memories together; components only.
    pub(crate) memory: usize,
}

impl Limits {
    /// The ceiling, lowered to what the manifest asks for.
    pub(crate) fn lowered(mut ceiling: Ceiling, table: &LimitsTable, grants: &Grants) -> Self {
        if grants.allows_any_fetch() {
            ceiling.wall = (ceiling.wall * FETCHES_TAKE).min(MAX_WALL);
        }
        let millis = |given: Option<u64>, most: Duration| given.map_or(most, Duration::from_millis).min(most);
        Self {
            cpu: millis(table.cpu_ms, ceiling.cpu),
            wall: millis(table.wall_ms, ceiling.wall),
            memory: table
                .memory_mib
                .map_or(ceiling.memory, |mib| mib.saturating_mul(1_024 * 1_024))
                .min(ceiling.memory),
        }
    }
}
