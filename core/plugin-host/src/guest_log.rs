//! What plugins write to the log: bounded for each call, and never able to forge another line.

use std::sync::Arc;

use launchpad_domain::Clock;

use crate::answer::line;
use crate::call::Hook;
use crate::journal::Journal;
use crate::limits::{MAX_LOG_LINE, MAX_LOG_LINES};

/// Who is calling, for every line about the call.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The plugin, as `jupyter 1.2.0`.
    pub(crate) plugin: Arc<str>,
    pub(crate) hook: Hook,
    pub(crate) journal: Arc<Journal>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The log of one call.
#[derive(Debug)]
pub(crate) struct GuestLog {
    caller: Caller,
    lines: u32,
    dropped: u32,
}

impl GuestLog {
    pub(crate) fn new(caller: Caller) -> Self {
        Self {
            caller,
            lines: 0,
            dropped: 0,
        }
    }

    /// Writes one line, or counts it.
    pub(crate) fn write(&mut self, level: &str, message: &str, fields: &str) {
        if self.lines >= MAX_LOG_LINES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.lines += 1;
        let message = line(message, MAX_LOG_LINE);
        let fields = line(fields, MAX_LOG_LINE);
        let level = match level {
            "error" => "error",
            "warn" => "warn",
            "debug" => "debug",
            _ => "info",
        };
        self.tell(level, &message, &fields);
    }

    fn tell(&self, level: &'static str, message: &str, fields: &str) {
        let plugin = &*self.caller.plugin;
        let hook = self.caller.hook.name();
        match level {
            "error" => tracing::error!(target: "plugin", plugin, hook, fields, "{message}"),
            "warn" => tracing::warn!(target: "plugin", plugin, hook, fields, "{message}"),
            "debug" => tracing::debug!(target: "plugin", plugin, hook, fields, "{message}"),
            _ => tracing::info!(target: "plugin", plugin, hook, fields, "{message}"),
        }
        let shown = if fields.is_empty() {
            message.to_owned()
        } else {
            format!("{message} {fields}")
        };
        let now = self.caller.clock.now();
        self.caller.journal.write(now, level, self.caller.hook, &shown);
    }
}

impl Drop for GuestLog {
    fn drop(&mut self) {
        if self.dropped > 0 {
            self.tell("warn", &format!("dropped {} lines of the log", self.dropped), "");
        }
    }
}
