//! The few pages of the portal at a session's origin.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use launchpad_domain::{Session, SessionId};

use crate::Site;

/// A heading, a sentence and a way on.
#[derive(Debug, Template)]
#[template(path = "session-origin.html")]
pub(super) struct OriginPage {
    heading: String,
    sentence: &'static str,
    /// The path at this origin to which it leads by itself.
    onward: Option<String>,
    /// The session's page at the portal.
    portal: String,
}

impl OriginPage {
    /// Leads to the first page of the app.
    pub(super) fn onward(site: &Site, session: &Session, first: &str) -> Self {
        Self {
            heading: format!("Opening {}", session.app_name),
            sentence: "It opens by itself.",
            onward: Some(first.to_owned()),
            portal: at_portal(site, session.id),
        }
    }

    /// Says that the app does not answer.
    pub(super) fn silent(site: &Site, id: SessionId) -> Self {
        Self {
            heading: "The app does not answer".to_owned(),
            sentence: "Load this page again in a moment. The portal says whether the session still runs.",
            onward: None,
            portal: at_portal(site, id),
        }
    }
}

fn at_portal(site: &Site, id: SessionId) -> String {
    format!("{}/sessions/{id}", site.address.as_str())
}

impl IntoResponse for OriginPage {
    fn into_response(self) -> Response {
        let headers = [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ];
        match self.render() {
            Ok(text) => (headers, Html(text)).into_response(),
            Err(error) => {
                tracing::error!(%error, "a page of a session's origin could not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
