//! The first administrator.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use launchpad_domain::Problems;
use launchpad_services::ServiceError;
use serde::Deserialize;

use super::frame::{Frame, drawn};
use super::sign_in::remember;
use crate::Site;
use crate::error::WebError;
use crate::input::FormBody;
use crate::views::SetupPage;
use crate::visitor::Visitor;

/// The form.
#[derive(Deserialize)]
pub(super) struct SetupForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

/// `GET /setup`: the link's secret is in the fragment, which browsers keep to themselves; the page's script puts it
/// into the form.
pub(super) async fn page(State(site): State<Site>, Frame(frame): Frame) -> Result<Response, WebError> {
    if !site.services.accounts.setup_open().await? {
        return Err(ServiceError::NotFound("page").into());
    }
    Ok(drawn(&SetupPage::new(frame, "", "", Problems::none()))?.into_response())
}

/// `POST /setup`.
pub(super) async fn set_up(
    State(site): State<Site>,
    visitor: Visitor,
    Frame(frame): Frame,
    FormBody(form): FormBody<SetupForm>,
) -> Result<Response, WebError> {
    let actor = visitor.actor_as(&form.name);
    let accounts = &site.services.accounts;
    match accounts
        .set_up(&actor, &form.token, &form.name, &form.password)
        .await
    {
        Ok(fresh) => Ok((remember(&site, &fresh), Redirect::to("/")).into_response()),
        Err(ServiceError::Invalid(problems)) => {
            let page = SetupPage::new(frame, &form.token, &form.name, problems);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn(&page)?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
