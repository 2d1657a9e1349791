//! The documents that hooks are called with.

use chrono::{DateTime, Utc};
use launchpad_domain::launch_types::{HookApp, HookContext, HookEvent, HookSession, HookUser};
use launchpad_domain::runtime::workload_name;
use launchpad_domain::{App, ClaimScope, Session, UserId, Viewer};
use serde_json::Map;

use super::Shared;
use crate::ServiceError;

/// For an app without a session: a link that is opened, a launch form that is shown.
pub(crate) fn of_app(app: &App, viewer: &Viewer, now: DateTime<Utc>) -> HookContext {
    HookContext {
        schema: 1,
        session: None,
        app: HookApp::from(app),
        user: HookUser {
            id: viewer.id,
            name: viewer.name.to_string(),
        },
        params: Map::new(),
        sidecar_image: String::new(),
        plugin_config: Map::new(),
        event: None,
        now_unix_ms: now.timestamp_millis(),
        seed: rand::random::<u64>().to_string(),
    }
}

/// For a session, before it is made (attempt 0) and when it is planned (from 1).
pub(super) fn of_session(
    session: &Session,
    app: HookApp,
    user: (UserId, &str),
    attempt: u32,
    sidecar_image: &str,
    now: DateTime<Utc>,
) -> HookContext {
    HookContext {
        schema: 1,
        session: Some(HookSession {
            id: session.id,
            name: workload_name(session.id),
            attempt,
            address: session.pod_ip.clone(),
            claims: own_claims(session),
        }),
        app,
        user: HookUser {
            id: user.0,
            name: user.1.to_owned(),
        },
        params: session.params.clone(),
        sidecar_image: sidecar_image.to_owned(),
        plugin_config: Map::new(),
        event: None,
        now_unix_ms: now.timestamp_millis(),
        seed: rand::random::<u64>().to_string(),
    }
}

/// The workspaces that are the session's alone, by the engine's names.
fn own_claims(session: &Session) -> Vec<String> {
    let claims = session.plan.iter().flat_map(|plan| &plan.claims);
    claims
        .filter(|claim| claim.scope == ClaimScope::Session)
        .map(|claim| claim.name.clone())
        .collect()
}

impl Shared {
    /// For a hook after the plan. App and account may be gone by then: what is known of them is in the session.
    pub(super) async fn later_context(
        &self,
        session: &Session,
        event: Option<HookEvent>,
    ) -> Result<HookContext, ServiceError> {
        let app = match self.catalogue.get(&session.app_id).await {
            Ok(stored) => HookApp::from(&stored.app),
            Err(ServiceError::NotFound(_)) => HookApp {
                id: session.app_id.to_string(),
                name: session.app_name.clone(),
                url: String::new(),
                container_image: String::new(),
                settings: Map::new(),
            },
            Err(error) => return Err(error),
        };
        let account = self.store.accounts().get(session.user_id).await?;
        let name = account
            .map(|account| account.name.to_string())
            .unwrap_or_default();
        let user = (session.user_id, name.as_str());
        let sidecar = &self.settings.sidecar_image;
        Ok(HookContext {
            event,
            ..of_session(session, app, user, 0, sidecar, self.clock.now())
        })
    }
}
