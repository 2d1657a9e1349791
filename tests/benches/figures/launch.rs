//! What the portal adds to a launch: the same two containers, started by a bare client of Podman and by the portal.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use launchpad_tests::{PATIENCE, Seed, desktop};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::table::{Sample, Table, short};
use crate::{PASSWORD, portal};

const LAUNCHES: usize = 20;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    // By turns, so that whatever else the machine does hits both.
    for number in 0..LAUNCHES {
        bare.push(bare_launch(number).await?);
        let begin = Instant::now();
        let session = ada.launch("desktop").await?;
        ada.until(&session.id, "running").await?;
        ours.push(begin.elapsed());
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
        "launch by the portal, from the click until `running`",
        "",
        ours.describe(),
    );
    let added = |percent| short(ours.quantile(percent).saturating_sub(bare.quantile(percent)));
    table.add(
        "what the portal adds to a launch",
        "p95 <= 15 ms before and 25 ms after",
        format!("p50 {}, p95 {} in all", added(50), added(95)),
    );
    Ok(())
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
