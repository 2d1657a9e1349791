//! Who sent a request.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use cookie::Cookie;
use launchpad_domain::{Actor, SignInId, Viewer};
use launchpad_services::ServiceError;

use crate::Site;
use crate::error::WebError;
use crate::headers::RequestId;

/// The other end of the connection, which the listener notes on each request.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// What a request shows to prove who sent it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The secret of a browser's cookie.
    Cookie(String),
    /// An API token.
    Token(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cookie(_) => "Cookie(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

impl Credential {
    fn of(headers: &HeaderMap, cookie_name: &str) -> Option<Self> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            // A request that shows a token is judged by it alone, also where a browser would add its cookie.
            let token = value.to_str().ok()?.strip_prefix("Bearer ")?.trim();
            return Some(Self::Token(token.to_owned()));
        }
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .find(|cookie| cookie.name() == cookie_name)
            .map(|cookie| Self::Cookie(cookie.value().to_owned()))
    }
}

/// The sender of a request, as far as they are known.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// The account, if the credential is that of a live one.
    pub(crate) viewer: Option<Viewer>,
    /// The sign-in, where the credential is a cookie.
    pub(crate) sign_in: Option<SignInId>,
    /// What was shown.
    pub(crate) credential: Option<Credential>,
    origin: RequestOrigin,
}

#[derive(Debug, Clone)]
struct RequestOrigin {
    request_id: Option<String>,
    address: Option<String>,
}

impl RequestOrigin {
    fn of(extensions: &Extensions) -> Self {
        Self {
            request_id: extensions.get::<RequestId>().map(|id| id.0.to_string()),
            address: extensions
                .get::<PeerAddress>()
                .map(|peer| peer.0.ip().to_canonical().to_string()),
        }
    }
}

impl Visitor {
    /// Finds out who sent the request.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub(crate) async fn of(head: &Parts, site: &Site) -> Result<Self, ServiceError> {
        let credential = Credential::of(&head.headers, site.address.cookie_name());
        let (sign_in, viewer) = identify(site, credential.as_ref()).await?;
        Ok(Self {
            viewer,
            sign_in,
            credential,
            origin: RequestOrigin::of(&head.extensions),
        })
    }

    /// Whether the credential still belongs to the same account: for answers that last.
    pub(crate) async fn is_still_known(&self, site: &Site) -> bool {
        match identify(site, self.credential.as_ref()).await {
            Ok((_, viewer)) => viewer == self.viewer,
            // A database that is away for a moment takes nobody's rights.
            Err(error) => {
                tracing::warn!(%error, "could not look again who watches a stream");
                true
            }
        }
    }

    /// The sender as the audit log knows them.
    pub(crate) fn actor(&self) -> Actor {
        self.actor_as("")
    }

    /// The sender, who gives this name where nobody is signed in.
    pub(crate) fn actor_as(&self, name: &str) -> Actor {
        self.viewer
            .as_ref()
            .map_or_else(|| Actor::stranger(name), Actor::viewer)
            .through(self.origin.request_id.clone(), self.origin.address.clone())
    }
}

async fn identify(
    site: &Site,
    credential: Option<&Credential>,
) -> Result<(Option<SignInId>, Option<Viewer>), ServiceError> {
    let accounts = &site.services.accounts;
    Ok(match credential {
        None => (None, None),
        Some(Credential::Token(token)) => (None, accounts.viewer_of_token(token).await?),
        Some(Credential::Cookie(secret)) => accounts
            .viewer_of_cookie(secret)
            .await?
            .map_or((None, None), |(sign_in, viewer)| (Some(sign_in), Some(viewer))),
    })
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        // The guard put it there; a route without a guard asks for no visitor.
        parts.extensions.get::<Self>().cloned().ok_or(WebError::Unguarded)
    }
}

/// The signed-in sender, for routes that need one.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) viewer: Viewer,
    /// The same as the audit log knows them.
    pub(crate) actor: Actor,
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        let actor = visitor.actor();
        let viewer = visitor.viewer.ok_or(WebError::Unguarded)?;
        Ok(Self { viewer, actor })
    }
}

/// Whether htmx asks, which wants a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Htmx(pub(crate) bool);

impl<S: Sync> FromRequestParts<S> for Htmx {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(
            parts
                .headers
                .get("hx-request")
                .is_some_and(|value| value == "true"),
        ))
    }
}
