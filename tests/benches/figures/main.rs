//! The promised figures, measured on the real program and printed as one table.
//!
//! Nothing here fails on a slow machine: a figure is a fact about one machine at one time. What must never happen is
//! tested by the suites.

mod catalogue;
mod cluster;
mod launch;
mod load;
mod plugins;
mod relay;
mod start;
mod table;

use launchpad_tests::Recipe;
use table::Table;

/// The program, built as it is released.
fn portal() -> Recipe {
    Recipe::new(env!("CARGO_BIN_EXE_launchpad-under-test"))
}

/// A password for the accounts of the benchmarks.
const PASSWORD: &str = "correct horse battery staple";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut table = Table::new();
    if is_wanted("start") {
        start::measure(&mut table).await?;
    }
    if is_wanted("catalogue") {
        catalogue::measure(&mut table).await?;
    }
    if is_wanted("plugins") {
        plugins::measure(&mut table).await?;
    }
    if is_wanted("launch") {
        launch::measure(&mut table).await?;
    }
    if is_wanted("relay") {
        relay::measure(&mut table).await?;
    }
    if is_wanted("cluster") {
        cluster::measure(&mut table).await?;
    }
    table.print();
    Ok(())
}
