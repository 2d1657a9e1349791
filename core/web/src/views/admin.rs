//! Everybody's sessions and the accounts, for administrators.

use askama::Template;
use launchpad_domain::{Account, Problems, Role, Session};

use super::form::{FormProblems, Labels};
use super::page::Page;
use super::sessions::SessionRow;
use super::when::When;

const NEW_USER: Labels = &[("name", "Name"), ("role", "Role"), ("password", "Password")];

/// Everybody's newest sessions.
#[derive(Debug, Template)]
#[template(path = "admin/sessions.html")]
pub(crate) struct AllSessionsPage {
    page: Page,
    sessions: Vec<OwnedRow>,
    /// How many of them run or are about to.
    live: usize,
}

#[derive(Debug)]
struct OwnedRow {
    owner: String,
    session: SessionRow,
}

/// All accounts, and the form for a new one.
#[derive(Debug, Template)]
#[template(path = "admin/users.html")]
pub(crate) struct UsersPage {
    page: Page,
    accounts: Vec<AccountRow>,
    name: String,
    role: Role,
    problems: FormProblems,
}

#[derive(Debug)]
struct AccountRow {
    name: String,
    role: Role,
    disabled: bool,
    created: When,
}

impl AllSessionsPage {
    /// The sessions, newest first, with the names of their owners as `accounts` have them now.
    pub(crate) fn new(page: Page, sessions: &[Session], accounts: &[Account]) -> Self {
        let owner = |session: &Session| {
            let account = accounts.iter().find(|account| account.id == session.user_id);
            account.map_or_else(|| session.user_id.to_string(), |account| account.name.to_string())
        };
        let rows = sessions.iter().map(|session| OwnedRow {
            owner: owner(session),
            session: SessionRow::new(session, None, &page.branding),
        });
        Self {
            sessions: rows.collect(),
            live: sessions.iter().filter(|session| session.status.is_live()).count(),
            page: page.named("Sessions", "/admin/sessions"),
        }
    }
}

impl UsersPage {
    /// The accounts, and what was entered for a new one with problems at `name`, `role` and `password`.
    pub(crate) fn new(page: Page, accounts: &[Account], name: &str, role: Role, problems: Problems) -> Self {
        let rows = accounts.iter().map(|account| AccountRow {
            name: account.name.to_string(),
            role: account.role,
            disabled: account.disabled,
            created: account.created_at.into(),
        });
        Self {
            accounts: rows.collect(),
            name: name.to_owned(),
            role,
            problems: FormProblems::new(problems, NEW_USER),
            page: page.named("Users", "/admin/users"),
        }
    }

    /// Nobody locks themselves out with one click.
    fn is_self(&self, name: &str) -> bool {
        self.page
            .viewer
            .as_ref()
            .is_some_and(|viewer| viewer.name == name)
    }
}
