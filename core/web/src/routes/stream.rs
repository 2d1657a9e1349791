//! The screen of a session.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use launchpad_domain::Session;

use crate::Site;
use crate::error::WebError;
use crate::relay;
use crate::visitor::Visitor;

/// What is read from a browser at once. The library's own 128 KiB would be held by every idle stream.
const READ_BUFFER: usize = 4 * 1_024;
/// Most bytes of one message of a browser: a clipboard is the largest thing it sends.
const MAX_MESSAGE: usize = 1_024 * 1_024;
/// Most bytes that wait for a browser that does not take them.
const MAX_WAITING: usize = 256 * 1_024;

/// `GET /ws/sessions/{id}`: connects to the session's endpoint first, so that a screen that does not answer is an
/// ordinary error, and then relays. The subprotocol `binary` is answered where it is offered.
pub(super) async fn open(
    State(site): State<Site>,
    visitor: Visitor,
    Extension(session): Extension<Arc<Session>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, WebError> {
    let upgrade = upgrade.map_err(|error| WebError::NoUpgrade(error.body_text()))?;
    let pod = site.services.sessions.connect(session.id).await?;
    Ok(upgrade
        .protocols(["binary"])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WAITING)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| relay::relay(site, session.id, visitor, socket, pod)))
}
