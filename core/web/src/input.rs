//! Bodies on their way in: bounded, of the right type, and refused with one voice.

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Form, FromRequest, FromRequestParts, Json, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use launchpad_services::ServiceError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

use crate::error::WebError;

/// Most bytes of a body.
pub(crate) const MAX_BODY: usize = 1_024 * 1_024;

/// A JSON body. Members that the type does not know are ignored, as everywhere under `/api`.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(WebError::WrongType("application/json")),
            Err(JsonRejection::BytesRejection(error)) => Err(broken_body(error.status())),
            Err(error) => Err(WebError::Unreadable(error.body_text())),
        }
    }
}

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct FormBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for FormBody<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        match Form::<T>::from_request(request, state).await {
            Ok(Form(value)) => Ok(Self(value)),
            Err(FormRejection::InvalidFormContentType(_)) => {
                Err(WebError::WrongType("application/x-www-form-urlencoded"))
            }
            Err(FormRejection::BytesRejection(error)) => Err(broken_body(error.status())),
            Err(error) => Err(WebError::Unreadable(error.body_text())),
        }
    }
}

fn broken_body(status: StatusCode) -> WebError {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        WebError::TooLarge
    } else {
        WebError::TooSlow
    }
}

/// What the query says. Parameters that the type does not know are ignored.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|query| Self(query.0))
            .map_err(|error| WebError::Unreadable(error.body_text()))
    }
}

/// The id in the path. One that is none names nothing.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

/// What an id names, for the answer when there is none.
pub(crate) trait Named: FromStr {
    /// The word: `app`.
    const NOUN: &'static str;
}

impl Named for launchpad_domain::AppId {
    const NOUN: &'static str = "app";
}
impl Named for launchpad_domain::LaunchTypeId {
    const NOUN: &'static str = "plugin";
}
impl Named for launchpad_domain::WorkspaceName {
    const NOUN: &'static str = "workspace";
}
impl Named for launchpad_domain::TokenId {
    const NOUN: &'static str = "token";
}

impl<S: Send + Sync, T: Named> FromRequestParts<S> for Id<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let unknown = || WebError::from(ServiceError::NotFound(T::NOUN));
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| unknown())?;
        text.parse().map(Self).map_err(|_| unknown())
    }
}

/// A text member that may be absent or null, which both mean `""`.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Option<String>")]
pub(crate) struct Text(pub(crate) String);

impl From<Option<String>> for Text {
    fn from(text: Option<String>) -> Self {
        Self(text.unwrap_or_default())
    }
}
