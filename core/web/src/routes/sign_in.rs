//! The way in and the way out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use cookie::{Cookie, SameSite};
use launchpad_services::{ServiceError, SignedIn as FreshSignIn};
use serde::Deserialize;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::error::WebError;
use crate::input::{FormBody, Query};
use crate::views::SignInPage;
use crate::visitor::{SignedIn, Visitor};

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub(super) struct Afterwards {
    #[serde(default)]
    next: String,
}

/// The form.
#[derive(Deserialize)]
pub(super) struct SignInForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`.
pub(super) async fn page(
    visitor: Visitor,
    Frame(frame): Frame,
    Query(afterwards): Query<Afterwards>,
) -> Result<Response, WebError> {
    let next = own_path(&afterwards.next);
    if visitor.viewer.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    Ok(drawn(&SignInPage::new(frame, "", next, None))?.into_response())
}

/// `POST /sign-in`.
pub(super) async fn sign_in(
    State(site): State<Site>,
    visitor: Visitor,
    Frame(frame): Frame,
    FormBody(form): FormBody<SignInForm>,
) -> Result<Response, WebError> {
    let next = own_path(&form.next);
    let actor = visitor.actor_as(&form.name);
    match site
        .services
        .accounts
        .sign_in(&actor, &form.name, &form.password)
        .await
    {
        Ok(fresh) => Ok((remember(&site, &fresh), Redirect::to(next)).into_response()),
        Err(error @ ServiceError::WrongPassword) => {
            let page = SignInPage::new(
                frame,
                &form.name,
                next,
                Some("Name or password is wrong.".to_owned()),
            );
            tracing::debug!(%error, "a sign-in was refused");
            Ok((StatusCode::UNAUTHORIZED, drawn(&page)?).into_response())
        }
        Err(ServiceError::OverLimit {
            message,
            retry_after_s,
        }) => {
            let page = SignInPage::new(frame, &form.name, next, Some(message));
            let wait = [(RETRY_AFTER, retry_after_s.to_string())];
            Ok((StatusCode::TOO_MANY_REQUESTS, wait, drawn(&page)?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /sign-out`.
pub(super) async fn sign_out(
    State(site): State<Site>,
    visitor: Visitor,
    caller: SignedIn,
) -> Result<Response, WebError> {
    if let Some(id) = visitor.sign_in {
        site.services.accounts.sign_out(&caller.actor, id).await?;
    }
    let mut cookie = blank(&site);
    cookie.make_removal();
    let forget = AppendHeaders([(SET_COOKIE, cookie.to_string())]);
    Ok((forget, Redirect::to("/sign-in")).into_response())
}

/// The header that makes the browser remember a sign-in, until it ends at the latest.
pub(super) fn remember(
    site: &Site,
    fresh: &FreshSignIn,
) -> AppendHeaders<[(axum::http::HeaderName, String); 1]> {
    let mut cookie = blank(site);
    cookie.set_value(fresh.secret.clone());
    AppendHeaders([(SET_COOKIE, cookie.to_string())])
}

/// The sign-in cookie without its value. It has no lifetime of its own: it ends with the browser, and the server knows
/// when it ends otherwise.
fn blank(site: &Site) -> Cookie<'static> {
    Cookie::build((site.address.cookie_name(), ""))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(site.address.is_guarded())
        .build()
}

/// The path of this portal that somebody wanted to see, or the catalogue: never another host (`//evil.example`,
/// `/\evil.example`).
fn own_path(next: &str) -> &str {
    let is_path = next.starts_with('/')
        && !next.starts_with("//")
        && next.len() <= 2_048
        && !next.contains(|c: char| c == '\\' || c.is_control());
    if is_path { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_no_other_host() {
        assert_eq!(own_path("/sessions?x=1"), "/sessions?x=1");
        for other in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "evil",
        ] {
            assert_eq!(own_path(other), "/", "{other}");
        }
    }
}
