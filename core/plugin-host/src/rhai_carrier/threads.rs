//! Threads with a large stack, whose result can be awaited.

use std::io;

use tokio::sync::oneshot;

/// Enough for the depth limits of scripts in an unoptimised build.
pub(super) const STACK: usize = 8 * 1_024 * 1_024;

/// Runs work on a thread of its own. A receiver without a value says that it panicked.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (send, receive) = oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody may be waiting any more.
            let _ = send.send(work());
        })?;
    Ok(receive)
}
