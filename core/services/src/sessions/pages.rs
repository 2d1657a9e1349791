//! HTTP to the endpoints of sessions.
//!
//! Connections are kept and used again, each for one session alone, and a session has one owner: no connection ever
//! carries the requests of two people. A connection goes where the runtime says that the session's endpoint is, and
//! nowhere else: no address in a request or an answer is ever followed.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, Uri, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use launchpad_domain::{ByteStream, Runtime, RuntimeError, SessionId};
use launchpad_store::Store;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::workload;
use crate::ServiceError;

/// The body of a request to a session.
pub type PageBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Requests that one session may have under way, open tunnels and long polls among them.
const AT_ONCE: usize = 64;
/// How long the header of an answer may take. Long polls answer within a minute; what a browser waits for is not longer.
const ANSWER: Duration = Duration::from_mins(2);
/// Connections of a session that are kept for later, and for how long.
const KEPT: usize = 8;
const KEPT_FOR: Duration = Duration::from_secs(30);
/// Most bytes of an answer's header, and most lines of it.
const HEADER: usize = 64 * 1_024;
const HEADER_LINES: usize = 128;
/// How long one question whether a session is ready may take.
const QUESTION: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a session answered.
#[derive(Debug)]
pub struct Answered {
    /// Header and body; a body may last.
    pub response: Response<Incoming>,
    /// To be kept until the answer is over.
    pub place: Place,
}

/// A place among the requests that a session may have under way.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "counts while it lives")] OwnedSemaphorePermit);

/// The way to all sessions that serve pages.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    client: Client<Dial, PageBody>,
    places: Cache<SessionId, Arc<Semaphore>>,
}

impl Pages {
    pub(super) fn new(runtime: Arc<dyn Runtime>, store: Store) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT)
            .http1_max_buf_size(HEADER)
            .http1_max_headers(HEADER_LINES)
            .build(Dial { runtime, store });
        Self {
            client,
            places: Cache::builder()
                .max_capacity(20_000)
                .time_to_idle(Duration::from_mins(10))
                .build(),
        }
    }

    /// Sends a request to the session; only path and query of its address count.
    pub(super) async fn request(
        &self,
        id: SessionId,
        mut request: Request<PageBody>,
    ) -> Result<Answered, ServiceError> {
        let places = self.places.get_with(id, || Arc::new(Semaphore::new(AT_ONCE)));
        let place = places.try_acquire_owned().map_err(|_| ServiceError::OverLimit {
            message: format!("{AT_ONCE} requests to this session are under way already."),
            retry_after_s: 1,
        })?;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        // The authority is by what the client tells connections apart; the session itself sees the header `Host`.
        *request.uri_mut() = format!("http://{id}{path}")
            .parse::<Uri>()
            .map_err(|error| ServiceError::Internal(format!("no address to a session: {error}")))?;
        *request.version_mut() = Version::HTTP_11;
        let response = tokio::time::timeout(ANSWER, self.client.request(request))
            .await
            .map_err(|_| no_answer(&format!("no answer within {} s", ANSWER.as_secs())))?
            .map_err(|error| no_answer(&chain(&error)))?;
        Ok(Answered {
            response,
            place: Place(place),
        })
    }

    /// Asks a page until it is answered with a status below 400. The caller bounds the wait by dropping the future.
    pub(super) async fn until_well(&self, id: SessionId, path: &str) {
        let mut pause = FIRST_PAUSE;
        while !self.is_well(id, path).await {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn is_well(&self, id: SessionId, path: &str) -> bool {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::get(path).header("host", "localhost").body(body);
        let Ok(request) = request else { return false };
        match tokio::time::timeout(QUESTION, self.request(id, request)).await {
            Ok(Ok(answer)) => answer.response.status().as_u16() < 400,
            Ok(Err(error)) => {
                tracing::debug!(session = %id, %error, "a session is not ready yet");
                false
            }
            Err(_) => false,
        }
    }
}

fn no_answer(cause: &str) -> ServiceError {
    ServiceError::EngineAway(format!("The app does not answer: {cause}"))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Opens a connection to the session that an address names.
#[derive(Debug, Clone)]
struct Dial {
    runtime: Arc<dyn Runtime>,
    store: Store,
}

impl Service<Uri> for Dial {
    type Response = Pipe;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Pipe>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let dial = self.clone();
        Box::pin(async move {
            let id: SessionId = address
                .host()
                .unwrap_or_default()
                .parse()
                .map_err(io::Error::other)?;
            let gone = || io::Error::from(io::ErrorKind::NotFound);
            let session = dial.store.sessions().get(id).await.map_err(io::Error::other)?;
            let session = session
                .filter(|session| session.status.is_live())
                .ok_or_else(gone)?;
            let workload = workload(&dial.store, &session).ok_or_else(gone)?;
            match dial.runtime.connect(&workload).await {
                Ok(stream) => Ok(Pipe(TokioIo::new(stream))),
                Err(error @ RuntimeError::NoAnswer(_)) => {
                    Err(io::Error::new(io::ErrorKind::ConnectionRefused, error))
                }
                Err(error) => Err(io::Error::other(error)),
            }
        })
    }
}

/// A connection to a session's endpoint.
struct Pipe(TokioIo<Box<dyn ByteStream>>);

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
