//! A body that must keep coming.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a body may take whatever its size.
const ALLOWANCE: Duration = Duration::from_secs(20);
/// Each so many bytes give a body a second more.
const BYTES_PER_SECOND: u64 = 1_024;

/// A request's body, which fails once it comes more slowly than one waits for.
#[derive(Debug)]
pub(crate) struct PacedBody {
    inner: Incoming,
    begun: Instant,
    received: u64,
    /// Made when the body first keeps somebody waiting, which most never do.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// The body came too slowly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// Less than 1 KiB/s, for longer than 20 s.
    #[error("the body came too slowly")]
    TooSlow,
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

impl PacedBody {
    pub(super) fn new(inner: Incoming) -> Self {
        Self {
            inner,
            begun: Instant::now(),
            received: 0,
            deadline: None,
        }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let due = this.begun + ALLOWANCE + Duration::from_secs(this.received / BYTES_PER_SECOND);
                let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep_until(due)));
                if deadline.deadline() != due {
                    deadline.as_mut().reset(due);
                }
                deadline
                    .as_mut()
                    .poll(context)
                    .map(|()| Some(Err(BodyError::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
