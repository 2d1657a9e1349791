//! The program as it is shipped, built for the suites, with its points at which it can be made to die.

use std::process::ExitCode;

/// Names a point, and how often it is come by before: `pod-made:2`.
const DIES_AT: &str = "DIES_AT";

#[expect(clippy::disallowed_methods, reason = "told by the suite that starts it")]
fn main() -> ExitCode {
    if let Ok(point) = std::env::var(DIES_AT)
        && let Err(error) = launchpad_tests::die_at(&point)
    {
        eprintln!("{DIES_AT}={point}: {error:#}");
        return ExitCode::from(2);
    }
    launchpad_server::main()
}
