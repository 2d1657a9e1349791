//! Points of the program at which it dies as by `kill -9`, when a suite wants it.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use rustix::process::{Signal, getpid, kill_process};

/// Makes this process die at a point, after it has come by so often: `NAME:TIMES`.
///
/// # Errors
/// It is not written so.
pub fn die_at(point: &str) -> anyhow::Result<()> {
    let (name, times) = point.split_once(':').context("wanted: NAME:TIMES")?;
    let before: usize = times.parse()?;
    let come_by = AtomicUsize::new(0);
    let die = move || {
        if come_by.fetch_add(1, Ordering::SeqCst) >= before {
            // Where it cannot, the suite waits in vain and says so.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    };
    fail::cfg_callback(name, die).map_err(anyhow::Error::msg)
}
