//! `replay FOLDER...`: plays the recorded calls of the plugin in each folder, and fails where an answer differs.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use launchpad_domain::{Clock, LaunchTypes};
use launchpad_plugin_host::{PluginHost, Setup, Source};

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let mut same = true;
    for folder in std::env::args_os().skip(1).map(PathBuf::from) {
        same &= replay(folder).await?;
    }
    Ok(if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn replay(folder: PathBuf) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", folder.display())?;
    let host = PluginHost::load(Setup::of(vec![Source::Folder(folder)], Arc::new(SystemClock))).await;
    for failure in host.failures() {
        writeln!(out, "  not loaded: {}", failure.error)?;
    }
    let mut same = host.failures().is_empty();
    for launch_type in host.list() {
        for replay in host.replay(&launch_type.id).await.map_err(io::Error::other)? {
            let difference = replay.difference.as_deref().unwrap_or("as recorded");
            writeln!(out, "  {}: {difference}", replay.name)?;
            same &= replay.difference.is_none();
        }
    }
    Ok(same)
}
