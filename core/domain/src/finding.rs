//! What was found out about one thing that the portal needs, and what mends it.

use serde::Serialize;

/// How it is with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not there, and the server works without it.
    Missing,
    /// The server needs it otherwise.
    Wrong,
}

/// What was found out about one thing: a line of `launchpad doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which thing.
    pub what: &'static str,
    /// How it is.
    pub state: Verdict,
    /// What was seen.
    pub detail: String,
    /// What mends it, mostly a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            state: Verdict::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    /// It is not there, and not needed.
    pub fn missing(what: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: Verdict::Missing,
            remedy: Some(remedy.into()),
            ..Self::ok(what, detail)
        }
    }

    /// It must be mended.
    pub fn wrong(what: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: Verdict::Wrong,
            ..Self::missing(what, detail, remedy)
        }
    }
}
