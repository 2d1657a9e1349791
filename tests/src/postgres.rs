//! A PostgreSQL server of the test's own: Debian's programs, a new data directory, a free port, gone with the test.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::log::Log;

/// A server that runs. Dropped, it is shut down and its data is removed.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    port: u16,
    account: Option<Account>,
    folder: TempDir,
}

/// As whom the server runs: it refuses to run as root.
#[derive(Debug, Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Makes a new database cluster and waits until its server accepts connections.
    pub async fn start() -> anyhow::Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("launchpad-postgres-").tempdir()?;
        let account = unprivileged_account()?;
        if let Some(Account { user, group }) = account {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let data = folder.path().join("data");
        let made = command(&programs.join("initdb"), account, folder.path())
            .args([
                "--auth=trust",
                "--username=launchpad",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
                "--pgdata",
            ])
            .arg(&data)
            .output()
            .await?;
        ensure!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self {
            server: serve(&folder, account, port).await?,
            port,
            account,
            folder,
        })
    }

    /// Ends the server as a crash would, and starts it on the same data and port.
    pub async fn crash_and_start_again(&mut self) -> anyhow::Result<()> {
        signal(&self.server, "-QUIT")?;
        self.server.wait().await?;
        self.server = serve(&self.folder, self.account, self.port).await?;
        Ok(())
    }

    /// The port on which it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of an empty database.
    pub fn url(&self) -> String {
        format!("postgres://launchpad@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed outright, it would leave its shared memory behind; this word has it end at once, and in order.
        if signal(&self.server, "-INT").is_ok() {
            while matches!(self.server.try_wait(), Ok(None)) {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

async fn serve(folder: &TempDir, account: Option<Account>, port: u16) -> anyhow::Result<Child> {
    let mut server = command(&programs()?.join("postgres"), account, folder.path())
        .arg("-D")
        .arg(folder.path().join("data"))
        .args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
        ])
        .arg(format!("port={port}"))
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let log = Log::new();
    log.follow(server.stderr.take().context("stderr is piped")?);
    log.word_after("database system is ready to ").await?;
    Ok(server)
}

fn signal(server: &Child, signal: &str) -> anyhow::Result<()> {
    let id = server.id().context("it has ended")?.to_string();
    let sent = std::process::Command::new("kill").args([signal, &id]).status()?;
    ensure!(sent.success(), "kill {signal}");
    Ok(())
}

fn command(program: &Path, account: Option<Account>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some(Account { user, group }) = account {
        command.uid(user).gid(group);
    }
    command
}

/// The newest version of Debian's that is installed.
fn programs() -> anyhow::Result<PathBuf> {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is missing: run tests/prepare.sh")?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .context("PostgreSQL's server is missing: run tests/prepare.sh")
}

/// The account of Debian's package where we are root; else none, and the server runs as whoever runs the tests.
fn unprivileged_account() -> anyhow::Result<Option<Account>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    let line = accounts
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .context("no account `postgres`")?;
    let mut ids = line.split(':').skip(2).map(str::parse);
    match (ids.next(), ids.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok(Some(Account { user, group })),
        _ => anyhow::bail!("cannot read {line}"),
    }
}

#[cfg(test)]
mod tests {
    use launchpad_store::{DatabaseUrl, Store};

    use super::Postgres;

    #[tokio::test]
    async fn a_server_takes_a_store_and_goes_away() -> anyhow::Result<()> {
        let server = Postgres::start().await?;
        let address: DatabaseUrl = server.url().parse().map_err(anyhow::Error::msg)?;
        Store::open(&address).await?.ping().await?;
        drop(server);
        assert!(Store::open(&address).await.is_err());
        Ok(())
    }
}
