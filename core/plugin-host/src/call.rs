//! One call of a hook: what is called, and how it may end.

use std::fmt;
use std::sync::Arc;

use launchpad_domain::{FieldProblem, HookContext};
use serde::Serialize;
use serde_json::Value;

/// The functions of a plugin that this server calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hook {
    Plan,
    Validate,
    Options,
    Ready,
    OnEvent,
    Cleanup,
}

impl Hook {
    /// All of them, `plan` first.
    pub(crate) const ALL: [Self; 6] = [
        Self::Plan,
        Self::Validate,
        Self::Options,
        Self::Ready,
        Self::OnEvent,
        Self::Cleanup,
    ];

    /// Its name in the manifest and in the component.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Validate => "validate",
            Self::Options => "options",
            Self::Ready => "ready",
            Self::OnEvent => "on-event",
            Self::Cleanup => "cleanup",
        }
    }

    /// Its name in the script, where a name has no hyphen.
    pub(crate) fn script_name(self) -> &'static str {
        match self {
            Self::OnEvent => "on_event",
            other => other.name(),
        }
    }

    /// Whether there is a session that the plugin may keep something for. Before that there is only the wish for one.
    pub(crate) fn has_session(self) -> bool {
        !matches!(self, Self::Validate | Self::Options)
    }

    /// The hook with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|hook| hook.name() == name || hook.script_name() == name)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a hook is called with: the same text for both carriers, written once.
#[derive(Debug, Clone)]
pub(crate) struct Document(pub(crate) Arc<str>);

/// The plugin as its hooks see it.
#[derive(Debug, Serialize)]
pub(crate) struct Myself<'a> {
    pub(crate) id: &'a str,
    pub(crate) version: &'a str,
}

impl Document {
    /// The server's context for a plugin.
    pub(crate) fn of(context: &HookContext, plugin: &Myself<'_>) -> serde_json::Result<Self> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            context: &'a HookContext,
            plugin: &'a Myself<'a>,
        }
        let text = serde_json::to_string(&Whole { context, plugin })?;
        Ok(Self(text.into()))
    }
}

impl From<&Value> for Document {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

/// How a call ended without a document.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The plugin said so.
    Refused(Refusal),
    /// The server stopped it, or cannot read what it said.
    Fault(Fault),
}

/// An error that a plugin returned.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Value,
}

/// What a plugin did that no plugin may.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// What happened, naming the limit: fit for a user.
    pub(crate) what: String,
    /// The whole truth for the log: backtrace, position in the script.
    pub(crate) cause: String,
}

/// The codes of [`launchpad_domain::HookError::Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Trap,
    Timeout,
    Cpu,
    Memory,
    Output,
    Busy,
    Unavailable,
}

impl FaultKind {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Trap => "plugin-trap",
            Self::Timeout => "plugin-timeout",
            Self::Cpu => "plugin-cpu",
            Self::Memory => "plugin-memory",
            Self::Output => "plugin-output",
            Self::Busy => "plugin-busy",
            Self::Unavailable => "plugin-unavailable",
        }
    }

    /// Whether the plugin itself did it: waiting for a turn is nobody's fault.
    pub(crate) fn blames_the_plugin(self) -> bool {
        !matches!(self, Self::Busy | Self::Unavailable)
    }
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, what: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            cause: cause.into(),
        }
    }
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The answer of the hook `validate`.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct ProblemList {
    pub(crate) problems: Vec<FieldProblem>,
}
