//! What a call of a plugin costs: a fresh instance, the context in, the plan out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use launchpad_domain::launch_types::{HookApp, HookSession, HookUser};
use launchpad_domain::{HookContext, LaunchTypeId, LaunchTypes, SessionId, UserId};
use launchpad_plugin_host::{PluginHost, Setup, Source};
use launchpad_server::SystemClock;

use crate::table::{Sample, Table, short};

const CALLS: u32 = 20_000;
const LANES: u32 = 2;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let begin = Instant::now();
    let host =
        Arc::new(PluginHost::load(Setup::of(Source::shipped(), Arc::new(SystemClock::default()))).await);
    table.add(
        "loading the shipped plugins, nothing cached",
        "",
        short(begin.elapsed()),
    );
    for (id, figure, goal) in [
        ("container", "plugin call, WASM, fresh instance", "p50 <= 60 us"),
        ("container-pvc", "plugin call, Rhai", "p50 <= 20 us"),
    ] {
        let id: LaunchTypeId = id.parse().map_err(anyhow::Error::msg)?;
        in_a_task(&host, &id, CALLS / 20).await?;
        let one = in_a_task(&host, &id, CALLS).await?;
        let begin = Instant::now();
        let (first, second) = tokio::join!(in_a_task(&host, &id, CALLS), in_a_task(&host, &id, CALLS));
        first?;
        second?;
        let rate = f64::from(CALLS * LANES) / begin.elapsed().as_secs_f64();
        table.add(
            figure,
            goal,
            format!("{}; {rate:.0} calls/s by two", one.describe()),
        );
    }
    Ok(())
}

/// One call after the other, in a task of its own, as every request has one.
pub(crate) async fn in_a_task(
    host: &Arc<PluginHost>,
    id: &LaunchTypeId,
    calls: u32,
) -> anyhow::Result<Sample> {
    let (host, id) = (Arc::clone(host), id.clone());
    tokio::spawn(async move { lane(&host, &id, calls).await }).await?
}

async fn lane(host: &PluginHost, id: &LaunchTypeId, calls: u32) -> anyhow::Result<Sample> {
    let mut durations: Vec<Duration> = Vec::with_capacity(calls as usize);
    for _ in 0..calls {
        let context = context();
        let begin = Instant::now();
        host.plan(id, context).await?;
        durations.push(begin.elapsed());
    }
    Ok(Sample::new(durations))
}

/// A desktop as the session manager asks for it.
pub(crate) fn context() -> HookContext {
    let session = SessionId::new();
    HookContext {
        schema: 1,
        session: Some(HookSession {
            id: session,
            name: format!("session-{session}"),
            attempt: 1,
            address: None,
            claims: Vec::new(),
        }),
        app: HookApp {
            id: "desktop".to_owned(),
            name: "Desktop".to_owned(),
            url: String::new(),
            container_image: "localhost/launchpad/desktop:1".to_owned(),
            settings: serde_json::Map::new(),
        },
        user: HookUser {
            id: UserId::new(),
            name: "ada".to_owned(),
        },
        params: serde_json::Map::new(),
        sidecar_image: "localhost/launchpad/vnc-sidecar:1".to_owned(),
        plugin_config: serde_json::Map::new(),
        event: None,
        now_unix_ms: 1_767_225_600_000,
        seed: "13835058055282163712".to_owned(),
    }
}
