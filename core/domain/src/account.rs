//! Accounts: who can sign in, and as what.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::UserId;

/// What an account may do; the rules are in [`crate::authorize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Changes apps, reads audit and analytics, manages accounts, ends any session.
    Admin,
    /// Sees the catalogue, launches apps, owns sessions, preferences and tokens.
    User,
}

impl Role {
    /// The stored and published spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "admin" => Ok(Self::Admin),
            "user" => Ok(Self::User),
            _ => Err("must be admin or user".to_owned()),
        }
    }
}

/// A sign-in name: 1 to 64 of `a-z A-Z 0-9 . _ @ -`, beginning with a letter or digit. Names that differ only
/// in case are one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct UserName(String);

impl UserName {
    /// The name as it was first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which names are compared and found.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for UserName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-');
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if text.len() <= 64 && starts_well && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 1 to 64 letters, digits or . _ @ -, beginning with a letter or digit".to_owned())
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks a password that somebody wants to set: 8 to 256 characters. The upper bound keeps hashing bounded.
pub fn check_new_password(text: &str) -> Result<(), String> {
    match text.chars().count() {
        0..8 => Err("must have at least 8 characters".to_owned()),
        8..=256 => Ok(()),
        _ => Err("must have at most 256 characters".to_owned()),
    }
}

/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Unchanging.
    pub id: UserId,
    /// The sign-in name.
    pub name: UserName,
    /// What the account may do.
    pub role: Role,
    /// A disabled account neither signs in nor uses tokens; its open streams are cut.
    pub disabled: bool,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

/// The signed-in person of this request, by cookie or by API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The account's id.
    pub id: UserId,
    /// The account's sign-in name.
    pub name: UserName,
    /// The account's role.
    pub role: Role,
}

impl Viewer {
    /// Whether the viewer is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}
