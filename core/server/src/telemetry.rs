//! The log.

use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Starts the log, on standard error: standard output belongs to what a command answers.
pub(crate) fn start(log: &Log) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&log.filter))
        .with_writer(std::io::stderr);
    let started = if log.json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init()
    };
    if let Err(error) = started {
        // Only a second start in one process comes here, and the first log goes on.
        tracing::warn!(%error, "the log was started already");
    }
}
