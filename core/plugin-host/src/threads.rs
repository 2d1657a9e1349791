//! Threads with a large stack, whose result can be awaited.

use std::io;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

/// Stack of a thread that runs scripts, in bytes, of address space: only what is used takes memory. The library goes into
/// values as deep as they are nested, and 4,096 levels took more than 8 MiB of an unoptimised build. A runtime whose
/// threads have as much runs scripts on them, which is several times as fast as handing them to others.
pub const SCRIPT_STACK: usize = 64 * 1_024 * 1_024;
/// What a script may need of it.
const NEEDED: usize = 62 * 1_024 * 1_024;

/// Whether this thread may be given to a script: its stack suffices, and its runtime has others that take its tasks over.
pub(crate) fn can_give_this_one(runtime: &Handle) -> bool {
    runtime.runtime_flavor() == RuntimeFlavor::MultiThread
        && stacker::remaining_stack().is_some_and(|left| left >= NEEDED)
}

/// Runs work on a thread of its own. A receiver without a value says that it panicked.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (send, receive) = oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(SCRIPT_STACK)
        .spawn(move || {
            // Nobody may be waiting any more.
            let _ = send.send(work());
        })?;
    Ok(receive)
}
