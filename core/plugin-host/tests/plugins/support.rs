//! Plugins in temporary folders, and the documents to call them with.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use launchpad_domain::launch_types::{HookApp, HookSession, HookUser};
use launchpad_domain::{Clock, HookContext, HookError, LaunchTypeId, LaunchTypes, SessionId, UserId};
use launchpad_plugin_host::{Ceiling, MAX_CPU, MAX_WALL, PluginHost, Setup, Source};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A folder of plugins, gone with the value.
pub(crate) struct Plugins(TempDir);

impl Plugins {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a script as a plugin.
    pub(crate) fn script(self, id: &str, script: &str) -> Self {
        self.plugin(
            id,
            &manifest(id, "rhai", "main.rhai", ""),
            "main.rhai",
            script.as_bytes(),
        )
    }

    /// Writes a plugin.
    pub(crate) fn plugin(self, folder: &str, manifest: &str, entry: &str, bytes: &[u8]) -> Self {
        let path = self.0.path().join(folder);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("plugin.toml"), manifest).unwrap();
        std::fs::write(path.join(entry), bytes).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn sources(&self) -> Vec<Source> {
        Source::in_folder(self.path()).unwrap()
    }

    /// Loads them all; none may fail.
    pub(crate) async fn load(&self) -> PluginHost {
        let host = PluginHost::load(setup(self.sources())).await;
        assert!(host.failures().is_empty(), "{:?}", host.failures());
        host
    }
}

/// The clock of these tests is the system's.
#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// These plugins, without grants and services.
pub(crate) fn setup(sources: Vec<Source>) -> Setup {
    Setup::of(sources, Arc::new(SystemClock))
}

/// The same with the longest times that an operator may allow: for what takes as long as the machine needs.
pub(crate) fn patient(sources: Vec<Source>) -> Setup {
    Setup {
        ceiling: Ceiling {
            cpu: MAX_CPU,
            wall: MAX_WALL,
            ..Ceiling::default()
        },
        ..setup(sources)
    }
}

pub(crate) fn manifest(id: &str, carrier: &str, entry: &str, more: &str) -> String {
    format!(
        "manifest = 1\n[plugin]\nid = \"{id}\"\nversion = \"1.2.0\"\nkind = \"launch-type\"\nopens = \"url\"\n\
         name = \"{id}\"\n[runtime]\ntype = \"{carrier}\"\nentry = \"{entry}\"\napi = \"^1.0\"\n{more}"
    )
}

pub(crate) fn id(id: &str) -> LaunchTypeId {
    id.parse().unwrap()
}

pub(crate) fn context() -> HookContext {
    HookContext {
        schema: 1,
        session: Some(HookSession {
            id: SessionId::new(),
            name: "session-1".to_owned(),
            attempt: 1,
            address: None,
            claims: Vec::new(),
        }),
        app: HookApp {
            id: "desktop".to_owned(),
            name: "Desktop".to_owned(),
            url: "https://wiki.example.org/".to_owned(),
            container_image: "registry.example.org/desktop:2".to_owned(),
            settings: Map::new(),
        },
        user: HookUser {
            id: UserId::new(),
            name: "ada".to_owned(),
        },
        params: Map::new(),
        sidecar_image: "registry.example.org/vnc:1".to_owned(),
        plugin_config: Map::new(),
        event: None,
        now_unix_ms: 1_767_225_600_000,
        seed: "13835058055282163712".to_owned(),
    }
}

pub(crate) async fn plan(host: &PluginHost, plugin: &str) -> Result<Value, HookError> {
    host.plan(&id(plugin), context()).await
}

/// Code and message of a fault, and nothing else will do.
pub(crate) async fn fault(host: &PluginHost, plugin: &str) -> (&'static str, String) {
    match plan(host, plugin).await {
        Err(HookError::Fault { code, message }) => {
            let begin = format!("plugin {plugin} 1.2.0, hook plan: ");
            assert!(message.starts_with(&begin), "{message}");
            assert!(message.contains("(ref "), "{message}");
            (code, message)
        }
        other => panic!("{plugin}: {other:?}"),
    }
}
