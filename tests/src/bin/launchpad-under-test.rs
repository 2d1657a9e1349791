//! The program as it is shipped, built for the suites.
fn main() -> std::process::ExitCode {
    launchpad_server::main()
}
