//! Workspaces: what is wished of them, table `workspace_removals`, and which sessions have them. What there is of them
//! the engine alone knows.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, AuditAction, PodPlan, RuntimeKind, Session, SessionId, WorkspaceName};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
};

use crate::audit::Deed;
use crate::entities::session::{Column as SessionColumn, Entity as SessionRow};
use crate::entities::workspace_removal::{ActiveModel, Column, Entity};
use crate::error::readable;
use crate::session_rows::session;
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Why a session may not have its workspace now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceHeld {
    /// Another session has it.
    By(SessionId),
    /// An administrator has it deleted.
    Going,
}

/// Reads and writes what is wished of workspaces.
#[derive(Debug)]
pub struct Workspaces<'a>(&'a Store);

impl Store {
    /// What is wished of workspaces.
    pub fn workspaces(&self) -> Workspaces<'_> {
        Workspaces(self)
    }
}

impl Workspaces<'_> {
    /// Notes, with the audit row, that a workspace is to go; noted already is no error. A session that has it is the
    /// answer, and then nothing is changed.
    pub async fn remove(
        &self,
        actor: &Actor,
        runtime: RuntimeKind,
        name: &WorkspaceName,
        details: String,
        now: DateTime<Utc>,
    ) -> Result<Option<SessionId>> {
        // Alone, so that no launch is given the workspace meanwhile: see `held`.
        let transaction = self.0.begin_once().await?;
        let mentioning = SessionRow::find()
            .filter(SessionColumn::Cleaned.eq(false))
            .filter(SessionColumn::Plan.contains(name.as_str()))
            .all(&transaction)
            .await?;
        let has = |session: &Session| mounts(session.plan.as_deref(), name.as_str());
        if let Some(session) = readable(mentioning, session).iter().find(|one| has(one)) {
            return Ok(Some(session.id));
        }
        let known = Entity::find_by_id(name.to_string()).one(&transaction).await?;
        if known.is_none() {
            let row = ActiveModel {
                name: Set(name.to_string()),
                runtime: Set(runtime.as_str().to_owned()),
                requested_at: Set(time::text(now)),
            };
            Entity::insert(row).exec_without_returning(&transaction).await?;
            let deed = Deed::new(AuditAction::DeleteWorkspace).to(name).saying(details);
            self.0.note(&transaction, actor, deed, now).await?;
        }
        transaction.commit().await?;
        Ok(None)
    }

    /// The workspaces that are to go from this engine.
    pub async fn going(&self, runtime: RuntimeKind) -> Result<BTreeSet<WorkspaceName>> {
        let rows = Entity::find()
            .filter(Column::Runtime.eq(runtime.as_str()))
            .all(self.0.reader())
            .await?;
        let name =
            |row: crate::entities::workspace_removal::Model| row.name.parse().map_err(StoreError::Corrupt);
        Ok(readable(rows, name).into_iter().collect())
    }

    /// Notes that a workspace is gone: from now on launches may have a new one of that name.
    pub async fn gone(&self, name: &WorkspaceName) -> Result<()> {
        let transaction = self.0.begin().await?;
        Entity::delete_by_id(name.to_string()).exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }
}

/// Why this session may not have the workspaces of its plan; the caller's transaction is one of [`Store::begin_once`],
/// and writes the plan.
pub(crate) async fn held(
    connection: &impl ConnectionTrait,
    of: SessionId,
    plan: &PodPlan,
    live: impl Iterator<Item = &'static str>,
) -> Result<Option<WorkspaceHeld>> {
    let names: Vec<&str> = plan.claims.iter().map(|claim| claim.name.as_str()).collect();
    let going = Entity::find()
        .filter(Column::Name.is_in(names))
        .one(connection)
        .await?;
    if going.is_some() {
        return Ok(Some(WorkspaceHeld::Going));
    }
    let alone = plan.claims.iter().filter(|claim| !claim.is_for_many());
    let live: Vec<_> = live.collect();
    // A claim's name says whose it is: nobody else's sessions have it, and nobody else's plans need to be read.
    let owner = SessionRow::find_by_id(of.to_string())
        .select_only()
        .column(SessionColumn::UserId)
        .into_query();
    for claim in alone {
        let mentioning = SessionRow::find()
            .filter(SessionColumn::UserId.in_subquery(owner.clone()))
            .filter(SessionColumn::Status.is_in(live.iter().copied()))
            .filter(SessionColumn::Id.ne(of.to_string()))
            .filter(SessionColumn::Plan.contains(claim.name.as_str()))
            .all(connection)
            .await?;
        let has = |session: &Session| mounts(session.plan.as_deref(), &claim.name);
        if let Some(session) = readable(mentioning, session).iter().find(|one| has(one)) {
            return Ok(Some(WorkspaceHeld::By(session.id)));
        }
    }
    Ok(None)
}

/// Forgets every wish: a restored one may be about a workspace of the same name that is younger than it.
pub(crate) async fn forget_wishes(connection: &impl ConnectionTrait) -> Result<()> {
    Entity::delete_many().exec(connection).await?;
    Ok(())
}

fn mounts(plan: Option<&PodPlan>, name: &str) -> bool {
    plan.is_some_and(|plan| plan.claims.iter().any(|claim| claim.name == name))
}
