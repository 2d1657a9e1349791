//! Every error of every route, told in one place: a problem document for scripts, a page for people.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use launchpad_domain::{FieldProblem, HookError, Problems, Refusal};
use launchpad_services::ServiceError;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

use crate::Site;
use crate::headers::RequestId;
use crate::visitor::Visitor;

/// Why a request is not answered as it was meant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    /// A use case did not do it.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A page of another origin sent it.
    #[error("this request did not come from a page of this portal")]
    ForeignOrigin,
    /// The body cannot be read as what it says it is.
    #[error("{0}")]
    Unreadable(String),
    /// The body says that it is something else than this route takes.
    #[error("the body must be of type {0}")]
    WrongType(&'static str),
    /// The body has more bytes than any request needs.
    #[error("the body is larger than 1 MiB")]
    TooLarge,
    /// The body came too slowly, or broke off.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// No route has this path.
    #[error("there is no such page")]
    NoRoute,
    /// A route has this path, but not this method.
    #[error("this address does not answer to this method")]
    WrongMethod,
    /// The request should have opened a WebSocket.
    #[error("this address opens a WebSocket: {0}")]
    NoUpgrade(String),
    /// A handler asked who sent a request that no guard has looked at.
    #[error("a route has no guard")]
    Unguarded,
    /// A handler panicked.
    #[error("a handler panicked")]
    Panicked,
    /// A page could not be written.
    #[error("a page could not be written: {0}")]
    Page(#[from] askama::Error),
}

/// What is told about an error, and to whom it is told is not decided yet.
#[derive(Debug, Clone)]
struct Told {
    sentence: String,
    problems: Vec<FieldProblem>,
    sign_in_helps: bool,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// The kind of problem: `about:blank`, the status says it all.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The status in words.
    #[schema(example = "Unprocessable Content")]
    title: String,
    /// The status.
    #[schema(example = 422)]
    status: u16,
    /// What is wrong, in a sentence.
    detail: String,
    /// Every field that is wrong, where fields are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemAt>,
    /// By which the server's log and audit log name the request.
    request_id: String,
}

/// One wrong field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemAt {
    /// The field: `settings.memory`.
    path: String,
    /// What is wrong with it.
    message: String,
}

impl From<Problems> for WebError {
    fn from(problems: Problems) -> Self {
        Self::Service(problems.into())
    }
}

impl WebError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Service(error) => status_of(error),
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::Unreadable(_) | Self::NoUpgrade(_) => StatusCode::BAD_REQUEST,
            Self::WrongType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unguarded | Self::Panicked | Self::Page(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn sentence(&self, status: StatusCode) -> String {
        // What broke inside is for the log, which has it under the request's id.
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            return "Something broke in the portal. Its log says what, under the request id below."
                .to_owned();
        }
        let text = match self {
            Self::Service(ServiceError::Invalid(problems)) => match problems.0.as_slice() {
                [only] if only.path.is_empty() => only.message.clone(),
                [_] => "One value is wrong.".to_owned(),
                several => format!("{} values are wrong.", several.len()),
            },
            other => other.to_string(),
        };
        as_sentence(&text)
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Service(ServiceError::OverLimit { retry_after_s, .. }) => Some(*retry_after_s),
            Self::Service(ServiceError::Busy(_) | ServiceError::EngineAway(_)) => Some(5),
            _ => None,
        }
    }
}

fn status_of(error: &ServiceError) -> StatusCode {
    match error {
        ServiceError::Invalid(_) | ServiceError::OpensLink { .. } | ServiceError::OpensPod { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ServiceError::NotFound(_) | ServiceError::Refused(Refusal::Hidden) => StatusCode::NOT_FOUND,
        ServiceError::Refused(Refusal::SignInFirst) | ServiceError::WrongPassword => StatusCode::UNAUTHORIZED,
        ServiceError::Refused(Refusal::Forbidden) | ServiceError::LaunchType(HookError::Denied(_)) => {
            StatusCode::FORBIDDEN
        }
        ServiceError::Taken(_) | ServiceError::InUse(_) => StatusCode::CONFLICT,
        ServiceError::Stale => StatusCode::PRECONDITION_FAILED,
        ServiceError::OverLimit { .. } => StatusCode::TOO_MANY_REQUESTS,
        ServiceError::EngineAway(_) | ServiceError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        ServiceError::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
        ServiceError::LaunchType(_) => StatusCode::BAD_GATEWAY,
        ServiceError::Internal(_) | ServiceError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn as_sentence(text: &str) -> String {
    let mut sentence = String::new();
    let mut chars = text.trim().chars();
    sentence.extend(chars.next().into_iter().flat_map(char::to_uppercase));
    sentence.push_str(chars.as_str());
    if !sentence.ends_with(['.', '!', '?', ':']) {
        sentence.push('.');
    }
    sentence
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            let cause: &dyn std::error::Error = &self;
            tracing::error!(error = %chain(cause), "a request failed");
        }
        let mut response = status.into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Arc::new(Told {
            sentence: self.sentence(status),
            sign_in_helps: matches!(self, Self::Service(ServiceError::Refused(Refusal::SignInFirst))),
            problems: match self {
                Self::Service(ServiceError::Invalid(problems)) => problems.0,
                _ => Vec::new(),
            },
        }));
        response
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Gives errors their body: scripts get a problem document, people a page, or the way to sign in.
pub(crate) async fn tell(State(site): State<Site>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let for_scripts = is_for_scripts(&request);
    let request_id = request
        .extensions()
        .get::<RequestId>()
        .map_or_else(String::new, |id| id.0.to_string());
    let response = next.run(request).await;
    let Some(told) = response.extensions().get::<Arc<Told>>().cloned() else {
        return response;
    };
    if for_scripts {
        return as_document(response, &told, request_id);
    }
    if told.sign_in_helps {
        return to_sign_in(response, &uri);
    }
    as_page(&site, response, &told, &request_id)
}

/// Whether a script reads the answer: a way to the sign-in page would be followed, and the page taken for what was
/// asked for.
fn is_for_scripts(request: &Request) -> bool {
    let path = request.uri().path();
    ["/api/", "/ws/", "/apps.json"]
        .iter()
        .any(|start| path.starts_with(start))
        || path.ends_with("/events")
        || request.headers().contains_key("hx-request")
}

fn as_document(response: Response, told: &Told, request_id: String) -> Response {
    let status = response.status();
    let document = ProblemDocument {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail: told.sentence.clone(),
        problems: told
            .problems
            .iter()
            .map(|problem| ProblemAt {
                path: problem.path.clone(),
                message: problem.message.clone(),
            })
            .collect(),
        request_id,
    };
    let mut told = with_body_of(response, Json(document).into_response());
    told.headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        told.headers_mut().insert(
            axum::http::header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer"),
        );
    }
    told
}

fn to_sign_in(mut response: Response, uri: &Uri) -> Response {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", uri.path_and_query().map_or("/", |path| path.as_str()));
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(&format!("/sign-in?{}", query.finish())) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn as_page(site: &Site, response: Response, told: &Told, request_id: &str) -> Response {
    let viewer = response
        .extensions()
        .get::<Visitor>()
        .and_then(|visitor| visitor.viewer.clone());
    match crate::routes::error_page(
        site,
        viewer.as_ref(),
        response.status(),
        &told.sentence,
        request_id,
    ) {
        Ok(html) => with_body_of(response, Html(html).into_response()),
        Err(error) => {
            tracing::error!(%error, "the error page could not be written");
            response
        }
    }
}

/// The answer with the body and type of another, and its own status and other headers.
fn with_body_of(response: Response, body: Response) -> Response {
    let (mut head, _) = response.into_parts();
    let (body_head, body) = body.into_parts();
    if let Some(kind) = body_head.headers.get(CONTENT_TYPE) {
        head.headers.insert(CONTENT_TYPE, kind.clone());
    }
    Response::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_a_sentence() {
        assert_eq!(as_sentence("it was changed"), "It was changed.");
        assert_eq!(as_sentence("There is none."), "There is none.");
    }

    #[test]
    fn the_inside_of_a_fault_is_not_told() {
        let error = WebError::from(ServiceError::Internal("secret".into()));
        assert!(!error.sentence(error.status()).contains("secret"));
    }
}
