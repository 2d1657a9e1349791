//! The way to a pod's port: by its address, or through the API server.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use launchpad_domain::{ByteStream, Endpoint, RuntimeError};
use tokio::time::timeout;

use super::ConnectBy;
use super::access::Access;
use super::faults::with_causes;
use super::state::Seen;
use crate::endpoint;

/// How long the API server may take to open a way, and an endpoint to say its first word.
const OPEN: Duration = Duration::from_secs(5);
/// Whoever refuses a connection is reached; only one that refuses so often in a row may be somebody in between.
const REFUSALS: u8 = 20;

/// A way to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Address = 1,
    Forward = 2,
}

/// Which ways there are, and which was good the last time.
#[derive(Debug)]
pub(super) struct Reach {
    by: ConnectBy,
    good: AtomicU8,
    refusals: AtomicU8,
}

impl Reach {
    pub(super) fn new(by: ConnectBy) -> Self {
        Self {
            by,
            good: AtomicU8::new(0),
            refusals: AtomicU8::new(0),
        }
    }

    /// The ways to try, the likeliest first. A pod of the cluster always has the first, and not the right for the other.
    fn ways(&self, inside: bool) -> &'static [Way] {
        match self.by {
            ConnectBy::Address => &[Way::Address],
            ConnectBy::Forward => &[Way::Forward],
            ConnectBy::Auto if inside => &[Way::Address],
            ConnectBy::Auto if self.good.load(Ordering::Relaxed) == Way::Forward as u8 => {
                &[Way::Forward, Way::Address]
            }
            ConnectBy::Auto => &[Way::Address, Way::Forward],
        }
    }

    /// Opens a connection to a port of the pod, by the first way that leads there.
    pub(super) async fn open(
        &self,
        access: &Access,
        seen: &Seen,
        port: u16,
    ) -> Result<Box<dyn ByteStream>, RuntimeError> {
        let inside = access.cluster().await?.home.is_some();
        let mut causes = Vec::new();
        for way in self.ways(inside) {
            match open_by(*way, access, seen, port).await {
                Ok(stream) => {
                    self.note(*way);
                    return Ok(stream);
                }
                Err(error) => causes.push(error.to_string()),
            }
        }
        Err(RuntimeError::NoAnswer(format!(
            "port {port} of pod {}: {}",
            seen.name,
            causes.join("; ")
        )))
    }

    /// Whether the endpoint says what it should, by any way.
    pub(super) async fn greets(&self, access: &Access, seen: &Seen, endpoint: &Endpoint) -> bool {
        let Ok(cluster) = access.cluster().await else {
            return false;
        };
        for way in self.ways(cluster.home.is_some()) {
            let greeted = timeout(OPEN, async {
                let mut stream = open_by(*way, access, seen, endpoint.port).await?;
                Ok(endpoint::greets(endpoint.kind, &mut stream).await)
            });
            match greeted.await {
                Ok(Ok(true)) => {
                    self.note(*way);
                    return true;
                }
                // It is there, and not up yet.
                Ok(Ok(false)) => return false,
                Ok(Err(error)) if is_refusal(&error) && self.refused() < REFUSALS => return false,
                Ok(Err(_)) | Err(_) => {}
            }
        }
        false
    }

    fn note(&self, way: Way) {
        self.good.store(way as u8, Ordering::Relaxed);
        self.refusals.store(0, Ordering::Relaxed);
    }

    fn refused(&self) -> u8 {
        let before = self.refusals.load(Ordering::Relaxed);
        let now = before.saturating_add(1);
        self.refusals.store(now, Ordering::Relaxed);
        now
    }
}

fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

async fn open_by(way: Way, access: &Access, seen: &Seen, port: u16) -> io::Result<Box<dyn ByteStream>> {
    match way {
        Way::Address => {
            let ip = seen
                .ip
                .as_deref()
                .ok_or_else(|| io::Error::other("no address yet"))?;
            // An address of the sixth version stands in brackets.
            let address = if ip.contains(':') {
                format!("[{ip}]:{port}")
            } else {
                format!("{ip}:{port}")
            };
            Ok(Box::new(endpoint::dial(&address).await?))
        }
        Way::Forward => forward(access, seen, port).await,
    }
}

async fn forward(access: &Access, seen: &Seen, port: u16) -> io::Result<Box<dyn ByteStream>> {
    let failed = |cause: String| io::Error::other(format!("port-forward: {cause}"));
    let pods = access
        .api::<Pod>()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let mut forwarder = timeout(OPEN, pods.portforward(&seen.name, &[port]))
        .await
        .map_err(|_| failed(format!("nothing within {} s", OPEN.as_secs())))?
        .map_err(|error| failed(with_causes(&error)))?;
    let stream = forwarder.take_stream(port);
    Ok(Box::new(stream.ok_or_else(|| failed("no stream".to_owned()))?))
}
