//! The viewer's own account: password and API tokens.

use askama::Template;
use chrono::{DateTime, Utc};
use launchpad_domain::Problems;

use super::form::{FormProblems, Labels};
use super::page::Page;
use super::when::When;

const PASSWORD: Labels = &[
    ("current_password", "Current password"),
    ("new_password", "New password"),
];

/// The account page.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage {
    page: Page,
    tokens: Vec<TokenRow>,
    /// The secret of a token that was just made; shown this once.
    new_token: Option<String>,
    problems: FormProblems,
}

/// An API token in the list.
#[derive(Debug)]
pub(crate) struct TokenRow {
    id: String,
    created: When,
    expires: When,
}

impl TokenRow {
    /// The token of this id (not its secret).
    pub(crate) fn new(
        id: impl std::fmt::Display,
        created_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id: id.to_string(),
            created: created_at.into(),
            expires: expires_at.into(),
        }
    }
}

impl AccountPage {
    /// The page with the viewer's tokens; problems at `current_password` and `new_password`.
    pub(crate) fn new(
        page: Page,
        tokens: Vec<TokenRow>,
        new_token: Option<String>,
        problems: Problems,
    ) -> Self {
        Self {
            page: page.named("Account", "/account"),
            tokens,
            new_token,
            problems: FormProblems::new(problems, PASSWORD),
        }
    }
}
