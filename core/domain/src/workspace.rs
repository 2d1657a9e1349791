//! Workspaces: durable volumes that outlive workloads.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::{AppId, SessionId, UserId};

/// The engine's name of a workspace: `[a-z0-9-]{1,253}`, usable in a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceName(String);

impl WorkspaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkspaceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shaped = (1..=253).contains(&text.len())
            && text
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
            && !text.starts_with('-');
        if shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 1 to 253 of the characters a-z, 0-9 and -, and not begin with -".to_owned())
        }
    }
}

impl fmt::Display for WorkspaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A workspace as the engine has it, with what its labels say of whom it belongs to: nothing where somebody else has
/// changed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its name.
    pub name: WorkspaceName,
    /// Who may mount it.
    pub user: Option<UserId>,
    /// The app in which it is mounted.
    pub app: Option<AppId>,
    /// The one session whose it is, where it is not its user's at every launch of the app.
    pub session: Option<SessionId>,
    /// How big it was asked for, as a Kubernetes quantity.
    pub size: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_policy_makes() {
        let id = UserId::new();
        for good in [format!("session-{id}"), format!("workspace-{id}-{id}-desktop-")] {
            assert_eq!(good.parse::<WorkspaceName>().unwrap().as_str(), good);
        }
        for bad in ["", "-x", "A", "a b", "a/b", "..", "a%"] {
            assert!(bad.parse::<WorkspaceName>().is_err(), "{bad}");
        }
        assert!("a".repeat(254).parse::<WorkspaceName>().is_err());
    }
}
