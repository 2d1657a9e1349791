//! The two doors: signing in, and setting the portal up.

use askama::Template;
use launchpad_domain::Problems;

use super::form::{FormProblems, Labels};
use super::page::Page;

const SETUP: Labels = &[
    ("token", "Setup token"),
    ("name", "Name"),
    ("password", "Password"),
];

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "sign-in.html")]
pub(crate) struct SignInPage {
    page: Page,
    name: String,
    next: String,
    /// Why signing in did not work, in one sentence; never which of the two was wrong.
    problem: Option<String>,
}

/// The page behind the setup link, which makes the first administrator.
#[derive(Debug, Template)]
#[template(path = "setup.html")]
pub(crate) struct SetupPage {
    page: Page,
    token: String,
    name: String,
    problems: FormProblems,
}

impl SignInPage {
    /// The page with what was entered; `next` is the checked path to go to afterwards, or empty.
    pub(crate) fn new(page: Page, name: &str, next: &str, problem: Option<String>) -> Self {
        Self {
            page: page.named("Sign in", ""),
            name: name.to_owned(),
            next: next.to_owned(),
            problem,
        }
    }
}

impl SetupPage {
    /// The page with what was entered; problems at `token`, `name` and `password`.
    pub(crate) fn new(page: Page, token: &str, name: &str, problems: Problems) -> Self {
        Self {
            page: page.named("Set up", ""),
            token: token.to_owned(),
            name: name.to_owned(),
            problems: FormProblems::new(problems, SETUP),
        }
    }
}
