//! Loads launch types and calls their hooks, WASM components and Rhai scripts alike.
//!
//! A plugin is hostile until proven otherwise: its files are read strictly, its code runs with a limit on
//! everything that it could use up, and what it answers is bounded here and judged by the domain. One plugin
//! that fails, at load or in a call, never stops another.

mod admission;
mod answer;
mod approvals;
pub mod author;
mod breaker;
mod call;
mod error;
mod guest_log;
#[cfg(test)]
mod guide;
mod host;
mod host_calls;
mod installed;
mod journal;
mod launch_types;
mod limits;
mod load;
mod manifest;
mod operate;
mod plugin;
mod recorded;
mod reload;
mod rhai_carrier;
mod schema;
mod setup;
mod shipped;
mod source;
mod stand_ins;
mod threads;
mod wasm;
mod workers;

pub use error::{Failure, LoadError};
pub use host::PluginHost;
pub use limits::{Ceiling, MAX_CPU, MAX_MEMORY, MAX_WALL};
pub use recorded::Replay;
pub use setup::Setup;
pub use source::Source;
pub use stand_ins::NothingGranted;
pub use threads::SCRIPT_STACK;
