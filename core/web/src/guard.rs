//! The one door: every route but the open ones is entered through it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::Method;
use axum::http::header::{ORIGIN, UPGRADE};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use launchpad_domain::{Action, AuditAction, Refusal, Session, SessionId, UserId, authorize};
use launchpad_services::ServiceError;

use crate::Site;
use crate::error::WebError;
use crate::visitor::{Credential, Visitor};

/// What a route asks of whoever enters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Nothing: the answer is the same for everybody and nobody is looked up.
    Open,
    /// Nothing, but the answer depends on who asks.
    Anyone,
    /// The right to do this.
    Needs(Action),
    /// The right to do this to the session that the path names, which has this owner.
    OfSession(fn(UserId) -> Action),
}

/// Lets a request through to its handler, or not.
pub(crate) async fn enter(
    State((site, access)): State<(Site, Access)>,
    request: Request,
    next: Next,
) -> Response {
    if matches!(access, Access::Open) {
        return next.run(request).await;
    }
    let (mut head, body) = request.into_parts();
    let visitor = match Visitor::of(&head, &site).await {
        Ok(visitor) => visitor,
        Err(error) => return WebError::from(error).into_response(),
    };
    let mut response = match admit(&site, access, &visitor, &mut head).await {
        Ok(()) => {
            head.extensions.insert(visitor.clone());
            next.run(Request::from_parts(head, body)).await
        }
        Err(error) => error.into_response(),
    };
    // The page that tells an error shows who is signed in.
    response.extensions_mut().insert(visitor);
    response
}

async fn admit(site: &Site, access: Access, visitor: &Visitor, head: &mut Parts) -> Result<(), WebError> {
    if !is_own_request(site, visitor, head) {
        record_refusal(site, visitor, head, "the request came from another origin").await?;
        return Err(WebError::ForeignOrigin);
    }
    let action = match access {
        Access::Open | Access::Anyone => return Ok(()),
        Access::Needs(action) => action,
        Access::OfSession(action_of) => {
            // Nobody learns whether a session exists before saying who they are.
            visitor
                .viewer
                .as_ref()
                .ok_or(ServiceError::Refused(Refusal::SignInFirst))?;
            let session = session_of(site, head).await?;
            let action = action_of(session.user_id);
            head.extensions.insert(session);
            action
        }
    };
    if let Err(refusal) = authorize(visitor.viewer.as_ref(), action) {
        if refusal == Refusal::Forbidden {
            record_refusal(site, visitor, head, "the role lacks the right").await?;
        }
        return Err(ServiceError::Refused(refusal).into());
    }
    Ok(())
}

/// The session that the path names; a name that is no id is as unknown as an id that is none's.
async fn session_of(site: &Site, head: &mut Parts) -> Result<Arc<Session>, WebError> {
    let unknown = || WebError::from(ServiceError::NotFound("session"));
    let Path(id) = Path::<String>::from_request_parts(head, site)
        .await
        .map_err(|_| unknown())?;
    let id: SessionId = id.parse().map_err(|_| unknown())?;
    Ok(Arc::new(site.services.sessions.get(id).await?))
}

/// Whether a request that changes something, or opens a stream, was sent by a page of ours.
///
/// Browsers send `Origin` with every such request. One that shows a cookie without it was not sent by a browser and
/// is refused: scripts show a token, which no browser adds by itself.
fn is_own_request(site: &Site, visitor: &Visitor, head: &Parts) -> bool {
    let changes = !matches!(head.method, Method::GET | Method::HEAD);
    let streams = head.headers.contains_key(UPGRADE);
    if !changes && !streams {
        return true;
    }
    match head.headers.get(ORIGIN) {
        Some(origin) => origin
            .to_str()
            .is_ok_and(|origin| site.address.is_own_origin(origin)),
        None => !matches!(visitor.credential, Some(Credential::Cookie(_))),
    }
}

async fn record_refusal(site: &Site, visitor: &Visitor, head: &Parts, why: &str) -> Result<(), ServiceError> {
    if visitor.viewer.is_none() {
        return Ok(());
    }
    let path: String = head.uri.path().chars().take(200).collect();
    let details = format!("{} {path}: {why}", head.method);
    site.services
        .audit
        .record(&visitor.actor(), AuditAction::RefuseAccess, &details)
        .await
}
