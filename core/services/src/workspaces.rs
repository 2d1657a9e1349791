//! Workspaces: listed as the engine has them, and deleted for an administrator.
//!
//! A deletion is first a row, written with its audit row; only the session manager, which runs
//! [`remove_workspaces`], takes the workspace off the engine, as often as it takes. Until that is done no launch is
//! given the workspace.

use std::collections::BTreeMap;
use std::sync::Arc;

use launchpad_domain::{Account, Actor, SessionId, UserId, Workspace, WorkspaceName};

use crate::ServiceError;
use crate::sessions::Shared;
use crate::sessions::engine::Engine;

/// A workspace, and what the portal knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedWorkspace {
    /// As the engine has it.
    pub workspace: Workspace,
    /// Its owner's sign-in name; none where there is no such account any more.
    pub owner: Option<String>,
    /// The sessions that have it mounted, or are about to.
    pub sessions: Vec<SessionId>,
    /// Whether it is being deleted.
    pub going: bool,
}

/// Lists and deletes workspaces. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workspaces(Arc<Shared>);

impl Workspaces {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Everybody's workspaces, by owner and app.
    ///
    /// # Errors
    /// [`ServiceError::EngineAway`]: only the engine knows them.
    pub async fn all(&self) -> Result<Vec<ListedWorkspace>, ServiceError> {
        self.list(|_| true).await
    }

    /// The account's workspaces, by app.
    ///
    /// # Errors
    /// [`ServiceError::EngineAway`].
    pub async fn of_user(&self, user: UserId) -> Result<Vec<ListedWorkspace>, ServiceError> {
        self.list(|workspace| workspace.user == Some(user)).await
    }

    /// The workspace of this name.
    ///
    /// # Errors
    /// There is none; [`ServiceError::EngineAway`].
    pub async fn get(&self, name: &WorkspaceName) -> Result<ListedWorkspace, ServiceError> {
        let mut found = self.list(|workspace| workspace.name == *name).await?;
        found.pop().ok_or(ServiceError::NotFound("workspace"))
    }

    /// Has a workspace deleted, with all that is in it. Being deleted already is no error.
    ///
    /// # Errors
    /// There is none; [`ServiceError::InUse`] while a session has it; [`ServiceError::EngineAway`]. Nothing is changed
    /// then.
    pub async fn delete(&self, actor: &Actor, name: &WorkspaceName) -> Result<(), ServiceError> {
        let shared = &self.0;
        let kind = self.engine()?.runtime.kind();
        let found = self.get(name).await?;
        let details = format!(
            "workspace {name} of {} in {}",
            found.owner_words(),
            found
                .workspace
                .app
                .map_or_else(|| "no app".to_owned(), |app| app.to_string())
        );
        let held = shared
            .store
            .workspaces()
            .remove(actor, kind, name, details, shared.clock.now())
            .await?;
        if let Some(session) = held {
            return Err(ServiceError::InUse(format!(
                "session {session} has this workspace: end it first"
            )));
        }
        shared.workspace_wishes.notify_one();
        Ok(())
    }

    async fn list(&self, wanted: impl Fn(&Workspace) -> bool) -> Result<Vec<ListedWorkspace>, ServiceError> {
        let shared = &self.0;
        let engine = self.engine()?;
        let mut found = engine
            .runtime
            .workspaces()
            .await
            .inspect_err(|error| engine.note(error))?;
        found.retain(wanted);
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let kind = engine.runtime.kind();
        let going = shared.store.workspaces().going(kind).await?;
        let accounts = shared.store.accounts().list().await?;
        let mut users: BTreeMap<String, Vec<SessionId>> = BTreeMap::new();
        for session in shared.store.sessions().unfinished(kind).await? {
            for claim in session.plan.iter().flat_map(|plan| &plan.claims) {
                users.entry(claim.name.clone()).or_default().push(session.id);
            }
        }
        let mut listed: Vec<_> = found
            .into_iter()
            .map(|workspace| ListedWorkspace {
                owner: workspace.user.and_then(|user| name_of(&accounts, user)),
                sessions: users.remove(workspace.name.as_str()).unwrap_or_default(),
                going: going.contains(&workspace.name),
                workspace,
            })
            .collect();
        listed.sort_by(|one, other| {
            let key = |of: &ListedWorkspace| {
                (
                    of.owner.clone(),
                    of.workspace.app.clone(),
                    of.workspace.name.clone(),
                )
            };
            key(one).cmp(&key(other))
        });
        Ok(listed)
    }

    fn engine(&self) -> Result<&Engine, ServiceError> {
        self.0.engine.as_ref().ok_or_else(|| {
            ServiceError::EngineAway("This portal has no engine, and so no workspaces.".to_owned())
        })
    }
}

impl ListedWorkspace {
    /// Its owner, for people: the name, else the id.
    pub fn owner_words(&self) -> String {
        match (&self.owner, self.workspace.user) {
            (Some(name), _) => name.clone(),
            (None, Some(id)) => id.to_string(),
            (None, None) => "nobody".to_owned(),
        }
    }
}

fn name_of(accounts: &[Account], id: UserId) -> Option<String> {
    let account = accounts.iter().find(|account| account.id == id)?;
    Some(account.name.to_string())
}

/// Takes off the engine what is to go. What cannot go now is tried again at the next look.
pub(crate) async fn remove_workspaces(shared: Arc<Shared>) {
    let Some(engine) = &shared.engine else { return };
    let workspaces = shared.store.workspaces();
    let going = match workspaces.going(engine.runtime.kind()).await {
        Ok(going) => going,
        Err(error) => {
            tracing::error!(%error, "which workspaces are to go cannot be read");
            return;
        }
    };
    for name in going {
        if let Err(error) = engine.runtime.delete_workspace(&name).await {
            engine.note(&error);
            tracing::warn!(%error, %name, "a workspace could not be deleted yet");
            continue;
        }
        tracing::info!(%name, "a workspace was deleted");
        if let Err(error) = workspaces.gone(&name).await {
            tracing::error!(%error, %name, "that a workspace is gone could not be noted");
        }
    }
}
