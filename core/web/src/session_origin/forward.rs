//! From a browser to an app and back.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, StatusCode, Version};
use axum::response::Response;
use futures::stream;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use launchpad_domain::SessionId;
use launchpad_services::sessions::{Answered, Place};
use tokio::io::copy_bidirectional;

use super::{Entered, Refusal, headers};
use crate::Site;
use crate::relay::watch;
use crate::visitor::PeerAddress;

/// Most bytes of what a browser sends in one request: an upload of some size.
const MAX_BODY: usize = 1_024 * 1_024 * 1_024;

/// Hands a request to the app and its answer to the browser. Both may last: they are cut when the session ends, and within
/// seconds when the viewer may not look any more.
pub(super) async fn forward(
    site: &Site,
    id: SessionId,
    entered: Entered,
    mut request: Request,
) -> Result<Response, Refusal> {
    check(&request)?;
    let browser = is_websocket(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let peer = request.extensions().get::<PeerAddress>().copied();
    let (mut head, body) = request.into_parts();
    let scheme = if site.address.as_str().starts_with("https:") {
        "https"
    } else {
        "http"
    };
    let peer = peer.map(|peer| peer.0.ip().to_canonical().to_string());
    headers::inward(&mut head.headers, scheme, peer);
    if browser.is_some() {
        headers::switching(&mut head.headers);
    }
    head.extensions.clear();
    let request = Request::from_parts(head, Limited::new(body, MAX_BODY).boxed_unsync());
    let Answered { response, place } = site.services.sessions.request(id, request).await?;
    let seen = Seen {
        site: site.clone(),
        id,
        entered,
        _place: place,
    };
    match (browser, response.status()) {
        (Some(browser), StatusCode::SWITCHING_PROTOCOLS) if is_websocket(response.headers()) => {
            Ok(switched(seen, browser, response))
        }
        (_, StatusCode::SWITCHING_PROTOCOLS) => Err(Refusal::Request(
            StatusCode::BAD_GATEWAY,
            "The app switched to a protocol that nobody asked for.",
        )),
        _ => Ok(answered(seen, response)),
    }
}

/// What two servers could understand differently is not handed on.
fn check(request: &Request) -> Result<(), Refusal> {
    let refuse = |words| Err(Refusal::Request(StatusCode::BAD_REQUEST, words));
    let headers = request.headers();
    let codings = headers.get_all(TRANSFER_ENCODING).iter().count();
    if codings > 1 || (codings == 1 && headers.contains_key(CONTENT_LENGTH)) {
        return refuse("The length of this request is said in two ways.");
    }
    if request.version() < Version::HTTP_11 && codings > 0 {
        return refuse("HTTP/1.0 has no chunked bodies.");
    }
    if request.method() == axum::http::Method::CONNECT {
        return refuse("Apps connect to nobody for a browser.");
    }
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(Refusal::Request(
            StatusCode::PAYLOAD_TOO_LARGE,
            "This is more than 1 GiB.",
        ));
    }
    Ok(())
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let lists = |name, word: &str| {
        let values = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(word))
    };
    lists(CONNECTION, "upgrade") && lists(UPGRADE, "websocket")
}

/// An answer that is under way, and who gets it.
struct Seen {
    site: Site,
    id: SessionId,
    entered: Entered,
    _place: Place,
}

impl Seen {
    /// Ends when it has to be cut.
    async fn over(self) {
        watch(&self.site, self.id, || self.is_known()).await;
    }

    async fn is_known(&self) -> bool {
        let Entered { viewer, secret } = &self.entered;
        match self.site.services.accounts.viewer_of_entry(secret, self.id).await {
            Ok(known) => known.as_ref() == Some(viewer),
            // A database that is away for a moment takes nobody's rights.
            Err(error) => {
                tracing::warn!(%error, "could not look again who sees a session's pages");
                true
            }
        }
    }
}

fn answered(seen: Seen, response: Response<Incoming>) -> Response {
    let (mut head, body) = response.into_parts();
    headers::outward(&mut head.headers);
    headers::guarding(&mut head.headers);
    head.extensions.clear();
    let body = if hyper::body::Body::is_end_stream(&body) {
        Body::empty()
    } else {
        until_over(seen, body)
    };
    Response::from_parts(head, body)
}

/// The body, broken off with an error when it has to be cut: a browser shall not take a part for the whole.
fn until_over(seen: Seen, body: Incoming) -> Body {
    let over = Box::pin(seen.over());
    let frames = stream::unfold(Some((body.into_data_stream(), over)), async |state| {
        let (mut body, mut over) = state?;
        tokio::select! {
            part = futures::StreamExt::next(&mut body) => match part? {
                Ok(bytes) => Some((Ok(bytes), Some((body, over)))),
                Err(error) => Some((Err(std::io::Error::other(error)), None)),
            },
            () = &mut over => Some((Err(std::io::Error::other("the session is over")), None)),
        }
    });
    Body::from_stream(frames)
}

/// The app speaks another protocol from now on: bytes both ways, as they are.
fn switched(seen: Seen, browser: OnUpgrade, mut response: Response<Incoming>) -> Response {
    let app = hyper::upgrade::on(&mut response);
    let (mut head, _) = response.into_parts();
    headers::outward(&mut head.headers);
    headers::switching(&mut head.headers);
    head.extensions.clear();
    // Ends with either side, with the session, with the viewer's right or with the portal: `over` knows the last three.
    tokio::spawn(async move {
        let _viewer = seen.site.services.sessions.viewed(seen.id);
        let carried = async {
            let (browser, app) = tokio::try_join!(browser, app).map_err(std::io::Error::other)?;
            copy_bidirectional(&mut TokioIo::new(browser), &mut TokioIo::new(app)).await
        };
        tokio::select! {
            ended = carried => tracing::debug!(?ended, "a tunnel ended"),
            () = seen.over() => tracing::debug!("a tunnel was cut"),
        }
    });
    Response::from_parts(head, Body::empty())
}
