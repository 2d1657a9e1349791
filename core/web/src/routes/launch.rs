//! Launching an app: the form of the catalogue, and JSON.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Redirect, Response};
use launchpad_domain::{AppId, Problems, Session};
use launchpad_services::{LaunchRequest, ServiceError};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::frame::{Frame, drawn};
use super::launch_form::{self, LaunchForm};
use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::{FormBody, JsonBody};
use crate::json::{LaunchBody, SessionDocument};
use crate::visitor::SignedIn;

/// The button of an app, or its launch form.
#[derive(Debug, Deserialize)]
pub(super) struct SentForm {
    app_id: String,
    /// There where the launch form itself was sent.
    #[serde(default)]
    asked: String,
    /// Its fields.
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

/// `POST /sessions`: launches and leads to the session's page; to the launch form first where there is one.
pub(super) async fn by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    FormBody(sent): FormBody<SentForm>,
) -> Result<Response, WebError> {
    let id = app_id(&sent.app_id)?;
    let app = site.services.catalogue.get(&id).await?.app;
    let asked = LaunchForm::of(&site, &caller, &app).await;
    if !asked.form.fields.is_empty() && sent.asked.is_empty() {
        return Ok(Redirect::to(&format!("/apps/{id}")).into_response());
    }
    let texts = launch_form::entered(&sent.fields);
    let launched = match asked.read(&texts) {
        Ok(params) => launch(&site, &caller, id, params).await,
        Err(problems) => Err(problems.into()),
    };
    match launched {
        Ok(session) => Ok(Redirect::to(&format!("/sessions/{}", session.id)).into_response()),
        Err(ServiceError::Invalid(problems)) if !asked.form.fields.is_empty() => {
            let page = asked.page(&site, frame, &app, &texts, problems);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn(&page)?).into_response())
        }
        Err(error) => Err(error.into()),
    }
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
    let id = app_id(&body.app_id)?;
    let session = launch(&site, &caller, id, body.params.unwrap_or_default()).await?;
    let location = [(LOCATION, format!("/api/sessions/{}", session.id))];
    let document = Json(SessionDocument::from(&session));
    Ok((StatusCode::CREATED, location, document).into_response())
}

fn app_id(text: &str) -> Result<AppId, Problems> {
    text.parse()
        .map_err(|message: String| Problems::one("app_id", message))
}

async fn launch(
    site: &Site,
    caller: &SignedIn,
    app_id: AppId,
    params: Map<String, Value>,
) -> Result<Session, ServiceError> {
    let request = LaunchRequest { app_id, params };
    let sessions = &site.services.sessions;
    sessions.launch(&caller.actor, &caller.viewer, request).await
}
