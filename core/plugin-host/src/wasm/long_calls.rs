//! Calls that compute for longer than a tick: they go on on a thread of their own, so that no other task waits for them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::call::{Ended, Fault, FaultKind};
use crate::workers::Workers;

type Call = Pin<Box<dyn Future<Output = Result<Value, Ended>> + Send>>;

/// Where long calls go on.
#[derive(Debug, Clone, Default)]
pub(super) struct LongCalls(Arc<Workers>);

impl LongCalls {
    /// Ends a call: here, or elsewhere from the moment when `computed` says that it takes long. Dropping the future ends
    /// the call, at the next tick.
    pub(super) async fn finish(&self, mut call: Call, computed: &AtomicBool) -> Result<Value, Ended> {
        let here = std::future::poll_fn(|task| match call.as_mut().poll(task) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if computed.load(Ordering::Relaxed) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        if let Some(answer) = here.await {
            return answer;
        }
        let host = Handle::current();
        let (mut send, answer) = oneshot::channel();
        let begun = self.0.run(move || {
            host.block_on(async {
                tokio::select! {
                    // Nobody may be waiting any more.
                    answer = call => drop(send.send(answer)),
                    () = send.closed() => {}
                }
            });
        });
        begun.map_err(|error| {
            Fault::new(
                FaultKind::Unavailable,
                "no thread could be started",
                error.to_string(),
            )
        })?;
        answer.await.unwrap_or_else(|_| {
            Err(Fault::new(FaultKind::Trap, "the component crashed", "its thread is gone").into())
        })
    }
}
