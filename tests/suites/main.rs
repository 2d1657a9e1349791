//! The integration suites: one binary, so that the program is linked once.

mod analytics;
mod answers;
mod audit;
mod backup;
mod browser;
mod catalogue;
mod cluster_faults;
mod cluster_parts;
mod cluster_rights;
mod cluster_streams;
mod commands;
mod deploy;
mod disk_faults;
mod doctor;
mod engines;
mod failpoints;
mod faults;
mod import_rules;
mod in_cluster;
mod journey;
mod new_plugins;
mod pages;
mod plugin_author;
mod plugins;
mod rights;
mod rust_plugins;
mod server_faults;
mod sign_in;
mod two_portals;
mod workspaces;

use launchpad_tests::Recipe;

/// The program as it is shipped.
const PROGRAM: &str = env!("CARGO_BIN_EXE_launchpad-under-test");

/// A portal of it.
fn portal() -> Recipe {
    Recipe::new(PROGRAM).telling()
}

/// A password that no rule for passwords can find too simple.
const PASSWORD: &str = "correct horse battery staple";
