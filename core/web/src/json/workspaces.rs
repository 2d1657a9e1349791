//! The document about a workspace.

use chrono::{DateTime, Utc};
use launchpad_services::ListedWorkspace;
use serde::Serialize;
use utoipa::ToSchema;

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Workspace)]
pub(crate) struct WorkspaceDocument {
    name: String,
    /// The account that may mount it.
    #[schema(format = Uuid)]
    user_id: Option<String>,
    /// Its sign-in name; null where there is no such account any more.
    user: Option<String>,
    app_id: Option<String>,
    /// The one session whose it is, where it is not found again at the next launch.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// As it was asked for: `5Gi`.
    size: Option<String>,
    created_at: DateTime<Utc>,
    /// The sessions that have it.
    sessions: Vec<String>,
    in_use: bool,
    /// Whether it is being deleted.
    deleting: bool,
}

impl From<&ListedWorkspace> for WorkspaceDocument {
    fn from(listed: &ListedWorkspace) -> Self {
        let workspace = &listed.workspace;
        Self {
            name: workspace.name.to_string(),
            user_id: workspace.user.map(|id| id.to_string()),
            user: listed.owner.clone(),
            app_id: workspace.app.as_ref().map(ToString::to_string),
            session_id: workspace.session.map(|id| id.to_string()),
            size: workspace.size.clone(),
            created_at: workspace.created_at,
            sessions: listed.sessions.iter().map(ToString::to_string).collect(),
            in_use: !listed.sessions.is_empty(),
            deleting: listed.going,
        }
    }
}
