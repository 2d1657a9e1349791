//! Plugins: what host functions keep, show, read and fetch for them, and what an administrator sees and does.

mod fetch;
mod installed;
mod progress;
mod secrets;
mod support;

pub use fetch::FetchRules;
pub use installed::InstalledPlugins;
pub(crate) use progress::Progresses;
pub(crate) use secrets::Secrets;
pub use support::PluginSupport;
