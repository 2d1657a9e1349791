//! The audit log and the accounts, for administrators.

use askama::Template;
use launchpad_domain::{Account, AuditEntry, Problems, Role};

use super::form::{FormProblems, Labels};
use super::page::Page;
use super::when::When;

const NEW_USER: Labels = &[("name", "Name"), ("role", "Role"), ("password", "Password")];

/// The latest entries of the audit log.
#[derive(Debug, Template)]
#[template(path = "admin/audit.html")]
pub(crate) struct AuditPage {
    page: Page,
    entries: Vec<AuditRow>,
}

#[derive(Debug)]
struct AuditRow {
    when: When,
    user: String,
    action: String,
    details: String,
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

impl AuditPage {
    /// The entries, newest first.
    pub(crate) fn new(page: Page, entries: Vec<AuditEntry>) -> Self {
        let rows = entries.into_iter().map(|entry| AuditRow {
            when: entry.timestamp.into(),
            user: entry.user,
            action: entry.action,
            details: entry.details,
        });
        Self {
            entries: rows.collect(),
            page: page.named("Audit log", "/admin/audit"),
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
