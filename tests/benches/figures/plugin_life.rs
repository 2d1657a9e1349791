//! What plugins cost beside their calls: a new version, sixty of them in memory, one that never ends.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use launchpad_domain::{HookError, LaunchTypeId, LaunchTypes, Plugins};
use launchpad_plugin_host::{PluginHost, Setup};
use launchpad_server::SystemClock;
use launchpad_tests::{Client, Portal, workspace};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::memory::Memory;
use crate::plugins::{context, in_a_task};
use crate::table::{Sample, Table, short};
use crate::{PASSWORD, portal};

const RELOADS: u32 = 10;
const LIVE: u32 = 60;
const CALLS: u32 = 20_000;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    reload(table).await?;
    for carrier in ["wasm", "rhai"] {
        spinning(table, carrier).await?;
    }
    live(table).await
}

/// The shipped component as a plugin from outside: another id, another version, other bytes each time.
fn write_component(folder: &Path, id: &str, number: u32) -> anyhow::Result<()> {
    let shipped = workspace().join("plugins/container");
    fs::create_dir_all(folder)?;
    fs::copy(
        shipped.join("settings.schema.json"),
        folder.join("settings.schema.json"),
    )?;
    let manifest = fs::read_to_string(shipped.join("plugin.toml"))?;
    let (manifest, _tests) = manifest.split_once("[[test]]").context("a manifest with tests")?;
    let manifest = manifest
        .replace("id = \"container\"", &format!("id = \"{id}\""))
        .replace("version = \"1.0.0\"", &format!("version = \"1.0.{number}\""));
    let mut component = fs::read(shipped.join("plugin.wasm"))?;
    // A custom section (id 0): its length, then its name with a length of its own.
    let name = format!("{id}-{number}");
    let length = u8::try_from(name.len())?;
    component.extend([0, length + 1, length]);
    component.extend(name.bytes());
    // The manifest last: it is by its version that the new one is known.
    fs::write(folder.join("plugin.wasm"), component)?;
    fs::write(folder.join("plugin.toml"), manifest)?;
    Ok(())
}

async fn host(folder: &Path) -> Arc<PluginHost> {
    let setup = Setup {
        folders: vec![folder.to_owned()],
        ..Setup::of(Vec::new(), Arc::new(SystemClock::default()))
    };
    Arc::new(PluginHost::load(setup).await)
}

/// From the moment when a new version's files are written to its first answer; the wait for the writer to be done included.
async fn reload(table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("changing");
    write_component(&place, "changing", 0)?;
    let host = host(folder.path()).await;
    let id: LaunchTypeId = "changing".parse().map_err(anyhow::Error::msg)?;
    let stop = CancellationToken::new();
    let watching = tokio::spawn(Arc::clone(&host).watch(stop.clone()));
    // The kernel's watch is there once something is noticed.
    let mut times = Vec::new();
    for number in 0..=RELOADS {
        write_component(&place, "changing", number)?;
        let begin = Instant::now();
        let version = format!("1.0.{number}");
        while host.get(&id)?.version != version {
            ensure!(begin.elapsed() < Duration::from_secs(30), "{version} never came");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        host.plan(&id, context()).await?;
        if number > 0 {
            times.push(begin.elapsed());
        }
    }
    stop.cancel();
    watching.await?;
    table.add(
        "a new version of a Rust plugin, file written to first answer",
        "<= 500 ms",
        Sample::new(times).describe(),
    );
    Ok(())
}

const SPINS: &str = "fn plan(ctx) { loop { } }";
const SPINS_TOO: &str = r#"(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "plan") (param i32 i32) (result i32) (loop $again (br $again)) unreachable))
    (core instance $i (instantiate $m))
    (type $error_type (record (field "code" string) (field "message" string) (field "details" string)))
    (export $error "plugin-error" (type $error_type))
    (func $plan (param "ctx" string) (result (result string (error $error)))
        (canon lift (core func $i "plan") (memory $i "memory") (realloc (func $i "realloc"))))
    (export "plan" (func $plan)))"#;

fn write_spinning(folder: &Path, carrier: &str) -> anyhow::Result<()> {
    let (entry, code) = match carrier {
        "wasm" => ("plugin.wasm", wat::parse_str(SPINS_TOO)?),
        _ => ("main.rhai", SPINS.as_bytes().to_vec()),
    };
    fs::create_dir_all(folder)?;
    fs::write(folder.join(entry), code)?;
    let manifest = format!(
        "manifest = 1\n[plugin]\nid = \"spins\"\nversion = \"1.0.0\"\nkind = \"launch-type\"\nopens = \"url\"\n\
         name = \"Spins\"\n[runtime]\ntype = \"{carrier}\"\nentry = \"{entry}\"\napi = \"^1.0\"\n"
    );
    Ok(fs::write(folder.join("plugin.toml"), manifest)?)
}

/// One plugin that never ends by itself, called again and again, beside one that does its work.
async fn spinning(table: &mut Table, carrier: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    write_component(&folder.path().join("works"), "works", 0)?;
    write_spinning(&folder.path().join("spins"), carrier)?;
    let host = host(folder.path()).await;
    let works: LaunchTypeId = "works".parse().map_err(anyhow::Error::msg)?;
    in_a_task(&host, &works, CALLS / 10).await?;
    let alone = in_a_task(&host, &works, CALLS).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let spins = tokio::spawn(spin(Arc::clone(&host), Arc::clone(&stop)));
    let beside = in_a_task(&host, &works, CALLS).await?;
    stop.store(true, Ordering::Relaxed);
    let stopped = Sample::new(spins.await??);
    let ratio = beside.quantile(95).as_secs_f64() / alone.quantile(95).as_secs_f64();
    table.add(
        &format!("a plugin that never ends, {carrier}"),
        "stopped within 260 ms, p95 of others <= 2x",
        format!(
            "stopped within {}, p95 of others {} -> {} ({ratio:.2}x)",
            short(stopped.quantile(100)),
            short(alone.quantile(95)),
            short(beside.quantile(95)),
        ),
    );
    Ok(())
}

async fn spin(host: Arc<PluginHost>, stop: Arc<AtomicBool>) -> anyhow::Result<Vec<Duration>> {
    let id: LaunchTypeId = "spins".parse().map_err(anyhow::Error::msg)?;
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let ended = host.plan(&id, context()).await;
        times.push(begin.elapsed());
        ensure!(
            matches!(
                ended,
                Err(HookError::Fault {
                    code: "plugin-cpu",
                    ..
                })
            ),
            "{ended:?}"
        );
        // Closes the breaker, which would leave it alone.
        host.reload().await;
    }
    Ok(times)
}

/// The portal with sixty components more, each called, against the portal without them.
async fn live(table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins)?;
    let cache = folder.path().join("compiled");
    let mut portal = portal()
        .set("LAUNCHPAD_PLUGINS__DIRS", &plugins)
        .set("LAUNCHPAD_PLUGINS__CACHE", &cache)
        .start()
        .await?;
    portal.account("root", "admin", PASSWORD).await?;
    let without = called(&mut portal, 0).await?;
    for number in 0..LIVE {
        let name = format!("live-{number}");
        write_component(&plugins.join(&name), &name, 0)?;
    }
    // Compiled once, and then a start like any other.
    called(&mut portal, LIVE).await?;
    let with = called(&mut portal, LIVE).await?;
    let more = |with: u64, without: u64| with.saturating_sub(without) / 1_024;
    table.add(
        "60 more plugins, all of them called",
        "<= 60 MiB more",
        format!(
            "{} MiB more resident, {} MiB of it its own",
            more(with.all, without.all),
            more(with.own, without.own)
        ),
    );
    Ok(())
}

/// Memory after a start and a call of each.
async fn called(portal: &mut Portal, plugins: u32) -> anyhow::Result<Memory> {
    portal.kill().await?;
    portal.start_again().await?;
    let mut admin = portal.stranger()?;
    admin
        .submit("/sign-in", &[("name", "root"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    until_loaded(&admin, plugins as usize).await?;
    let example = serde_json::to_string(&context())?;
    for number in 0..plugins {
        let place = format!("/admin/plugins/live-{number}/try");
        let fields = [("hook", "plan"), ("context", example.as_str())];
        admin.submit(&place, &fields).await?.expect(200)?;
    }
    Memory::of(portal.process_id().context("the portal runs")?)
}

async fn until_loaded(admin: &Client, plugins: usize) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let list = admin.get("/api/plugins").await?.expect(200)?.json()?;
        let loaded = |plugin: &&Value| plugin["state"] == "loaded";
        let list = list.as_array().context("a list")?;
        let ours = list
            .iter()
            .filter(loaded)
            .filter(|plugin| plugin["id"].as_str().is_some_and(|id| id.starts_with("live-")));
        if ours.count() == plugins {
            return Ok(());
        }
        ensure!(
            begin.elapsed() < Duration::from_mins(5),
            "not all were loaded: {list:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
