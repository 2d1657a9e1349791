//! Real services on a real SQLite file, with an engine and a launch type that do as a test tells them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod engine;
mod launch_types;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use launchpad_domain::policy::PodLimits;
use launchpad_domain::{Actor, AppDraft, Branding, Clock, Role, Runtime, Session, SessionId, Status, Viewer};
use launchpad_services::{
    FetchRules, LaunchRequest, Parts, Peering, PluginSupport, ServiceError, Services, SessionSettings,
};
use launchpad_store::Store;
use serde_json::Map;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use engine::ScriptedEngine;
use launch_types::NoPlugins;
pub(crate) use launch_types::ScriptedLaunchTypes;

/// Longest that a test waits for something.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The clock of these tests is the system's.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

pub(crate) struct Portal {
    pub(crate) services: Arc<Services>,
    pub(crate) engine: Arc<ScriptedEngine>,
    pub(crate) viewer: Viewer,
    /// What its plugins' host functions ask.
    pub(crate) plugin_support: Arc<PluginSupport>,
    stop: CancellationToken,
    manager: JoinHandle<()>,
    peering: JoinHandle<Result<(), ServiceError>>,
}

pub(crate) struct Timeouts {
    pub(crate) ready: chrono::Duration,
    pub(crate) session: chrono::Duration,
    pub(crate) idle: chrono::Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            ready: chrono::Duration::seconds(60),
            session: chrono::Duration::minutes(10),
            idle: chrono::Duration::minutes(10),
        }
    }
}

impl Portal {
    /// Starts a portal on the database in `folder`; a second one there takes up what the first left.
    pub(crate) async fn start(folder: &Path, engine: Arc<ScriptedEngine>, timeouts: Timeouts) -> Self {
        Self::start_with(folder, engine, timeouts, Arc::default()).await
    }

    /// The same with launch types that the test has set up.
    pub(crate) async fn start_with(
        folder: &Path,
        engine: Arc<ScriptedEngine>,
        timeouts: Timeouts,
        launch_types: Arc<ScriptedLaunchTypes>,
    ) -> Self {
        let url = folder.join("launchpad.db").to_str().unwrap().parse().unwrap();
        let store = Store::open(&url).await.unwrap();
        let secrets = folder.join("secrets");
        std::fs::create_dir_all(&secrets).unwrap();
        std::fs::write(secrets.join("token"), "hush").unwrap();
        let plugin_support = Arc::new(PluginSupport::new(
            store.clone(),
            Some(engine.clone()),
            Some(secrets),
            FetchRules::default(),
        ));
        let (services, manager) = Services::new(Parts {
            store: store.clone(),
            launch_types: launch_types.clone(),
            plugins: Arc::new(NoPlugins),
            plugin_support: plugin_support.clone(),
            runtime: Some(engine.clone()),
            clock: Arc::new(SystemClock),
            branding: Branding::parse("", "#000000", "#ffffff", "Test").unwrap(),
            default_launch_type: "link".parse().unwrap(),
            sessions: SessionSettings {
                timeout: timeouts.session,
                ready_timeout: timeouts.ready,
                cleanup_interval: Duration::from_secs(30),
                idle_after: timeouts.idle,
                per_user: 3,
                sidecar_image: "localhost/vnc:1".into(),
                pod_limits: PodLimits::default(),
                origins: true,
            },
        });
        let stop = CancellationToken::new();
        let manager = tokio::spawn(manager.run(stop.clone()));
        let peering = Peering::new(store.peers(&url), services.clone());
        let peering = tokio::spawn(peering.run(stop.clone()));
        let account = match services.accounts.list().await.unwrap().pop() {
            Some(account) => account,
            None => services
                .accounts
                .create(&Actor::command_line(), "ada", Role::User, None)
                .await
                .unwrap(),
        };
        let viewer = Viewer {
            id: account.id,
            name: account.name,
            role: account.role,
        };
        Self {
            services,
            engine,
            viewer,
            plugin_support,
            stop,
            manager,
            peering,
        }
    }

    /// Ends the process's part: nothing is told to the engine.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.manager.await.unwrap();
        self.peering.await.unwrap().unwrap();
    }

    /// The same process when its session manager has ended.
    pub(crate) async fn without_manager(self) -> Self {
        self.stop.cancel();
        self.manager.await.unwrap();
        Self {
            manager: tokio::spawn(async {}),
            ..self
        }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::viewer(&self.viewer)
    }

    pub(crate) async fn add_app(&self, id: &str, launch_type: &str) {
        let draft = AppDraft {
            id: id.into(),
            name: id.to_uppercase(),
            url: "https://wiki.example/".into(),
            container_image: "localhost/desktop:1".into(),
            launch_type: launch_type.into(),
            ..AppDraft::default()
        };
        self.services
            .catalogue
            .create(&self.actor(), draft)
            .await
            .unwrap();
    }

    pub(crate) async fn launch(&self, app: &str) -> Session {
        let request = LaunchRequest {
            app_id: app.parse().unwrap(),
            params: Map::new(),
        };
        self.services
            .sessions
            .launch(&self.actor(), &self.viewer, request)
            .await
            .unwrap()
    }

    /// Waits, by the sessions' own changes, until the session is as wanted.
    pub(crate) async fn until(&self, id: SessionId, wanted: impl Fn(&Session) -> bool) -> Session {
        let look = async {
            let mut follower = self.services.sessions.follow(id);
            loop {
                let session = self.services.sessions.get(id).await.unwrap();
                if wanted(&session) {
                    return session;
                }
                follower.changed().await;
            }
        };
        if let Ok(session) = tokio::time::timeout(PATIENCE, look).await {
            return session;
        }
        panic!("never came: {:?}", self.services.sessions.get(id).await)
    }

    pub(crate) async fn until_status(&self, id: SessionId, status: Status) -> Session {
        self.until(id, |session| session.status == status).await
    }

    /// Ends a session, and waits until nothing is left of it.
    pub(crate) async fn end(&self, id: SessionId) {
        self.ask_to_end(id).await;
        self.until_cleaned(id).await;
    }

    pub(crate) async fn ask_to_end(&self, id: SessionId) {
        self.services.sessions.end(&self.actor(), id).await.unwrap();
    }

    pub(crate) async fn until_cleaned(&self, id: SessionId) {
        self.until(id, |session| session.cleaned).await;
    }

    /// Waits until the engine has exactly these workloads.
    pub(crate) async fn until_workloads(&self, wanted: &[SessionId]) {
        let mut events = self.engine.watch();
        let look = async {
            while self.engine.workloads() != wanted {
                events.next().await;
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .expect("the engine's workloads as wanted");
    }
}
