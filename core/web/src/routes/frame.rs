//! What every page has around its content, and how pages are answered.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Html;
use launchpad_domain::Viewer;

use crate::Site;
use crate::error::WebError;
use crate::said::Said;
use crate::views::{ErrorPage, Page};
use crate::visitor::Visitor;

/// The frame of the page that this request asks for.
#[derive(Debug)]
pub(super) struct Frame(pub(super) Page);

impl FromRequestParts<Site> for Frame {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, WebError> {
        let visitor = Visitor::from_request_parts(parts, site).await?;
        let theme = match &visitor.viewer {
            Some(viewer) => site.services.preferences.get(viewer.id).await?.theme,
            None => None,
        };
        let page = Page::new(
            site.services.branding.clone(),
            visitor.viewer.as_ref(),
            theme,
            !site.address.is_guarded(),
        );
        let said = Said::of(site, &parts.headers);
        Ok(Self(page.saying(said.map_or("", Said::sentence))))
    }
}

/// A page or fragment as an answer.
pub(super) fn drawn(page: &impl Template) -> Result<Html<String>, WebError> {
    Ok(Html(page.render()?))
}

/// The page about an error. It asks no service: what broke may be one.
pub(crate) fn error_page(
    site: &Site,
    viewer: Option<&Viewer>,
    status: StatusCode,
    sentence: &str,
    request_id: &str,
) -> Result<String, askama::Error> {
    let page = Page::new(
        site.services.branding.clone(),
        viewer,
        None,
        !site.address.is_guarded(),
    );
    let reference = Some(request_id.to_owned()).filter(|id| !id.is_empty());
    let (heading, next) = words(status);
    ErrorPage::new(page, status.as_u16(), heading, sentence, next, reference).render()
}

/// Heading, and what to do next.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::NOT_FOUND => (
            "Nothing here",
            "Perhaps it was removed. The catalogue has what there is.",
        ),
        StatusCode::FORBIDDEN => (
            "Not for you",
            "If you need this, ask whoever administers this portal.",
        ),
        StatusCode::TOO_MANY_REQUESTS => ("A limit is reached", ""),
        StatusCode::SERVICE_UNAVAILABLE => ("Not right now", "Try again in a minute."),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => (
            "Changed in the meantime",
            "Look at it again, then repeat what you did.",
        ),
        status if status.is_server_error() => (
            "This did not work",
            "Try again. If it stays so, tell whoever administers this portal.",
        ),
        _ => ("This request cannot be answered", ""),
    }
}
