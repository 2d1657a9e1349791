//! The document that a hook is called with.

use chrono::{DateTime, Utc};
use launchpad_domain::launch_types::{HookApp, HookContext, HookSession, HookUser};
use launchpad_domain::{App, Session, SessionId, UserId, Viewer};
use serde_json::Map;

/// The name of a session's workload.
pub(super) fn workload_name(id: SessionId) -> String {
    format!("session-{id}")
}

/// For an app that opens a link: no session, no parameters.
pub(crate) fn of_link(app: &App, viewer: &Viewer, now: DateTime<Utc>) -> HookContext {
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
        now_unix_ms: now.timestamp_millis(),
        seed: rand::random::<u64>().to_string(),
    }
}

/// For a session, before it is made (attempt 0) and when it is planned (from 1).
pub(super) fn of_session(
    session: &Session,
    app: &App,
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
        }),
        app: HookApp::from(app),
        user: HookUser {
            id: user.0,
            name: user.1.to_owned(),
        },
        params: session.params.clone(),
        sidecar_image: sidecar_image.to_owned(),
        now_unix_ms: now.timestamp_millis(),
        seed: rand::random::<u64>().to_string(),
    }
}
