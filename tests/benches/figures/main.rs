//! The promised figures, measured on the real program and printed as one table.
//!
//! Nothing here fails on a slow machine: a figure is a fact about one machine at one time. What must never happen is
//! tested by the suites.

#![recursion_limit = "256"]

mod catalogue;
mod cluster;
mod data;
mod durability;
mod fleet;
mod launch;
mod load;
mod memory;
mod plugin_life;
mod plugins;
mod processor;
mod relay;
mod start;
mod table;

use launchpad_plugin_host::SCRIPT_STACK;
use launchpad_tests::Recipe;
use table::Table;

/// The program, built as it is released.
fn portal() -> Recipe {
    Recipe::new(env!("CARGO_BIN_EXE_launchpad-under-test"))
}

/// A password for the accounts of the benchmarks.
const PASSWORD: &str = "correct horse battery staple";

fn main() -> anyhow::Result<()> {
    // Threads as the server's are.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(SCRIPT_STACK)
        .enable_all()
        .build()?;
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
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
    if is_wanted("data") {
        data::measure(&mut table).await?;
    }
    if is_wanted("durability") {
        durability::measure(&mut table).await?;
    }
    if is_wanted("plugins") {
        plugins::measure(&mut table).await?;
        plugin_life::measure(&mut table).await?;
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
    if is_wanted("storm") {
        cluster::measure_storm(&mut table).await?;
    }
    if is_wanted("fleet") {
        fleet::measure(&mut table).await?;
    }
    table.print();
    Ok(())
}
