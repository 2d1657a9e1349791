//! The origins of sessions that serve pages.
//!
//! What an app serves is untrusted: its pages may be hostile to the portal, to other sessions and to their own viewer. So
//! each session has a host name of its own, the portal's cookie is never sent there, and nothing that is asked there
//! reaches a route of the portal. The browser enters with a code that the portal gave it ([`way_in`]), gets a cookie for
//! that host alone, and is from then on known there as long as its sign-in lasts. Requests that a page of another origin
//! makes its browser send are refused, also those of other sessions' pages; HTTP and WebSocket go through the same checks.

mod forward;
mod headers;
mod page;

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};
use cookie::{Cookie, SameSite};
use launchpad_domain::{Action, EndpointKind, Session, SessionId, Viewer, authorize};
use launchpad_services::ServiceError;
use tracing::Instrument;
use url::form_urlencoded;

use crate::Site;
use crate::address::Named;
use crate::views::Asset;
use page::OriginPage;

/// Paths below this are the portal's, whatever the app serves.
const OURS: &str = "/.launchpad/";
/// Where a code is changed for a cookie.
const ENTER: &str = "/.launchpad/enter";
/// The look of our own pages here.
pub(crate) const STYLE: &str = "/.launchpad/app.css";

/// The address with which a browser enters the origin of a session.
pub(crate) fn way_in(origin: &str, code: &str) -> String {
    format!("{origin}{ENTER}?code={code}")
}

/// Whether a browser says that a page of another origin made it ask. One that says nothing is old, or the connection is
/// not encrypted; no browser at all says what it wants.
pub(crate) fn is_foreign(headers: &HeaderMap) -> bool {
    headers
        .get_all("sec-fetch-site")
        .iter()
        .any(|site| site != "same-origin" && site != "none")
}

/// Who looks at a session's pages, and what their browser showed.
#[derive(Debug, Clone)]
struct Entered {
    viewer: Viewer,
    secret: String,
}

/// Why a request is not handed to the app.
#[derive(Debug)]
enum Refusal {
    /// The browser shows no cookie that is good here.
    Unknown,
    /// A page of another origin made the browser ask.
    Foreign,
    /// The session does not run, or is not the viewer's, or serves no pages.
    NoSession,
    /// The request cannot be handed on.
    Request(StatusCode, &'static str),
    /// The app did not answer, or the portal could not ask it.
    Service(ServiceError),
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

/// Takes what is asked of a session's origin; everything else goes on to the portal's routes.
pub(crate) async fn divert(State(site): State<Site>, request: Request, next: Next) -> Response {
    match named(&site, &request) {
        Named::Portal => next.run(request).await,
        Named::Nobody => plain(StatusCode::MISDIRECTED_REQUEST, "No session has this address."),
        Named::Session(id) => {
            let span = tracing::info_span!("page", session = %id);
            serve(&site, id, request).instrument(span).await
        }
    }
}

/// Whose name the request has. One that has two, the portal's and a session's, is nobody's.
fn named(site: &Site, request: &Request) -> Named {
    let in_address = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let in_headers = request
        .headers()
        .get_all(HOST)
        .iter()
        .map(|host| host.to_str().unwrap_or_default());
    let mut names = in_address
        .into_iter()
        .chain(in_headers)
        .map(|name| site.address.named(name));
    let first = names.next().unwrap_or(Named::Portal);
    if names.all(|name| name == first) {
        first
    } else {
        Named::Nobody
    }
}

async fn serve(site: &Site, id: SessionId, request: Request) -> Response {
    let begun = Instant::now();
    let navigates = is_navigation(&request);
    let (method, address) = (request.method().clone(), request.uri().clone());
    let path = address.path();
    let response = if path.starts_with(OURS) {
        ours(site, id, &method, &address).await
    } else {
        theirs(site, id, request).await
    };
    let response = response.unwrap_or_else(|refusal| told(site, id, refusal, navigates));
    let (status, ms) = (response.status().as_u16(), begun.elapsed().as_millis());
    metrics::histogram!("launchpad_page_duration_seconds").record(begun.elapsed());
    tracing::debug!(%method, path, status, ms, "answered");
    response
}

/// What the portal itself serves here.
async fn ours(site: &Site, id: SessionId, method: &Method, address: &Uri) -> Result<Response, Refusal> {
    match (method, address.path()) {
        (&Method::GET, ENTER) => enter(site, id, address).await,
        (&Method::GET, STYLE) => {
            let style = Asset::find("app.css").ok_or(Refusal::NoSession)?;
            Ok(([(CONTENT_TYPE, style.media_type)], style.bytes).into_response())
        }
        _ => Err(Refusal::Request(StatusCode::NOT_FOUND, "There is no such page.")),
    }
}

/// Changes the code for a cookie. The first page is asked for by a page of this origin: then it is told apart from what
/// pages of other origins ask for.
async fn enter(site: &Site, id: SessionId, address: &Uri) -> Result<Response, Refusal> {
    let query = address.query().unwrap_or_default();
    let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
    let code = code.map(|(_, code)| code).unwrap_or_default();
    let secret = site
        .services
        .accounts
        .enter(&code, id)
        .await?
        .ok_or(Refusal::Foreign)?;
    let session = site.services.sessions.get(id).await?;
    let first = session
        .plan
        .as_ref()
        .map_or("/", |plan| plan.endpoint.first_page());
    let cookie = Cookie::build((site.address.session_cookie_name(), secret))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(site.address.is_guarded())
        .build();
    let page = OriginPage::onward(site, &session, first);
    Ok((AppendHeaders([(SET_COOKIE, cookie.to_string())]), page).into_response())
}

/// What the app serves.
async fn theirs(site: &Site, id: SessionId, request: Request) -> Result<Response, Refusal> {
    if is_foreign(request.headers()) || has_foreign_origin(site, id, &request) {
        return Err(Refusal::Foreign);
    }
    let secret = cookie(site, request.headers()).ok_or(Refusal::Unknown)?;
    let viewer = site.services.accounts.viewer_of_entry(&secret, id).await?;
    let entered = Entered {
        viewer: viewer.ok_or(Refusal::Unknown)?,
        secret,
    };
    let session = site.services.sessions.recent(id).await?;
    if !may_see(&entered.viewer, &session) {
        return Err(Refusal::NoSession);
    }
    forward::forward(site, id, entered, request).await
}

/// Nobody but its owner, as with a screen.
fn may_see(viewer: &Viewer, session: &Session) -> bool {
    session.serves(EndpointKind::Http)
        && authorize(Some(viewer), Action::StreamSession(session.user_id)).is_ok()
}

/// The cookie of this origin. Two of one name are none: one of them was put there by somebody else.
fn cookie(site: &Site, headers: &HeaderMap) -> Option<String> {
    let name = site.address.session_cookie_name();
    let values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let mut found = cookies.filter(|cookie| cookie.name() == name);
    let only = found.next()?;
    found.next().is_none().then(|| only.value().to_owned())
}

/// Whether a request that changes something, or opens a WebSocket, does not say that a page of this origin sent it: its
/// cookie alone proves nothing, since pages of other sessions make browsers send it as well.
fn has_foreign_origin(site: &Site, id: SessionId, request: &Request) -> bool {
    let own = site.address.session_origin(id);
    let is_own = |origin: &HeaderValue| own.as_deref().is_some_and(|own| origin == own);
    let mut origins = request.headers().get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => {
            let reads = matches!(*request.method(), Method::GET | Method::HEAD);
            !reads || request.headers().contains_key(UPGRADE)
        }
        (Some(origin), None) => !is_own(origin),
        (Some(_), Some(_)) => true,
    }
}

/// Whether the browser would show the answer as a page of its own.
fn is_navigation(request: &Request) -> bool {
    let is = |name: &str, value: &str| request.headers().get(name).is_none_or(|said| said == value);
    let accepts = request
        .headers()
        .get("accept")
        .and_then(|accept| accept.to_str().ok());
    request.method() == Method::GET
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
        && accepts.is_some_and(|accept| accept.contains("text/html"))
}

/// A person is led to where they can go on; a script gets the bare status.
fn told(site: &Site, id: SessionId, refusal: Refusal, navigates: bool) -> Response {
    let portal = site.address.as_str();
    let lead =
        |path: String| (StatusCode::SEE_OTHER, [(LOCATION, format!("{portal}{path}"))]).into_response();
    match refusal {
        Refusal::Unknown if navigates => lead(format!("/sessions/{id}/open")),
        Refusal::Unknown => plain(
            StatusCode::UNAUTHORIZED,
            "Open this session from the portal first.",
        ),
        Refusal::Foreign if navigates => lead(format!("/sessions/{id}")),
        Refusal::Foreign => plain(
            StatusCode::FORBIDDEN,
            "This request did not come from a page of this session.",
        ),
        Refusal::NoSession | Refusal::Service(ServiceError::NotFound(_)) if navigates => {
            lead(format!("/sessions/{id}"))
        }
        Refusal::NoSession | Refusal::Service(ServiceError::NotFound(_)) => {
            plain(StatusCode::NOT_FOUND, "This session does not run.")
        }
        Refusal::Request(status, words) => plain(status, words),
        Refusal::Service(error) => {
            let status = match error {
                ServiceError::OverLimit { .. } => StatusCode::TOO_MANY_REQUESTS,
                ServiceError::EngineAway(_) => StatusCode::BAD_GATEWAY,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            tracing::info!(session = %id, %error, "a request was not handed to an app");
            if navigates {
                return (status, OriginPage::silent(site, id)).into_response();
            }
            plain(status, "The app does not answer.")
        }
    }
}

fn plain(status: StatusCode, words: &'static str) -> Response {
    let headers = [
        ("content-type", "text/plain; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ];
    (status, headers, words).into_response()
}
