//! Loads launch types and calls their hooks, WASM components and Rhai scripts alike.
//!
//! A plugin is hostile until proven otherwise: its files are read strictly, its code runs with a limit on
//! everything that it could use up, and what it answers is bounded here and judged by the domain. One plugin
//! that fails, at load or in a call, never stops another.

mod admission;
mod answer;
mod breaker;
mod call;
mod error;
mod guest_log;
mod host;
mod limits;
mod load;
mod manifest;
mod plugin;
mod recorded;
mod rhai_carrier;
mod schema;
mod shipped;
mod source;
mod wasm;

pub use error::{Failure, LoadError};
pub use host::PluginHost;
pub use recorded::Replay;
pub use source::Source;
