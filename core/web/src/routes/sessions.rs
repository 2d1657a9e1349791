//! Sessions: listed, followed, looked at and ended.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Extension, Json};
use futures::{Stream, StreamExt};
use launchpad_domain::{Action, EndpointKind, Session, UserId, authorize};
use serde::Deserialize;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::events;
use crate::input::Query;
use crate::json::SessionDocument;
use crate::said::Said;
use crate::session_origin;
use crate::views::{AllSessionsPage, SessionPage, SessionsPage, ViewerPage};
use crate::visitor::{Htmx, SignedIn, Visitor};

/// Proxies cut connections on which nothing moves for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Whose sessions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// The account whose sessions an administrator wants to see.
    #[param(format = Uuid)]
    user_id: Option<String>,
}

/// `GET /sessions`: the viewer's sessions. htmx gets the list alone.
pub(super) async fn list_page(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    Htmx(fragment): Htmx,
) -> Result<Html<String>, WebError> {
    let sessions = site.services.sessions.of_user(caller.viewer.id).await?;
    let apps = site.services.catalogue.list().await?;
    let page = SessionsPage::new(frame, &sessions, apps.iter().map(|stored| &stored.app));
    if fragment {
        drawn(&page.as_list())
    } else {
        drawn(&page)
    }
}

/// `GET /admin/sessions`: everybody's sessions.
pub(super) async fn all_page(
    State(site): State<Site>,
    Frame(frame): Frame,
) -> Result<Html<String>, WebError> {
    let sessions = site.services.sessions.all().await?;
    let accounts = site.services.accounts.list().await?;
    drawn(&AllSessionsPage::new(frame, &sessions, &accounts))
}

/// `GET /sessions/{id}`: the screen for its owner once it runs, else how the session is.
pub(super) async fn show(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    Extension(session): Extension<Arc<Session>>,
) -> Result<Html<String>, WebError> {
    let app = site.services.catalogue.get(&session.app_id).await.ok();
    let app = app.as_ref().map(|stored| &stored.app);
    let may_look = authorize(Some(&caller.viewer), Action::StreamSession(session.user_id)).is_ok();
    if may_look && let Some(page) = ViewerPage::new(frame.clone(), &session, app) {
        return drawn(&page);
    }
    let progress = site.services.sessions.progress(session.id).await;
    let page = SessionPage::new(frame, &session, app).saying(progress.as_deref());
    let open_url = session.open_url().filter(|_| may_look);
    drawn(&page.opened_at(open_url))
}

/// `GET /sessions/{id}/open`: to the origin of a session that serves pages, with a code that opens it once. Whoever comes
/// from another site, or without a sign-in of a browser, sees the session's page instead and decides there.
pub(super) async fn open(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Extension(session): Extension<Arc<Session>>,
) -> Result<Redirect, WebError> {
    let origin = site.address.session_origin(session.id);
    let (Some(origin), Some(sign_in), true) = (origin, visitor.sign_in, session.serves(EndpointKind::Http))
    else {
        return Ok(Redirect::to(&format!("/sessions/{}", session.id)));
    };
    if session_origin::is_foreign(&headers) {
        return Ok(Redirect::to(&format!("/sessions/{}", session.id)));
    }
    let code = site.services.accounts.entry_code(sign_in, session.id).await?;
    Ok(Redirect::to(&session_origin::way_in(&origin, &code)))
}

/// `GET /sessions/{id}/events`: the card of the session, now and at every change. Once it is not one of a launch any
/// more, the page loads itself anew.
pub(super) async fn events(
    State(site): State<Site>,
    Frame(frame): Frame,
    Extension(session): Extension<Arc<Session>>,
) -> Sse<impl Stream<Item = Result<Event, askama::Error>>> {
    let app = site.services.catalogue.get(&session.app_id).await.ok();
    let services = Arc::clone(&site.services);
    let cards = events::of_session(site, session.id).then(move |session| {
        let (services, frame, app) = (Arc::clone(&services), frame.clone(), app.clone());
        async move {
            let app = app.as_ref().map(|stored| &stored.app);
            let progress = services.sessions.progress(session.id).await;
            let card = SessionPage::new(frame, &session, app)
                .saying(progress.as_deref())
                .as_progress()
                .render()?;
            Ok(Event::default().data(card))
        }
    });
    Sse::new(cards).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// `POST /sessions/{id}/end`: back to the list in which the caller saw it.
pub(super) async fn end_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Extension(session): Extension<Arc<Session>>,
) -> Result<Response, WebError> {
    site.services.sessions.end(&caller.actor, session.id).await?;
    let is_own = session.user_id == caller.viewer.id;
    let list = if is_own { "/sessions" } else { "/admin/sessions" };
    Ok(Said::SessionEnded.at(&site, list))
}

/// The viewer's sessions, newest first.
#[utoipa::path(get, path = "/api/sessions", tag = "sessions", params(Whose), responses(
    (status = 200, body = [SessionDocument]), (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(
    State(site): State<Site>,
    caller: SignedIn,
    Query(whose): Query<Whose>,
) -> Result<Json<Vec<SessionDocument>>, WebError> {
    let owner = match whose.user_id {
        None => caller.viewer.id,
        Some(text) => {
            let owner: Option<UserId> = text.parse().ok();
            authorize(Some(&caller.viewer), Action::ListSessions(owner))
                .map_err(|refusal| WebError::from(launchpad_services::ServiceError::Refused(refusal)))?;
            match owner {
                Some(owner) => owner,
                // No account has such an id, and so no sessions.
                None => return Ok(Json(Vec::new())),
            }
        }
    };
    let sessions = site.services.sessions.of_user(owner).await?;
    Ok(Json(sessions.iter().map(SessionDocument::from).collect()))
}

/// One session.
#[utoipa::path(get, path = "/api/sessions/{id}", tag = "sessions", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = SessionDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(
    State(site): State<Site>,
    Extension(session): Extension<Arc<Session>>,
) -> Result<Json<SessionDocument>, WebError> {
    let session = site.services.sessions.get(session.id).await?;
    Ok(Json((&session).into()))
}

/// Ends a session, or cancels its launch. Ended already is no error.
#[utoipa::path(delete, path = "/api/sessions/{id}", tag = "sessions", params(("id" = String, Path, format = Uuid)),
    responses((status = 204), (status = 404, body = ProblemDocument)))]
pub(crate) async fn end(
    State(site): State<Site>,
    caller: SignedIn,
    Extension(session): Extension<Arc<Session>>,
) -> Result<Response, WebError> {
    site.services.sessions.end(&caller.actor, session.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
