//! The program `launchpad`.
fn main() {}
