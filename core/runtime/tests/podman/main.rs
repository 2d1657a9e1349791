//! The runtime `podman` on the real Podman of this machine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end the test by a panic, as tests do"
)]

mod faults;
mod isolation;
mod life;
mod support;
