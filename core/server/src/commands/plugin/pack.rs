//! `launchpad plugin pack`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use flate2::{Compression, GzBuilder};
use launchpad_plugin_host::author::{Bench, Sealed, componentise, seal};

use super::{Desk, say, tell, unfit};
use crate::error::ServerError;

/// What is packed, and where to.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The archive, .tar.gz or .tar; ID-VERSION.tar.gz unless set
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the checksum into the manifest, and the plugin into an archive: the same bytes from the same files.
pub(super) async fn run(desk: &Desk, options: Options) -> Result<(), ServerError> {
    let Options { dir, out } = options;
    let told = |finding| tell(&[finding]).and(Err(unfit(&dir, "cannot be packed")));
    if let Err(finding) = componentise(&dir) {
        return told(finding);
    }
    let sealed = match seal(&dir) {
        Ok(sealed) => sealed,
        Err(finding) => return told(finding),
    };
    let packed = pack(desk, &dir, out).await;
    if packed.is_err() {
        undo(&dir, sealed)?;
    }
    packed
}

async fn pack(desk: &Desk, dir: &Path, out: Option<PathBuf>) -> Result<(), ServerError> {
    let bench = desk.open(dir).await?;
    let failed = bench.test().await.iter().filter(|test| !test.passed()).count();
    if failed > 0 {
        return Err(unfit(
            dir,
            format_args!("{failed} of its recorded calls failed: launchpad plugin test shows them"),
        ));
    }
    let Some(facts) = bench.facts() else {
        return Err(unfit(dir, "was changed meanwhile; try again"));
    };
    let files = bench.files();
    let out = out.unwrap_or_else(|| format!("{}-{}.tar.gz", facts.id, facts.version).into());
    write(&bench, &facts.id, &files, &out).map_err(|error| unfit(&out, error))?;
    say(format_args!(
        "packed {} files into {}",
        files.len(),
        out.display()
    ))?;
    say(format_args!("sha256 of {}: {}", facts.entry, facts.sha256))?;
    say(format_args!(
        "to install it: tar xf {} -C FOLDER, with FOLDER one of plugins.dirs",
        out.display()
    ))
}

fn undo(dir: &Path, sealed: Sealed) -> Result<(), ServerError> {
    sealed
        .undo(dir)
        .map_err(|error| unfit(dir, format_args!("plugin.toml cannot be put back: {error}")))
}

fn write(bench: &Bench, id: &str, files: &[String], out: &Path) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let file = File::create(out).map_err(failed)?;
    if out.extension().is_some_and(|extension| extension == "tar") {
        return archive(bench, id, files, file)?.flush().map_err(failed);
    }
    // No time, no name, no system: the same files give the same bytes everywhere.
    let zipped = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(file, Compression::best());
    archive(bench, id, files, zipped)?.finish().map_err(failed)?;
    Ok(())
}

fn archive<W: Write>(bench: &Bench, id: &str, files: &[String], out: W) -> Result<W, String> {
    let mut archive = tar::Builder::new(out);
    for name in files {
        let bytes = bench.read(name)?;
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive
            .append_data(&mut header, format!("{id}/{name}"), bytes.as_slice())
            .map_err(|error| format!("{name}: {error}"))?;
    }
    archive.into_inner().map_err(|error| error.to_string())
}
