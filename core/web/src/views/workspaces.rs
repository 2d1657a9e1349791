//! Workspaces, for administrators and for their owners.

use askama::Template;
use launchpad_services::ListedWorkspace;

use super::page::Page;
use super::when::When;

/// Everybody's workspaces.
#[derive(Debug, Template)]
#[template(path = "admin/workspaces.html")]
pub(crate) struct WorkspacesPage {
    page: Page,
    workspaces: Vec<WorkspaceRow>,
    /// How many there are without the filter.
    all: usize,
    /// What was looked for.
    query: String,
}

/// The question before a workspace is deleted.
#[derive(Debug, Template)]
#[template(path = "admin/workspace-delete.html")]
pub(crate) struct WorkspaceDeletePage {
    page: Page,
    workspace: WorkspaceRow,
}

/// A workspace in a list.
#[derive(Debug)]
pub(crate) struct WorkspaceRow {
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) app: String,
    pub(super) size: String,
    pub(super) created: When,
    /// The first of the sessions that have it.
    pub(super) session: Option<String>,
    /// Whether it goes with its session.
    pub(super) of_session: bool,
    pub(super) going: bool,
}

impl From<&ListedWorkspace> for WorkspaceRow {
    fn from(listed: &ListedWorkspace) -> Self {
        let workspace = &listed.workspace;
        let or_nothing = |text: Option<String>| text.unwrap_or_default();
        Self {
            name: workspace.name.to_string(),
            owner: listed.owner_words(),
            app: or_nothing(workspace.app.as_ref().map(ToString::to_string)),
            size: or_nothing(workspace.size.clone()),
            created: workspace.created_at.into(),
            session: listed.sessions.first().map(ToString::to_string),
            of_session: workspace.session.is_some(),
            going: listed.going,
        }
    }
}

impl WorkspaceRow {
    fn has(&self, word: &str) -> bool {
        [&self.owner, &self.app, &self.name]
            .iter()
            .any(|text| text.to_lowercase().contains(word))
    }
}

impl WorkspacesPage {
    /// Those of the workspaces that have every word of the query in owner, app or name.
    pub(crate) fn new(page: Page, workspaces: &[ListedWorkspace], query: &str) -> Self {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let rows = workspaces.iter().map(WorkspaceRow::from);
        Self {
            page: page.named("Workspaces", "/admin/workspaces"),
            workspaces: rows
                .filter(|row| words.iter().all(|word| row.has(word)))
                .collect(),
            all: workspaces.len(),
            query: query.trim().to_owned(),
        }
    }
}

impl WorkspaceDeletePage {
    /// The question about this workspace.
    pub(crate) fn new(page: Page, workspace: &ListedWorkspace) -> Self {
        Self {
            page: page.named("Delete a workspace", "/admin/workspaces"),
            workspace: workspace.into(),
        }
    }
}
