//! How much memory a process has.

use anyhow::Context;

/// Resident memory in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) all: u64,
    /// The part that is not merely a file's, the program's own among them.
    pub(crate) own: u64,
}

impl Memory {
    /// That of a process.
    pub(crate) fn of(id: u32) -> anyhow::Result<Self> {
        Ok(Self {
            all: kib(id, "VmRSS:")?,
            own: kib(id, "RssAnon:")?,
        })
    }

    /// The most that a process ever had, in words.
    pub(crate) fn most(id: u32) -> anyhow::Result<String> {
        Ok(format!("at most {} MiB of memory", kib(id, "VmHWM:")? / 1_024))
    }

    pub(crate) fn describe(self) -> String {
        format!(
            "{} MiB resident, {} MiB of it its own",
            self.all / 1_024,
            self.own / 1_024
        )
    }
}

fn kib(id: u32, name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .with_context(|| format!("no line {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
