//! The program launchpad: command line, configuration, wiring, serving, shutdown.
//!
//! [`main`] is all of it; the shipped binary and the one that the tests start are the same three lines. Here alone the
//! environment is read and the crates of the other layers meet: `wiring` builds the portal from a configuration,
//! `listener` carries requests to it, `commands` are what an operator can do beside it.

mod cli;
mod clock;
mod commands;
mod config;
mod error;
mod listener;
mod metrics;
mod serve;
mod telemetry;
mod wiring;

use std::process::ExitCode;

pub use clock::SystemClock;
pub use launchpad_web::listed as routes;

/// Documents and scripts are trees of small values. With the C library's allocator, getting and giving back their memory is
/// a third of what a script's plan takes and a seventh of what a launch costs the portal.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Runs the program on its arguments and environment. Exit status 0: done; 1: failed; 2: wrong usage or configuration.
pub fn main() -> ExitCode {
    cli::run()
}
