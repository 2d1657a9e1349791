//! The way of the screen's bytes through the portal, against a plain TCP relay before the same screen.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use launchpad_tests::blaster::Viewer;
use launchpad_tests::{PATIENCE, Portal, Seed, app, derive_image};
use tokio::process::{Child, Command};

use crate::memory::Memory;
use crate::table::{Sample, Table, short};
use crate::{PASSWORD, portal, processor};

const TOOLS: &str = env!("CARGO_BIN_EXE_launchpad-bench-tools");
const DESKTOP: &str = "localhost/launchpad/desktop:1";
pub(crate) const IDLER: &str = "localhost/launchpad-tests/idler:1";
pub(crate) const SCREEN: &str = "localhost/launchpad-tests/bench-screen:1";

const GIB: usize = 1 << 30;
const UPDATES: usize = 5_000;
const IDLE_STREAMS: u32 = 200;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    derive_image(IDLER, DESKTOP, &["/bin/sleep", "infinity"], &[])?;
    derive_screen()?;
    let portal = portal()
        .seed(Seed::Apps(vec![app("bench", "container", "", IDLER)]))
        .set("LAUNCHPAD_VNC_SIDECAR_IMAGE", SCREEN)
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let session = ada.launch("bench").await?;
    let session = ada.until(&session.id, "running").await?;
    let target = portal
        .engine()?
        .published(&session.id)?
        .pop()
        .context("no port")?;
    let (mut relay, relayed) = start_relay(&target).await?;

    let path = session.websocket_url.context("a running session has a screen")?;
    let token = ada.token().context("a script has a token")?;
    let mut direct = Viewer::plain(&target).await?;
    let mut plain = Viewer::plain(&relayed).await?;
    let mut through = Viewer::through_portal(&portal.url(), &path, token).await?;
    let relay_id = relay.id().context("the relay runs")?;
    let portal_id = portal.process_id().context("the portal runs")?;

    let none = flood(&mut direct, None).await?;
    let tcp = flood(&mut plain, Some(relay_id)).await?;
    let ours = flood(&mut through, Some(portal_id)).await?;
    table.add(
        "relay of 1 GiB, against a plain TCP relay",
        ">= 0.95 of its throughput, <= 1.1 of its CPU",
        format!(
            "{:.2} of its throughput, {:.2} of its CPU (none {:.0}, TCP {:.0}, portal {:.0} MB/s)",
            ours.rate / tcp.rate,
            ours.processor / tcp.processor,
            none.rate,
            tcp.rate,
            ours.rate
        ),
    );
    let (tcp, ours) = (updates(&mut plain).await?, updates(&mut through).await?);
    table.add(
        "small updates of 1,400 bytes, there and back",
        "p50 <= 1.15 of a plain TCP relay",
        format!(
            "{:.2} (TCP {}, portal {})",
            ours.quantile(50).as_secs_f64() / tcp.quantile(50).as_secs_f64(),
            short(tcp.quantile(50)),
            short(ours.quantile(50))
        ),
    );
    table.add(
        "memory per idle stream",
        "<= 20 KiB",
        idle_streams(&portal, &path, token).await?,
    );
    relay.kill().await?;
    ada.end(&session.id).await
}

/// Makes the image whose screen sends what it is asked for.
pub(crate) fn derive_screen() -> anyhow::Result<()> {
    derive_image(
        SCREEN,
        DESKTOP,
        &["/launchpad-bench-tools", "screen", "5900"],
        &[TOOLS],
    )
}

async fn start_relay(target: &str) -> anyhow::Result<(Child, String)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let relay = Command::new(TOOLS)
        .args(["relay", &port.to_string(), target])
        .kill_on_drop(true)
        .spawn()?;
    let address = format!("127.0.0.1:{port}");
    let deadline = Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect(&address).await.is_err() {
        ensure!(Instant::now() < deadline, "the plain relay does not listen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((relay, address))
}

pub(crate) struct Flood {
    /// Megabytes a second.
    pub(crate) rate: f64,
    /// Processor seconds of the relay.
    processor: f64,
}

/// The processor time of the relay for 1,000,000,000 bytes.
pub(crate) fn processor_seconds_per_gb(of: &Flood) -> f64 {
    of.processor / 1.073_741_824
}

/// The best of three, for the machine has other things to do as well.
pub(crate) async fn flood(viewer: &mut Viewer, relay: Option<u32>) -> anyhow::Result<Flood> {
    let mut best = Flood {
        rate: 0.0,
        processor: f64::INFINITY,
    };
    for _ in 0..3 {
        let spent = relay.map(processor::seconds).transpose()?.unwrap_or_default();
        let begin = Instant::now();
        viewer.flood(GIB).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let spent = relay.map(processor::seconds).transpose()?.unwrap_or_default() - spent;
        best.rate = best.rate.max(1_073.741_824 / seconds);
        best.processor = best.processor.min(spent);
    }
    Ok(best)
}

async fn updates(viewer: &mut Viewer) -> anyhow::Result<Sample> {
    let mut durations = Vec::with_capacity(UPDATES);
    for _ in 0..UPDATES {
        let begin = Instant::now();
        viewer.update().await?;
        durations.push(begin.elapsed());
    }
    Ok(Sample::new(durations))
}

async fn idle_streams(portal: &Portal, path: &str, token: &str) -> anyhow::Result<String> {
    let id = portal.process_id().context("the portal runs")?;
    let before = Memory::of(id)?.own;
    let mut open = Vec::new();
    for _ in 0..IDLE_STREAMS {
        match Viewer::through_portal(&portal.url(), path, token).await {
            Ok(viewer) => open.push(viewer),
            Err(error) => return Ok(format!("after {} streams the portal says: {error:#}", open.len())),
        }
    }
    let each = Memory::of(id)?.own.saturating_sub(before) / u64::from(IDLE_STREAMS);
    Ok(format!("{each} KiB, over {IDLE_STREAMS} streams"))
}
