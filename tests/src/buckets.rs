//! An S3 server of the test's own: its folder, a free port, gone with the test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::log::Log;
use crate::portal::Recipe;

/// A server that runs, with one bucket, `backups`. Dropped, it ends and its folder is removed.
#[derive(Debug)]
pub struct Buckets {
    _server: Child,
    port: u16,
    folder: TempDir,
}

impl Buckets {
    /// The address of a place in the bucket.
    pub const PLACE: &str = "s3://backups/launchpad";

    /// Starts a server and waits until it listens.
    pub async fn start() -> anyhow::Result<Self> {
        let program = program()?;
        ensure!(
            program.exists(),
            "{} is missing: run tests/prepare.sh",
            program.display()
        );
        let folder = tempfile::Builder::new().prefix("launchpad-buckets-").tempdir()?;
        std::fs::create_dir(folder.path().join("backups"))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = Command::new(program)
            .args(["--access", "key", "--secret", "secret", "--port"])
            .arg(format!("127.0.0.1:{port}"))
            .arg("posix")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let log = Log::new();
        log.follow(server.stdout.take().context("stdout is piped")?);
        log.word_after("S3 service listening").await?;
        Ok(Self {
            _server: server,
            port,
            folder,
        })
    }

    /// Where its objects are files.
    pub fn objects(&self) -> PathBuf {
        self.folder.path().join("backups/launchpad")
    }

    /// Tells a portal how to reach it.
    #[must_use]
    pub fn told_to(&self, recipe: Recipe) -> Recipe {
        recipe
            .set("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .set("AWS_ACCESS_KEY_ID", "key")
            .set("AWS_SECRET_ACCESS_KEY", "secret")
    }
}

/// Where `tests/prepare.sh` puts it.
#[expect(
    clippy::disallowed_methods,
    reason = "the cache is where the user's own is; only the program's environment is the server's to read"
)]
fn program() -> anyhow::Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(cache.join("launchpad-tests/versitygw"))
}
