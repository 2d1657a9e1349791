//! The harness: starts the real program with a database of its own, talks to it as browsers and scripts do, kills it,
//! and asks the engine what is left.

pub mod blaster;
mod buckets;
mod checker;
mod client;
mod cluster;
mod cutter;
mod engine;
mod failpoints;
mod fault_proxy;
mod installed;
mod log;
mod origin;
mod overlay;
mod portal;
mod postgres;
mod program;
mod screen;
mod seed;

pub use buckets::Buckets;
pub use checker::until_whole;
pub use client::{Answer, Client, Session};
pub use cluster::{Alone, Cluster, Namespace, Stopped, cluster_tool, foreign_kinds, simulate};
pub use cutter::Cutter;
pub use engine::{Engine, derive_image};
pub use failpoints::die_at;
pub use fault_proxy::{Fault, FaultProxy};
pub use installed::Installed;
pub use origin::{Origin, Socket};
pub use overlay::Overlay;
pub use portal::{Portal, Recipe};
pub use postgres::Postgres;
pub use program::program;
pub use screen::Screen;
pub use seed::{Seed, app, desktop, link};

use std::time::Duration;

/// How long anything may take that happens by itself, before a test says that it never came.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The folder of the whole workspace.
pub fn workspace() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Says once which cryptography the client uses: reqwest is built to leave that to the program.
pub fn choose_tls() {
    // The second time it is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
