//! The endpoint of a running workload: its first sign of life, and connections to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{EndpointKind, Failure, Observed, Reason, RuntimeError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// How long one attempt may take: everything is on this machine.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long is tried before the engine is asked again whether the workload still runs.
const LOOK: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// How many pauses are as short as the first: a desktop's screen answers within a second or two.
const SHORT_PAUSES: u32 = 200;
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// What each endpoint that is waited for adds to the pauses of all, if that is more: together they are asked 2,000 times a
/// second at the most, which costs a twentieth of a core.
const SHARE: Duration = Duration::from_micros(500);

/// What every server of the remote framebuffer protocol says first (RFC 6143, section 7.1.1).
const RFB: &[u8; 4] = b"RFB ";
/// What every HTTP/1 answer begins with (RFC 9112, section 4).
const HTTP: &[u8; 4] = b"HTTP";
/// What makes an HTTP server answer; which status it answers does not matter here.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Where the workload is reached, if it is that far.
///
/// # Errors
/// It is gone or has failed.
pub(crate) fn address_of(observed: Option<Observed>) -> Result<Option<String>, RuntimeError> {
    let Some(observed) = observed else {
        return Err(RuntimeError::Refused(Failure::new(
            Reason::WorkloadGone,
            "the engine has no such pod",
        )));
    };
    match observed.state {
        WorkloadState::Failed(failure) => Err(RuntimeError::Refused(failure)),
        WorkloadState::Expired => Err(RuntimeError::Refused(over_time())),
        WorkloadState::Pending(_) => Ok(None),
        WorkloadState::Running => Ok(observed.address),
    }
}

/// What it means to a launch that the engine ended the workload at its own deadline.
pub(crate) fn over_time() -> Failure {
    Failure::new(Reason::NeverReady, "the engine ended it at its own deadline")
}

/// Opens a connection.
pub(crate) async fn connect(address: &str) -> Result<TcpStream, RuntimeError> {
    dial(address)
        .await
        .map_err(|error| RuntimeError::NoAnswer(format!("{address}: {error}")))
}

/// The same, with the error as the system has it.
pub(crate) async fn dial(address: &str) -> io::Result<TcpStream> {
    let late = |_| {
        let words = format!("no connection within {} s", ATTEMPT.as_secs());
        io::Error::new(io::ErrorKind::TimedOut, words)
    };
    let stream = timeout(ATTEMPT, TcpStream::connect(address))
        .await
        .map_err(late)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The endpoints of a runtime that are waited for now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Awaited(Arc<AtomicU32>);

impl Awaited {
    /// The pauses of one more.
    pub(crate) fn one(&self) -> Pauses {
        self.0.fetch_add(1, Ordering::Relaxed);
        Pauses {
            awaited: self.clone(),
            short: SHORT_PAUSES,
            next: FIRST_PAUSE,
        }
    }
}

/// Pauses between attempts: short at first, when most endpoints come up, and then growing; longer while many are waited
/// for.
#[derive(Debug)]
pub(crate) struct Pauses {
    awaited: Awaited,
    short: u32,
    next: Duration,
}

impl Drop for Pauses {
    fn drop(&mut self) {
        self.awaited.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pauses {
    fn length(&self) -> Duration {
        self.next.max(SHARE * self.awaited.0.load(Ordering::Relaxed))
    }

    pub(crate) async fn pause(&mut self) {
        sleep(self.length()).await;
        match self.short.checked_sub(1) {
            Some(left) => self.short = left,
            None => self.next = (self.next * 3 / 2).min(LONGEST_PAUSE),
        }
    }
}

/// Asks an endpoint for its first answer.
#[derive(Debug)]
pub(crate) struct Probe {
    kind: EndpointKind,
    pauses: Pauses,
}

impl Probe {
    pub(crate) fn new(kind: EndpointKind, awaited: &Awaited) -> Self {
        Self {
            kind,
            pauses: awaited.one(),
        }
    }

    /// Tries for as long as one look at the engine is good for. Without an address one pause is all.
    pub(crate) async fn answers_within_a_look(&mut self, address: Option<&str>) -> bool {
        let end = Instant::now() + LOOK;
        loop {
            if let Some(address) = address
                && timeout(ATTEMPT, self.is_alive(address)).await == Ok(true)
            {
                return true;
            }
            self.pauses.pause().await;
            if address.is_none() || Instant::now() >= end {
                return false;
            }
        }
    }

    async fn is_alive(&self, address: &str) -> bool {
        let Ok(mut stream) = connect(address).await else {
            return false;
        };
        greets(self.kind, &mut stream).await
    }
}

/// Whether a connection's other end speaks what it should.
pub(crate) async fn greets(kind: EndpointKind, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> bool {
    let expected = match kind {
        EndpointKind::Vnc => RFB,
        EndpointKind::Http if stream.write_all(REQUEST).await.is_err() => return false,
        EndpointKind::Http => HTTP,
    };
    let mut first = [0; 4];
    stream.read_exact(&mut first).await.is_ok() && first == *expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    async fn server_that_says(text: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(text).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn only_a_vnc_server_is_alive() {
        let probe = Probe::new(EndpointKind::Vnc, &Awaited::default());
        assert!(probe.is_alive(&server_that_says(b"RFB 003.008\n").await).await);
        assert!(
            !probe
                .is_alive(&server_that_says(b"HTTP/1.1 400 Bad Request\r\n").await)
                .await
        );
        assert!(!probe.is_alive(&server_that_says(b"").await).await);
        assert!(!probe.is_alive("127.0.0.1:1").await);
    }

    #[test]
    fn many_are_asked_less_often_each() {
        let awaited = Awaited::default();
        let alone = awaited.one();
        assert_eq!(alone.length(), FIRST_PAUSE);
        let others: Vec<Pauses> = (1..1_000).map(|_| awaited.one()).collect();
        assert_eq!(alone.length(), Duration::from_millis(500));
        drop(others);
        assert_eq!(alone.length(), FIRST_PAUSE);
    }

    #[tokio::test]
    async fn only_a_server_that_answers_http_serves_pages() {
        let probe = Probe::new(EndpointKind::Http, &Awaited::default());
        assert!(
            probe
                .is_alive(&server_that_says(b"HTTP/1.1 503 Not Yet\r\n\r\n").await)
                .await
        );
        assert!(!probe.is_alive(&server_that_says(b"RFB 003.008\n").await).await);
        assert!(!probe.is_alive(&server_that_says(b"").await).await);
    }
}
