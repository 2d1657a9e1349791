//! What the portal adds to a launch: the same two containers, started by a bare client of Podman and by the portal.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use launchpad_tests::{PATIENCE, Seed, desktop};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::table::{Sample, Table, short};
use crate::{PASSWORD, portal};

const LAUNCHES: usize = 20;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let watched = WatchedPodman::new()?;
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .path(watched.path())
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    let (mut before, mut after) = (Vec::new(), Vec::new());
    // By turns, so that whatever else the machine does hits both.
    for number in 0..LAUNCHES {
        bare.push(bare_launch(number).await?);
        let click = SystemTime::now();
        let session = ada.launch("desktop").await?;
        // Asked now and then: when it ran is what the session says, not when it was asked.
        let ran: SystemTime = ada.until(&session.id, "running").await?.updated_at.into();
        let (asked, done) = watched.last_play()?;
        ours.push(ran.duration_since(click)?);
        before.push(asked.duration_since(click)?);
        after.push(ran.duration_since(done)?);
        ada.end(&session.id).await?;
        portal.engine()?.until_empty().await?;
    }
    let (bare, ours) = (Sample::new(bare), Sample::new(ours));
    table.add(
        "launch by a bare client, until the screen greets",
        "",
        bare.describe(),
    );
    table.add(
        "launch by the portal, from the click until it runs",
        "",
        ours.describe(),
    );
    let added = |percent| short(ours.quantile(percent).saturating_sub(bare.quantile(percent)));
    table.add(
        "what the portal adds to a launch",
        "p95 <= 15 ms before and 25 ms after",
        format!("p50 {}, p95 {} in all", added(50), added(95)),
    );
    table.add(
        "of a launch: from the click until Podman is asked",
        "",
        Sample::new(before).describe(),
    );
    table.add(
        "of a launch: from Podman's answer until it runs",
        "",
        Sample::new(after).describe(),
    );
    Ok(())
}

/// A `podman` before the machine's that notes when a pod is asked for and when it is there.
struct WatchedPodman {
    folder: tempfile::TempDir,
}

impl WatchedPodman {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("podman");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = kube ] || exec /usr/bin/podman \"$@\"\n\
             asked=$(date +%s%N)\n/usr/bin/podman \"$@\"\nstatus=$?\n\
             echo $asked $(date +%s%N) > {}\nexit $status\n",
            folder.path().join("play").display()
        );
        std::fs::write(&program, script)?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { folder })
    }

    fn path(&self) -> String {
        format!(
            "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            self.folder.path().display()
        )
    }

    /// When the last pod was asked for, and when Podman had answered.
    fn last_play(&self) -> anyhow::Result<(SystemTime, SystemTime)> {
        let text = std::fs::read_to_string(self.folder.path().join("play"))?;
        let (asked, done) = text.trim().split_once(' ').context("two times")?;
        let time = |nanoseconds: &str| -> anyhow::Result<SystemTime> {
            Ok(UNIX_EPOCH + Duration::from_nanos(nanoseconds.parse()?))
        };
        Ok((time(asked)?, time(done)?))
    }
}

/// Makes the pod, waits until its screen greets, and removes it.
async fn bare_launch(number: usize) -> anyhow::Result<Duration> {
    let name = format!("launchpad-bench-{number}");
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let begin = Instant::now();
    podman(
        &["kube", "play", "--quiet", "--network", "slirp4netns", "-"],
        &pod(&name, port),
    )?;
    until_greeted(port).await?;
    let length = begin.elapsed();
    podman(&["pod", "rm", "--force", "--time", "0", &name], "")?;
    for volume in ["x11", "tmp-app", "tmp-vnc"] {
        podman(&["volume", "rm", "--force", &format!("{name}-{volume}")], "")?;
    }
    Ok(length)
}

async fn until_greeted(port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut greeting = [0; 4];
    while Instant::now() < deadline {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await
            && stream.read_exact(&mut greeting).await.is_ok()
        {
            ensure!(greeting == *b"RFB ", "not a VNC server");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    anyhow::bail!("the bare pod's screen never greeted")
}

fn pod(name: &str, port: u16) -> String {
    format!(
        r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{name}"}}, "spec": {{
            "restartPolicy": "Never",
            "volumes": [{{"name": "{name}-x11", "emptyDir": {{}}}}, {{"name": "{name}-tmp-app", "emptyDir": {{}}}},
                {{"name": "{name}-tmp-vnc", "emptyDir": {{}}}}],
            "containers": [
                {{"name": "vnc", "image": "localhost/launchpad/vnc-sidecar:1",
                  "ports": [{{"containerPort": 5900, "hostPort": {port}, "hostIP": "127.0.0.1"}}],
                  "volumeMounts": [{{"name": "{name}-x11", "mountPath": "/tmp/.X11-unix"}},
                      {{"name": "{name}-tmp-vnc", "mountPath": "/tmp"}}]}},
                {{"name": "app", "image": "localhost/launchpad/desktop:1",
                  "volumeMounts": [{{"name": "{name}-x11", "mountPath": "/tmp/.X11-unix"}},
                      {{"name": "{name}-tmp-app", "mountPath": "/tmp"}}]}}]}}}}"#
    )
}

fn podman(arguments: &[&str], input: &str) -> anyhow::Result<()> {
    let mut child = Command::new("podman")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("stdin is piped")?
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "podman: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
