//! The viewer's own account: password, API tokens and workspaces.

use askama::Template;
use chrono::{DateTime, Utc};
use launchpad_domain::Problems;
use launchpad_services::ListedWorkspace;

use super::form::{FormProblems, Labels};
use super::page::Page;
use super::when::When;
use super::workspaces::WorkspaceRow;

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
    /// None where the engine that has them does not answer.
    workspaces: Option<Vec<WorkspaceRow>>,
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
            workspaces: None,
            new_token,
            problems: FormProblems::new(problems, PASSWORD),
        }
    }

    /// With the viewer's workspaces.
    pub(crate) fn keeping(mut self, workspaces: &[ListedWorkspace]) -> Self {
        self.workspaces = Some(workspaces.iter().map(WorkspaceRow::from).collect());
        self
    }
}
