//! Launching an app: the form of the catalogue, and JSON.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Redirect, Response};
use launchpad_domain::{Problems, Session};
use launchpad_services::LaunchRequest;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::{FormBody, JsonBody};
use crate::json::{LaunchBody, SessionDocument};
use crate::visitor::SignedIn;

/// The button of an app.
#[derive(Debug, Deserialize)]
pub(super) struct LaunchForm {
    app_id: String,
}

/// `POST /sessions`: launches and leads to the session's page.
pub(super) async fn by_form(
    State(site): State<Site>,
    caller: SignedIn,
    FormBody(form): FormBody<LaunchForm>,
) -> Result<Redirect, WebError> {
    let session = launch(&site, &caller, &form.app_id, Map::new()).await?;
    Ok(Redirect::to(&format!("/sessions/{}", session.id)))
}

/// Launches an app for the caller, whoever the body may name. The session is kept before the answer; what becomes of
/// it is read at its address.
#[utoipa::path(post, path = "/api/sessions", tag = "sessions", request_body = LaunchBody, responses(
    (status = 201, body = SessionDocument),
    (status = 422, body = ProblemDocument, description = "Wrong values, or an app that is a link: the detail names it"),
    (status = 429, body = ProblemDocument, description = "Too many sessions"),
    (status = 503, body = ProblemDocument, description = "No engine, or it does not answer"),
))]
pub(crate) async fn by_json(
    State(site): State<Site>,
    caller: SignedIn,
    JsonBody(body): JsonBody<LaunchBody>,
) -> Result<Response, WebError> {
    let session = launch(&site, &caller, &body.app_id, body.params.unwrap_or_default()).await?;
    let location = [(LOCATION, format!("/api/sessions/{}", session.id))];
    let document = Json(SessionDocument::from(&session));
    Ok((StatusCode::CREATED, location, document).into_response())
}

async fn launch(
    site: &Site,
    caller: &SignedIn,
    app_id: &str,
    params: Map<String, Value>,
) -> Result<Session, WebError> {
    let app_id = app_id
        .parse()
        .map_err(|message: String| WebError::from(Problems::one("app_id", message)))?;
    let request = LaunchRequest { app_id, params };
    Ok(site
        .services
        .sessions
        .launch(&caller.actor, &caller.viewer, request)
        .await?)
}
