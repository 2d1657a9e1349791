//! The portal as an operator installs it: its own image, by the shipped manifests, in a namespace of a cluster.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::cluster::{Cluster, Namespace};
use crate::overlay::Overlay;
use crate::{PATIENCE, workspace};

const IMAGE: (&str, &str) = ("localhost/launchpad/portal-under-test", "1");

/// A portal in a cluster. Dropped, its namespace goes.
#[derive(Debug)]
pub struct Installed<'a> {
    namespace: Namespace<'a>,
    manifests: String,
    port: u16,
    forward: JoinHandle<()>,
}

impl<'a> Installed<'a> {
    /// Builds the image of this program, installs it and waits until it is ready. Its database is SQLite on its claim, or
    /// the PostgreSQL at this address.
    pub async fn start(cluster: &'a Cluster, program: &str, postgres: Option<&str>) -> anyhow::Result<Self> {
        // Once for all tests of a run: they are of one program.
        static BROUGHT: OnceCell<()> = OnceCell::const_new();
        BROUGHT
            .get_or_try_init(|| bring_image(cluster, Path::new(program)))
            .await?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let namespace = cluster.namespace().await?;
        if let Some(url) = postgres {
            let url = format!("--from-literal=url={url}");
            namespace
                .kubectl(&["create", "secret", "generic", "launchpad-database", &url], "")
                .await?;
            let key = format!("--from-literal=key={}", "5eed".repeat(16));
            namespace
                .kubectl(&["create", "secret", "generic", "launchpad-audit-key", &key], "")
                .await?;
        }
        let overlay = Overlay {
            on: if postgres.is_some() { "postgres" } else { "single" },
            image: Some((IMAGE.0.to_owned(), IMAGE.1.to_owned())),
            settings: Some(format!("public_url = \"http://localhost:{port}\"\n")),
            ..Overlay::default()
        };
        let manifests = overlay.render(&namespace).await?;
        namespace.kubectl(&["apply", "--filename=-"], &manifests).await?;
        let forward = tokio::spawn(forward(
            cluster.kubeconfig().to_owned(),
            namespace.name().to_owned(),
            port,
        ));
        let installed = Self {
            namespace,
            manifests,
            port,
            forward,
        };
        installed.until_ready().await?;
        Ok(installed)
    }

    /// Where it is reached, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The namespace in which it is.
    pub fn namespace(&self) -> &Namespace<'a> {
        &self.namespace
    }

    /// Waits until the cluster calls the portal ready and it is reached through the port.
    pub async fn until_ready(&self) -> anyhow::Result<()> {
        self.namespace
            .kubectl(
                &["rollout", "status", "deployment/launchpad", "--timeout=120s"],
                "",
            )
            .await?;
        let stranger = Client::new(&self.url())?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match stranger
                .get("/healthz")
                .await
                .and_then(|answer| answer.expect(200))
            {
                Ok(_) => return Ok(()),
                Err(error) => ensure!(Instant::now() < deadline, "the portal is not reached: {error:#}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Runs the program's command line in the portal's pod.
    pub async fn run(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut all = vec![
            "exec",
            "--stdin",
            "deployment/launchpad",
            "--",
            "launchpad",
            "--config=/etc/launchpad/launchpad.toml",
        ];
        all.extend(arguments);
        self.namespace.kubectl(&all, input).await
    }

    /// Makes an account, and answers a client that holds a token of it.
    pub async fn account(&self, name: &str, role: &str, password: &str) -> anyhow::Result<Client> {
        self.run(
            &["user", "add", name, "--role", role, "--password-stdin"],
            password,
        )
        .await?;
        let made = self.run(&["token", "create", "--user", name], "").await?;
        let token = made
            .split_whitespace()
            .find(|word| word.starts_with("lpt_"))
            .with_context(|| format!("no token in `{made}`"))?;
        Client::with_token(&self.url(), token)
    }

    /// Makes a job of what a cron job would do at its time, and waits until it is done.
    pub async fn run_job(&self, name: &str, from: &str) -> anyhow::Result<()> {
        let job = format!("job/{name}");
        self.namespace
            .kubectl(&["create", "job", name, &format!("--from=cronjob/{from}")], "")
            .await?;
        let done = self
            .namespace
            .kubectl(&["wait", "--for=condition=complete", "--timeout=60s", &job], "")
            .await;
        if let Err(error) = done {
            let said = self.namespace.kubectl(&["logs", &job], "").await?;
            anyhow::bail!("{error:#}\nthe job said:\n{said}");
        }
        Ok(())
    }

    /// Ends the portal's pod as whoever empties a node does, and waits until it is gone.
    pub async fn delete_pod(&self) -> anyhow::Result<()> {
        self.namespace
            .kubectl(
                &["delete", "pod", "--selector=app.kubernetes.io/component=portal"],
                "",
            )
            .await?;
        Ok(())
    }

    /// Ends the portal, or starts it again, and waits for either.
    pub async fn scale(&self, replicas: u8) -> anyhow::Result<()> {
        self.namespace
            .kubectl(
                &["scale", "deployment/launchpad", &format!("--replicas={replicas}")],
                "",
            )
            .await?;
        if replicas > 0 {
            return self.until_ready().await;
        }
        self.namespace
            .kubectl(
                &[
                    "wait",
                    "--for=delete",
                    "pod",
                    "--selector=app.kubernetes.io/component=portal",
                    "--timeout=60s",
                ],
                "",
            )
            .await?;
        Ok(())
    }

    /// Removes what was installed by the one command that an operator uses, and waits until it is gone.
    pub async fn remove(&self) -> anyhow::Result<()> {
        self.namespace
            .kubectl(&["delete", "--filename=-", "--timeout=120s"], &self.manifests)
            .await?;
        Ok(())
    }
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        self.forward.abort();
    }
}

async fn bring_image(cluster: &Cluster, program: &Path) -> anyhow::Result<()> {
    let image = format!("{}:{}", IMAGE.0, IMAGE.1);
    let built = Command::new(workspace().join("deploy/image/build.sh"))
        .arg("--program")
        .arg(program)
        .args(["--tag", &image])
        .output()
        .await?;
    ensure!(
        built.status.success(),
        "the image is not built: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    cluster.import(&image).await
}

/// Keeps a port of this machine connected to the portal. A connection belongs to one pod, and is made again for the next.
async fn forward(kubeconfig: std::path::PathBuf, namespace: String, port: u16) {
    loop {
        let ended = Command::new(workspace().join("tests/cluster/cluster.sh"))
            .args([
                "kubectl",
                "--namespace",
                &namespace,
                "port-forward",
                "service/launchpad",
            ])
            .arg(format!("{port}:80"))
            .env("LAUNCHPAD_TEST_KUBECONFIG", &kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .status()
            .await;
        if let Err(error) = ended {
            eprintln!("the portal's port cannot be forwarded: {error}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
