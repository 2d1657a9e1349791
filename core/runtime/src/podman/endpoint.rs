//! The endpoint of a running workload: its first sign of life, and connections to it.

use std::time::Duration;

use launchpad_domain::runtime::WorkloadState;
use launchpad_domain::{EndpointKind, Failure, Observed, Reason, RuntimeError};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// How long one attempt may take: everything is on this machine.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long is tried before the engine is asked again whether the workload still runs.
const LOOK: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// What every server of the remote framebuffer protocol says first (RFC 6143, section 7.1.1).
const RFB: &[u8; 4] = b"RFB ";

/// Where the workload is reached, if it is that far.
///
/// # Errors
/// It is gone or has failed.
pub(super) fn address_of(observed: Option<Observed>) -> Result<Option<String>, RuntimeError> {
    let Some(observed) = observed else {
        return Err(RuntimeError::Refused(Failure::new(
            Reason::WorkloadGone,
            "the engine has no such pod",
        )));
    };
    match observed.state {
        WorkloadState::Failed(failure) => Err(RuntimeError::Refused(failure)),
        WorkloadState::Pending(_) => Ok(None),
        WorkloadState::Running => Ok(observed.address),
    }
}

/// Opens a connection.
pub(super) async fn connect(address: &str) -> Result<TcpStream, RuntimeError> {
    let no_answer = |error: std::io::Error| RuntimeError::NoAnswer(format!("{address}: {error}"));
    let late = |_| RuntimeError::NoAnswer(format!("{address}: no connection within {} s", ATTEMPT.as_secs()));
    let stream = timeout(ATTEMPT, TcpStream::connect(address))
        .await
        .map_err(late)?
        .map_err(no_answer)?;
    stream.set_nodelay(true).map_err(no_answer)?;
    Ok(stream)
}

/// Asks an endpoint for its first answer, with growing pauses.
#[derive(Debug)]
pub(super) struct Probe {
    kind: EndpointKind,
    pause: Duration,
}

impl Probe {
    pub(super) fn new(kind: EndpointKind) -> Self {
        Self {
            kind,
            pause: FIRST_PAUSE,
        }
    }

    /// Tries for as long as one look at the engine is good for. Without an address one pause is all.
    pub(super) async fn answers_within_a_look(&mut self, address: Option<&str>) -> bool {
        let end = Instant::now() + LOOK;
        loop {
            if let Some(address) = address
                && timeout(ATTEMPT, self.is_alive(address)).await == Ok(true)
            {
                return true;
            }
            sleep(self.pause).await;
            self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
            if address.is_none() || Instant::now() >= end {
                return false;
            }
        }
    }

    async fn is_alive(&self, address: &str) -> bool {
        let Ok(mut stream) = connect(address).await else {
            return false;
        };
        match self.kind {
            EndpointKind::Vnc => {
                let mut first = [0; RFB.len()];
                stream.read_exact(&mut first).await.is_ok() && first == *RFB
            }
        }
    }
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
        let probe = Probe::new(EndpointKind::Vnc);
        assert!(probe.is_alive(&server_that_says(b"RFB 003.008\n").await).await);
        assert!(
            !probe
                .is_alive(&server_that_says(b"HTTP/1.1 400 Bad Request\r\n").await)
                .await
        );
        assert!(!probe.is_alive(&server_that_says(b"").await).await);
        assert!(!probe.is_alive("127.0.0.1:1").await);
    }
}
