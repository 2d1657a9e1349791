//! The program `launchpad`.

fn main() -> std::process::ExitCode {
    launchpad_server::main()
}
