//! The stream: bytes between a browser's WebSocket and a session's endpoint, as they are.
//!
//! Neither side is read faster than the other one takes it, and no more than one buffer per direction is held: what a
//! slow viewer does not take stays in the pod. The portal does not look into what it relays.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::BytesMut;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use launchpad_domain::{ByteStream, SessionId, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::Site;
use crate::visitor::Visitor;

/// The buffer of an idle stream; most of what ten thousand of them cost.
const SMALL: usize = 4 * 1_024;
/// The buffer of a stream that carries moving pictures.
const LARGE: usize = 64 * 1_024;
/// How often the browser is asked whether it is there. Less than what proxies call idle.
const PING: Duration = Duration::from_secs(20);
/// How long a browser may say nothing, not even that it is there.
const SILENT: Duration = Duration::from_mins(1);
/// How often it is asked anew whether the viewer may look: rights end within five seconds.
const LOOK_AGAIN: Duration = Duration::from_secs(4);

/// Why a stream ended; the browser shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    SessionOver,
    RightLost,
    Stopping,
    PodClosed,
    Silent,
    BrowserGone,
}

impl End {
    /// Code (RFC 6455, section 7.4.1) and reason.
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::SessionOver => (close_code::NORMAL, "session-over"),
            Self::RightLost => (close_code::POLICY, "right-lost"),
            Self::Stopping => (close_code::RESTART, "portal-stopping"),
            Self::PodClosed => (close_code::AWAY, "screen-closed"),
            Self::Silent | Self::BrowserGone => return None,
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}

/// Relays until one side ends, the session ends, or the viewer loses the right to look.
pub(crate) async fn relay(
    site: Site,
    id: SessionId,
    visitor: Visitor,
    socket: WebSocket,
    pod: Box<dyn ByteStream>,
) {
    let _viewer = site.services.sessions.viewed(id);
    let (mut to_browser, mut from_browser) = socket.split();
    let (from_pod, to_pod) = tokio::io::split(pod);
    let heard = tokio::sync::watch::Sender::new(Instant::now());
    let end = tokio::select! {
        end = down(from_pod, &mut to_browser, heard.subscribe()) => end,
        end = up(&mut from_browser, to_pod, &heard) => end,
        end = watch(&site, id, || visitor.is_still_known(&site)) => end,
    };
    tracing::debug!(session = %id, ?end, "a stream ended");
    let close = async {
        if let Some(frame) = end.frame() {
            let _ = to_browser.send(Message::Close(Some(frame))).await;
        }
        let _ = to_browser.close().await;
    };
    // A browser that takes nothing any more does not hold the task.
    let _ = tokio::time::timeout(Duration::from_secs(2), close).await;
}

/// Pod to browser, with the pings in between.
async fn down(
    mut pod: ReadHalf<Box<dyn ByteStream>>,
    browser: &mut SplitSink<WebSocket, Message>,
    heard: tokio::sync::watch::Receiver<Instant>,
) -> End {
    let mut size = SMALL;
    let mut buffer = BytesMut::with_capacity(size);
    let mut pings = interval_at(Instant::now() + PING, PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            read = pod.read_buf(&mut buffer) => match read {
                Ok(0) | Err(_) => return End::PodClosed,
                Ok(_) => Message::Binary(buffer.split().freeze()),
            },
            _ = pings.tick() => {
                if heard.borrow().elapsed() > SILENT {
                    return End::Silent;
                }
                Message::Ping(bytes::Bytes::new())
            }
        };
        if let Message::Binary(bytes) = &message {
            size = next_size(size, bytes.len());
        }
        if browser.send(message).await.is_err() {
            return End::BrowserGone;
        }
        buffer.reserve(size);
    }
}

/// A buffer that was filled was too small; one that was hardly used, too large.
fn next_size(size: usize, used: usize) -> usize {
    if used >= size {
        (size * 2).min(LARGE)
    } else if used < size / 8 {
        (size / 2).max(SMALL)
    } else {
        size
    }
}

/// Browser to pod: keys, mouse, clipboard.
async fn up(
    browser: &mut SplitStream<WebSocket>,
    mut pod: WriteHalf<Box<dyn ByteStream>>,
    heard: &tokio::sync::watch::Sender<Instant>,
) -> End {
    while let Some(Ok(message)) = browser.next().await {
        heard.send_replace(Instant::now());
        match message {
            Message::Binary(bytes) => {
                if pod.write_all(&bytes).await.is_err() {
                    return End::PodClosed;
                }
            }
            Message::Close(_) => return End::BrowserGone,
            // The library answers pings; text is nothing that a viewer sends.
            Message::Ping(_) | Message::Pong(_) | Message::Text(_) => {}
        }
    }
    End::BrowserGone
}

/// Ends when the session does, when the viewer may not look any more, or when the portal stops. `is_known` asks whether
/// they are still who they were.
pub(crate) async fn watch<F: Future<Output = bool>>(
    site: &Site,
    id: SessionId,
    is_known: impl Fn() -> F,
) -> End {
    let mut follower = site.services.sessions.follow(id);
    let mut look = interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = site.stopping.cancelled() => return End::Stopping,
            () = follower.changed() => {}
            _ = look.tick() => {
                if !is_known().await {
                    return End::RightLost;
                }
            }
        }
        match site.services.sessions.recent(id).await {
            Ok(session) if session.status == Status::Running => {}
            Ok(_) => return End::SessionOver,
            Err(error) => tracing::warn!(session = %id, %error, "could not look at a session that streams"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_follow_what_is_carried() {
        let mut size = SMALL;
        for _ in 0..10 {
            size = next_size(size, size);
        }
        assert_eq!(size, LARGE);
        for _ in 0..10 {
            size = next_size(size, 100);
        }
        assert_eq!(size, SMALL);
    }
}
