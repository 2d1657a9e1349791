//! What a person sees when something cannot be answered.

use askama::Template;

use super::page::Page;

/// The error page: what happened, what to do, and by which reference it is found in the log.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    page: Page,
    status: u16,
    heading: String,
    /// What happened, one or two sentences.
    sentence: String,
    /// What to do about it; may be empty.
    next: String,
    /// The request's id, as the log has it.
    reference: Option<String>,
}

impl ErrorPage {
    /// A page for `status` with its `heading`, what happened, what to do next, and the request's id.
    pub(crate) fn new(
        page: Page,
        status: u16,
        heading: impl Into<String>,
        sentence: impl Into<String>,
        next: impl Into<String>,
        reference: Option<String>,
    ) -> Self {
        let heading = heading.into();
        Self {
            page: page.named(heading.clone(), ""),
            status,
            heading,
            sentence: sentence.into(),
            next: next.into(),
            reference,
        }
    }
}
