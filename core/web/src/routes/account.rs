//! The viewer's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use launchpad_domain::{Problems, TokenId};
use launchpad_services::{ServiceError, Services};
use serde::Deserialize;

use super::frame::{Frame, drawn};
use super::sign_in::remember;
use crate::Site;
use crate::error::WebError;
use crate::input::{FormBody, Id};
use crate::said::Said;
use crate::views::{AccountPage, Page, TokenRow};
use crate::visitor::SignedIn;

/// How long an API token made here lives.
const TOKEN_LIFETIME: chrono::Duration = chrono::Duration::days(90);

/// The form that changes the password.
#[derive(Deserialize)]
pub(super) struct PasswordForm {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    new_password: String,
}

/// `GET /account`.
pub(super) async fn show(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
) -> Result<Html<String>, WebError> {
    drawn(&account_page(&site.services, &caller, frame, None, Problems::none()).await?)
}

/// `POST /account/password`: ends all the account's sign-ins but this one.
pub(super) async fn set_password(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    FormBody(form): FormBody<PasswordForm>,
) -> Result<Response, WebError> {
    let accounts = &site.services.accounts;
    let changed = accounts
        .change_password(
            &caller.actor,
            &caller.viewer,
            &form.current_password,
            &form.new_password,
        )
        .await;
    match changed {
        Ok(fresh) => {
            let led = Said::PasswordChanged.at(&site, "/account");
            Ok((remember(&site, &fresh), led).into_response())
        }
        Err(ServiceError::Invalid(problems)) => {
            let page = account_page(&site.services, &caller, frame, None, problems).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn(&page)?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /account/tokens`: the secret of the new token is in this answer and nowhere else.
pub(super) async fn create_token(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
) -> Result<Html<String>, WebError> {
    let (_, secret) = site
        .services
        .accounts
        .create_token(&caller.actor, caller.viewer.name.as_str(), TOKEN_LIFETIME)
        .await?;
    drawn(&account_page(&site.services, &caller, frame, Some(secret), Problems::none()).await?)
}

/// `POST /account/tokens/{id}/revoke`: only the viewer's own.
pub(super) async fn revoke_token(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<TokenId>,
) -> Result<Response, WebError> {
    let accounts = &site.services.accounts;
    let own = accounts.tokens(Some(caller.viewer.name.as_str())).await?;
    if !own.iter().any(|token| token.id == id) {
        return Err(ServiceError::NotFound("token").into());
    }
    accounts.revoke_token(&caller.actor, id).await?;
    Ok(Said::TokenRevoked.at(&site, "/account"))
}

async fn account_page(
    services: &Services,
    caller: &SignedIn,
    frame: Page,
    new_token: Option<String>,
    problems: Problems,
) -> Result<AccountPage, WebError> {
    let tokens = services
        .accounts
        .tokens(Some(caller.viewer.name.as_str()))
        .await?;
    let rows = tokens
        .iter()
        .map(|token| TokenRow::new(token.id, token.created_at, token.expires_at))
        .collect();
    let page = AccountPage::new(frame, rows, new_token, problems);
    match services.workspaces.of_user(caller.viewer.id).await {
        Ok(workspaces) => Ok(page.keeping(&workspaces)),
        // The rest of the page needs no engine.
        Err(ServiceError::EngineAway(_)) => Ok(page),
        Err(error) => Err(error.into()),
    }
}
