//! Connections: accepted, bounded in number and in patience, and carried to a service.
//!
//! Written by ourselves because `axum::serve` waits for slow clients as long as they like: a connection that sends
//! nothing, a header that drips, a body that drips, an answer that nobody reads. Each ends here by a deadline.

mod body;
mod count;
mod stall;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use launchpad_web::PeerAddress;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};

pub(crate) use body::PacedBody;
use count::Count;
use stall::Stalled;

use crate::config::Connections;
use crate::error::ServerError;

/// How long a connection may wait with its first byte, and with each whole header.
const HEADER: Duration = Duration::from_secs(10);
/// How long open requests may go on after the end of the program was asked for.
const GRACE: Duration = Duration::from_secs(5);
/// How long accepting rests when the system has no more descriptors.
const REST: Duration = Duration::from_millis(100);

/// An open port.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    count: Count,
}

impl Listener {
    /// Opens the port.
    pub(crate) async fn bind(address: SocketAddr, most: Connections) -> Result<Self, ServerError> {
        let tcp = TcpListener::bind(address)
            .await
            .map_err(|cause| ServerError::Listen {
                address: address.to_string(),
                cause,
            })?;
        Ok(Self {
            tcp,
            count: Count::new(most),
        })
    }

    /// Answers until `stopping`, and then lets open requests end for a few seconds.
    pub(crate) async fn serve<S, B>(self, service: S, stopping: CancellationToken)
    where
        S: Service<Request<PacedBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let connections = TaskTracker::new();
        while let Some(accepted) = stopping.run_until_cancelled(self.tcp.accept()).await {
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or a connection that was gone before it was accepted.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            let Some(place) = self.count.enter(peer.ip()) else {
                metrics::counter!("launchpad_connections_refused_total").increment(1);
                continue;
            };
            let (service, stopping) = (service.clone(), stopping.clone());
            connections.spawn(async move {
                carry(stream, peer, service, stopping).await;
                drop(place);
            });
        }
        connections.close();
        if tokio::time::timeout(GRACE, connections.wait()).await.is_err() {
            tracing::info!(open = connections.len(), "connections are cut");
        }
    }
}

/// One connection, from its first byte to its end.
async fn carry<S, B>(stream: TcpStream, peer: SocketAddr, service: S, stopping: CancellationToken)
where
    S: Service<Request<PacedBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // hyper counts the header's time from its first byte.
    if !matches!(
        tokio::time::timeout(HEADER, stream.peek(&mut [0])).await,
        Ok(Ok(1..))
    ) {
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone at once");
        return;
    }
    let service = service.map_request(move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(PacedBody::new);
        request.extensions_mut().insert(PeerAddress(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .serve_connection(
            TokioIo::new(Stalled::new(stream)),
            TowerToHyperService::new(service),
        )
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}

#[cfg(test)]
mod tests;
