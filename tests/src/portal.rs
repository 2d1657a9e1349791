//! The program under test: started as its own process, with a folder, a database and a port of its own.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};

use anyhow::{Context, ensure};
use launchpad_store::{DatabaseUrl, Store};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::PATIENCE;
use crate::client::Client;
use crate::cluster::Namespace;
use crate::engine::{Engine, Place};
use crate::log::Log;
use crate::program::program;
use crate::seed::Seed;

/// What the program says once it listens.
const LISTENS: &str = "launchpad is listening on ";
/// How many of the last lines that the program said are shown beside a test that failed.
const TOLD: usize = 40;

/// How a portal under test is to be started.
#[derive(Debug, Clone)]
pub struct Recipe {
    program: PathBuf,
    seed: Option<Seed>,
    settings: Vec<(String, OsString)>,
    path: Option<OsString>,
    database: Option<String>,
    place: Place,
    tells: bool,
}

impl Recipe {
    /// A portal of this program with built-in defaults and an empty catalogue.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            seed: None,
            settings: Vec::new(),
            path: None,
            database: None,
            place: Place::Podman,
            tells: false,
        }
    }

    /// Runs its sessions in this namespace, with an administrator's access to the cluster.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &Namespace<'_>) -> Self {
        let kubeconfig = namespace.cluster().kubeconfig().to_owned();
        self.place = Place::Kubernetes {
            kubeconfig: kubeconfig.clone(),
            namespace: namespace.name().to_owned(),
        };
        self.set("LAUNCHPAD_RUNTIME", "kubernetes")
            .set("LAUNCHPAD_NAMESPACE", namespace.name())
            .set("KUBECONFIG", kubeconfig)
    }

    /// Fills the catalogue at the first start.
    #[must_use]
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Prints the end of what the program said when it ends: a suite's harness shows that beside a test that failed.
    #[must_use]
    pub fn telling(mut self) -> Self {
        self.tells = true;
        self
    }

    /// Sets one of the program's environment names.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// The folders in which the program finds other programs, in place of the machine's.
    #[must_use]
    pub fn path(mut self, path: impl Into<OsString>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// A database other than the file in the portal's own folder: a path or a URL.
    #[must_use]
    pub fn database(mut self, address: impl Into<String>) -> Self {
        self.database = Some(address.into());
        self
    }

    /// Starts the portal and waits until it listens.
    pub async fn start(self) -> anyhow::Result<Portal> {
        let mut portal = self.unstarted()?;
        portal.start_again().await?;
        Ok(portal)
    }

    /// A portal that is still to be started: commands run on its folder.
    pub fn unstarted(self) -> anyhow::Result<Portal> {
        let folder = tempfile::Builder::new().prefix("launchpad-test-").tempdir()?;
        if let Some(seed) = &self.seed {
            seed.write(&folder.path().join("seed.json"))?;
        }
        // The program could choose a free port itself, but then a restart would not find the same one again.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Portal {
            recipe: self,
            folder,
            port,
            running: None,
            engine: None,
        })
    }
}

#[derive(Debug)]
struct Running {
    child: Child,
    log: Log,
}

/// A portal under test. Dropped, it is killed, and what its sessions still ran is removed from the engine.
#[derive(Debug)]
pub struct Portal {
    recipe: Recipe,
    folder: TempDir,
    port: u16,
    running: Option<Running>,
    engine: Option<Engine>,
}

impl Portal {
    /// Where the portal is reached, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Where the portal believes that browsers reach it.
    fn public_url(&self) -> String {
        let configured = self
            .recipe
            .settings
            .iter()
            .find(|(name, _)| name == "LAUNCHPAD_PUBLIC_URL");
        configured.map_or_else(|| self.url(), |(_, url)| url.to_string_lossy().into_owned())
    }

    /// The portal's own folder, in which its database is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process that serves, for measurements.
    pub fn process_id(&self) -> Option<u32> {
        self.running.as_ref().and_then(|running| running.child.id())
    }

    /// What the program has said since it was last started.
    pub fn log(&self) -> String {
        self.running
            .as_ref()
            .map(|running| running.log.text())
            .unwrap_or_default()
    }

    /// Waits until the program has said this.
    pub async fn until_said(&self, words: &str) -> anyhow::Result<()> {
        let running = self.running.as_ref().context("the portal is not running")?;
        running.log.line_with(words).await
    }

    /// The one-time link with which the first administrator is made.
    pub async fn setup_link(&self) -> anyhow::Result<String> {
        let running = self.running.as_ref().context("the portal is not running")?;
        running
            .log
            .word_after("make yourself the first administrator: ")
            .await
    }

    /// Ends the process as a power cut would: without any word to it.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut running) = self.running.take() {
            running.child.kill().await?;
        }
        Ok(())
    }

    /// Ends the process in order, and waits for its end.
    pub async fn end(&mut self) -> anyhow::Result<()> {
        let id = self
            .process_id()
            .context("the portal is not running")?
            .to_string();
        let told = std::process::Command::new("kill").args(["-TERM", &id]).status()?;
        ensure!(told.success(), "kill -TERM");
        let ended = self.until_ended().await?;
        ensure!(ended.success(), "{ended}");
        Ok(())
    }

    /// Starts the program on the same folder and port, and waits until it listens.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.listen(self.surrounded(&self.recipe.program)).await
    }

    /// Starts it again as one that dies at this point of the program, after it has come by so often.
    pub async fn start_mortal(&mut self, point: &str, times: usize) -> anyhow::Result<()> {
        let mut command = self.surrounded(&self.recipe.program);
        command.env("DIES_AT", format!("{point}:{times}"));
        self.listen(command).await
    }

    async fn listen(&mut self, command: Command) -> anyhow::Result<()> {
        ensure!(self.running.is_none(), "the portal is running already");
        let Running { child, log } = self.serve(command)?;
        let url = log.word_after(LISTENS).await?;
        self.running = Some(Running { child, log });
        let expected = self.public_url();
        ensure!(
            url == expected,
            "the portal says that it listens on {url}, not on {expected}"
        );
        let store = self.store().await?;
        self.engine = Some(Engine::of_instance(store.instance(), self.recipe.place.clone()));
        Ok(())
    }

    /// Starts the program under `strace`, which does to its calls of the system what `inject` says. Answers whether it
    /// came to listen; else it has ended.
    pub async fn start_injected(&mut self, inject: &str) -> anyhow::Result<bool> {
        ensure!(self.running.is_none(), "the portal is running already");
        let calls = inject.split(':').next().unwrap_or_default();
        let mut command = self.surrounded(Path::new("strace"));
        command
            // The program stays our child, and the tracer is nobody's.
            .args(["-D", "-f", "-qq", "-o", "/dev/null"])
            .args(["-e", &format!("trace={calls}"), "-e", &format!("inject={inject}")])
            .arg(&self.recipe.program);
        let Running { mut child, log } = self.serve(command)?;
        let listens = tokio::select! {
            said = log.word_after(LISTENS) => said.map(|_| true)?,
            ended = child.wait() => ended.map(|_| false)?,
        };
        self.running = Some(Running { child, log });
        Ok(listens)
    }

    /// Waits until the program has ended by itself.
    pub async fn until_ended(&mut self) -> anyhow::Result<ExitStatus> {
        let running = self.running.as_mut().context("the portal is not running")?;
        let ended = tokio::time::timeout(PATIENCE, running.child.wait()).await;
        let ended = ended.with_context(|| format!("it goes on: {}", running.log.text()))??;
        self.running = None;
        Ok(ended)
    }

    fn serve(&self, mut command: Command) -> anyhow::Result<Running> {
        if self.recipe.seed.is_some() {
            command.args(["serve", "--seed", "seed.json"]);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let log = Log::new();
        log.follow(child.stdout.take().context("stdout is piped")?);
        log.follow(child.stderr.take().context("stderr is piped")?);
        Ok(Running { child, log })
    }

    /// Begins to run the program's command line on the same configuration.
    pub fn spawn(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        Ok(self
            .surrounded(&self.recipe.program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?)
    }

    /// Runs the program's command line on the same configuration; `input` is what it reads.
    pub async fn run(&self, arguments: &[&str], input: &str) -> anyhow::Result<Output> {
        use tokio::io::AsyncWriteExt;
        let mut child = self.spawn(arguments)?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin);
        Ok(child.wait_with_output().await?)
    }

    /// Makes an account by the command line, and answers a client that holds a token of it.
    pub async fn account(&self, name: &str, role: &str, password: &str) -> anyhow::Result<Client> {
        let added = self
            .run(
                &["user", "add", name, "--role", role, "--password-stdin"],
                password,
            )
            .await?;
        ensure!(
            added.status.success(),
            "user add: {}",
            String::from_utf8_lossy(&added.stderr)
        );
        let made = self.run(&["token", "create", "--user", name], "").await?;
        ensure!(
            made.status.success(),
            "token create: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let text = String::from_utf8(made.stdout)?;
        let token = text
            .split_whitespace()
            .find(|word| word.starts_with("lpt_"))
            .with_context(|| format!("no token in `{text}`"))?;
        Client::with_token(&self.url(), token)
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> anyhow::Result<Client> {
        Client::new(&self.url())
    }

    /// The engine, seen by this portal's labels.
    pub fn engine(&self) -> anyhow::Result<&Engine> {
        self.engine.as_ref().context("the portal has not been started")
    }

    /// The portal's own database, opened beside it.
    pub async fn store(&self) -> anyhow::Result<Store> {
        let address: DatabaseUrl = self.database().parse().map_err(anyhow::Error::msg)?;
        Ok(Store::open(&address).await?)
    }

    fn database(&self) -> String {
        let own = || self.folder.path().join("launchpad.db").display().to_string();
        self.recipe.database.clone().unwrap_or_else(own)
    }

    /// A program, this one or another, in the portal's folder and with its settings.
    fn surrounded(&self, path: &Path) -> Command {
        let mut command = Command::from(program(path));
        command.current_dir(self.folder.path());
        if let Some(path) = &self.recipe.path {
            command.env("PATH", path);
        }
        // Not whoever runs the tests: their cluster is none of our business.
        command.env("KUBECONFIG", self.folder.path().join("no-kubeconfig"));
        command.env("LAUNCHPAD_PORT", self.port.to_string());
        command.env("LAUNCHPAD_DB", self.database());
        command.envs(self.recipe.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        let log = if self.recipe.tells {
            self.log()
        } else {
            String::new()
        };
        let lines: Vec<&str> = log.lines().collect();
        for line in &lines[lines.len().saturating_sub(TOLD)..] {
            eprintln!("portal: {line}");
        }
        // Killed before its workloads are removed, so that it does not start them again.
        if let Some(running) = &mut self.running
            && let Err(error) = running.child.start_kill()
        {
            eprintln!("the portal under test could not be killed: {error}");
        }
        if let Some(engine) = &self.engine {
            engine.remove_all();
        }
    }
}
