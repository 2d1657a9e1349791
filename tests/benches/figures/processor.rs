//! How much of the processor a process has used.

use anyhow::Context;

/// The user and system time of the process since it was started, in seconds.
pub(crate) fn seconds(id: u32) -> anyhow::Result<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let line = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name is in brackets and may hold spaces; user and system time are the 12th and 13th words after it.
    let words: Vec<&str> = line
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let user: f64 = words.get(11).context("no user time")?.parse()?;
    let system: f64 = words.get(12).context("no system time")?.parse()?;
    Ok((user + system) / TICKS_PER_SECOND)
}
