//! The program under test, by itself.

use std::path::Path;
use std::process::Command;

/// What of this machine's environment a program under test sees: what an engine needs, and no setting of whoever runs
/// the tests.
const KEPT: [&str; 4] = ["HOME", "LANG", "PATH", "XDG_RUNTIME_DIR"];

/// The program, to be started with its own settings alone.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness hands its own surroundings to the program under test"
)]
pub fn program(path: impl AsRef<Path>) -> Command {
    let mut command = Command::new(path.as_ref());
    command.env_clear();
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}
