//! What works and what does not, for `/readyz`.

use std::sync::Arc;

use launchpad_domain::LaunchTypes;
use launchpad_store::Store;
use serde::Serialize;

use crate::{Leadership, Sessions};

/// Asks the parts how they are.
#[derive(Debug)]
pub struct Health {
    store: Store,
    sessions: Sessions,
    launch_types: Arc<dyn LaunchTypes>,
    leadership: Leadership,
}

/// The answer. Only the database decides whether the portal is ready: without an engine links still open.
#[derive(Debug, Clone, Serialize)]
pub struct HealthReport {
    /// Whether the database answers.
    pub ready: bool,
    /// `ok`, or what is wrong.
    pub database: String,
    /// The engine's name and version, or what is wrong.
    pub engine: String,
    /// The ids of the loaded launch types.
    pub launch_types: Vec<String>,
    /// Whether this portal launches and ends sessions for all portals on its database; one of them does.
    pub leads: bool,
}

impl Health {
    pub(crate) fn new(
        store: Store,
        sessions: Sessions,
        launch_types: Arc<dyn LaunchTypes>,
        leadership: Leadership,
    ) -> Self {
        Self {
            store,
            sessions,
            launch_types,
            leadership,
        }
    }

    /// Looks now. The engine's part is what the session manager saw last, so that a probe costs it nothing.
    pub async fn report(&self) -> HealthReport {
        let ping = self.store.ping().await;
        if let Err(error) = &ping {
            tracing::error!(%error, "the database does not answer");
        }
        HealthReport {
            ready: ping.is_ok(),
            database: if ping.is_ok() { "ok" } else { "does not answer" }.to_owned(),
            engine: self.sessions.engine_state().to_string(),
            launch_types: self
                .launch_types
                .list()
                .into_iter()
                .map(|launch_type| launch_type.id.into())
                .collect(),
            leads: self.leadership.term().is_some(),
        }
    }
}
