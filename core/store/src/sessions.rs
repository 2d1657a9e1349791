//! Sessions: table `sessions`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use launchpad_domain::{
    Actor, AppId, AuditAction, Failure, LaunchTypeId, PodPlan, RuntimeKind, Session, SessionEvent, SessionId,
    SessionOutline, Stage, Status, UserId,
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, UpdateMany,
};
use serde_json::{Map, Value};

use crate::audit::Deed;
use crate::entities::session::{Column, Entity, Model};
use crate::entities::{account, session_value};
use crate::error::readable;
use crate::peers::check_term;
use crate::rollups::{self, Launched};
use crate::session_rows::{OutlineRow, new_row, outline, session};
use crate::{Store, StoreError, Term, WorkspaceHeld, time, workspaces};

type Result<T> = std::result::Result<T, StoreError>;

/// What a launch writes.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// See [`Session::id`].
    pub id: SessionId,
    /// See [`Session::user_id`].
    pub user_id: UserId,
    /// See [`Session::app_id`].
    pub app_id: AppId,
    /// See [`Session::app_name`].
    pub app_name: String,
    /// See [`Session::launch_type`].
    pub launch_type: LaunchTypeId,
    /// See [`Session::runtime`].
    pub runtime: RuntimeKind,
    /// See [`Session::params`].
    pub params: Map<String, Value>,
    /// See [`Session::created_at`].
    pub created_at: DateTime<Utc>,
    /// See [`Session::expires_at`].
    pub expires_at: DateTime<Utc>,
}

/// Reads and writes sessions.
#[derive(Debug)]
pub struct Sessions<'a> {
    store: &'a Store,
    /// Under which every write is made, if it is the leader who writes.
    term: Option<Term>,
}

impl Store {
    /// The sessions.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions {
            store: self,
            term: None,
        }
    }

    /// The sessions, as the portal that leads deals with them: a write is refused with [`StoreError::NotLeading`] once
    /// another one leads.
    pub fn sessions_led(&self, term: Term) -> Sessions<'_> {
        Sessions {
            store: self,
            term: Some(term),
        }
    }
}

impl Sessions<'_> {
    async fn begin(&self) -> Result<DatabaseTransaction> {
        self.under_term(self.store.begin().await?).await
    }

    async fn under_term(&self, transaction: DatabaseTransaction) -> Result<DatabaseTransaction> {
        if let Some(term) = self.term {
            check_term(&transaction, term).await?;
        }
        Ok(transaction)
    }

    /// Makes a session in `creating`, with its audit row and its analytics row, if the account may have one more.
    ///
    /// # Errors
    /// [`StoreError::OverLimit`], exactly: the count and the row are one transaction.
    pub async fn insert(&self, actor: &Actor, new: &NewSession, per_user: u32) -> Result<Session> {
        let transaction = self.begin().await?;
        // On PostgreSQL counting alone is not exact: whoever counts for this account waits here for the other.
        account::Entity::find_by_id(new.user_id.to_string())
            .lock_exclusive()
            .one(&transaction)
            .await?;
        let live = Entity::find()
            .filter(Column::UserId.eq(new.user_id.to_string()))
            .filter(Column::Status.is_in(live_names()))
            .count(&transaction)
            .await?;
        if live >= u64::from(per_user) {
            return Err(StoreError::OverLimit { limit: per_user });
        }
        let row = new_row(new);
        let model = Model::from_row(&row)?;
        Entity::insert(row).exec_without_returning(&transaction).await?;
        let launched = Launched {
            app_id: new.app_id.as_str(),
            app_name: &new.app_name,
            user: Some(new.user_id),
            session: Some(new.id),
            at: new.created_at,
        };
        rollups::launched(&transaction, &launched).await?;
        let details = format!("session {} of app {}", new.id, new.app_id);
        let deed = Deed::new(AuditAction::CreateSession).to(&new.id).saying(details);
        self.store.note(&transaction, actor, deed, new.created_at).await?;
        transaction.commit().await?;
        session(model)
    }

    /// One session.
    pub async fn get(&self, id: SessionId) -> Result<Option<Session>> {
        Entity::find_by_id(id.to_string())
            .one(self.store.reader())
            .await?
            .map(session)
            .transpose()
    }

    /// The account's newest sessions. Like every list of sessions, without adopted rows that are none, since an
    /// id in them cannot be one; they are warned about.
    pub async fn of_user(&self, user: UserId, limit: u64) -> Result<Vec<Session>> {
        self.newest(Condition::all().add(Column::UserId.eq(user.to_string())), limit)
            .await
    }

    /// The account's sessions that run or are about to, newest first.
    pub async fn live_of_user(&self, user: UserId, limit: u64) -> Result<Vec<Session>> {
        let live = Status::ALL.iter().filter(|status| status.is_live());
        let which = Condition::all()
            .add(Column::UserId.eq(user.to_string()))
            .add(Column::Status.is_in(live.map(|status| status.as_str())));
        self.newest(which, limit).await
    }

    /// Everybody's newest sessions.
    pub async fn all(&self, limit: u64) -> Result<Vec<Session>> {
        self.newest(Condition::all(), limit).await
    }

    async fn newest(&self, which: Condition, limit: u64) -> Result<Vec<Session>> {
        // Ids are made in the order of time.
        let query = Entity::find()
            .filter(which)
            .order_by_desc(Column::Id)
            .limit(limit);
        Ok(readable(query.all(self.store.reader()).await?, session))
    }

    /// The runtime's sessions that still have or may have a workload.
    pub async fn unfinished(&self, runtime: RuntimeKind) -> Result<Vec<Session>> {
        Ok(readable(
            unfinished(runtime).all(self.store.reader()).await?,
            session,
        ))
    }

    /// The same, in outline.
    pub async fn unfinished_outlines(&self, runtime: RuntimeKind) -> Result<Vec<SessionOutline>> {
        let columns = [
            Column::Id,
            Column::LaunchType,
            Column::PluginDigest,
            Column::Status,
            Column::Stage,
            Column::ExpiresAt,
            Column::ToldEvents,
        ];
        let query = unfinished(runtime).select_only().columns(columns);
        let rows = query.into_tuple::<OutlineRow>().all(self.store.reader()).await?;
        Ok(readable(rows, outline))
    }

    /// Notes how far launches are; answers those that were not as far yet, and still are launches.
    pub async fn set_stages(
        &self,
        stages: &BTreeMap<SessionId, Stage>,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionId>> {
        let transaction = self.begin().await?;
        let mut changed = Vec::new();
        for (id, stage) in stages {
            let earlier = Stage::ALL
                .iter()
                .filter(|before| *before < stage)
                .map(|before| before.as_str());
            let update = at(*id, Status::Creating, now)
                .filter(Column::Stage.is_in(earlier))
                .col_expr(Column::Stage, stage.as_str().into());
            if update.exec(&transaction).await?.rows_affected == 1 {
                changed.push(*id);
            }
        }
        transaction.commit().await?;
        Ok(changed)
    }

    /// Keeps the accepted plan and the digest of the plugin that made it, once, and queues the launch, if the session may
    /// have its workspaces; else nothing is changed, and the answer is why.
    pub async fn set_plan(
        &self,
        id: SessionId,
        pod_name: &str,
        plan: &PodPlan,
        plugin_digest: &str,
        now: DateTime<Utc>,
    ) -> Result<std::result::Result<bool, WorkspaceHeld>> {
        let transaction = if plan.claims.is_empty() {
            self.begin().await?
        } else {
            let transaction = self.under_term(self.store.begin_once().await?).await?;
            if let Some(held) = workspaces::held(&transaction, id, plan, live_names()).await? {
                return Ok(Err(held));
            }
            transaction
        };
        let plan = serde_json::to_string(plan).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let update = at(id, Status::Creating, now)
            .filter(Column::Plan.is_null())
            .col_expr(Column::Plan, plan.into())
            .col_expr(Column::Stage, Stage::Queued.as_str().into())
            .col_expr(Column::PodName, pod_name.into())
            .col_expr(Column::PluginDigest, plugin_digest.into());
        let changed = update.exec(&transaction).await?.rows_affected == 1;
        transaction.commit().await?;
        Ok(Ok(changed))
    }

    /// `creating` to `running`.
    pub async fn set_running(
        &self,
        id: SessionId,
        pod_ip: Option<&str>,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let update = at(id, Status::Creating, now)
            .col_expr(Column::Status, Status::Running.as_str().into())
            .col_expr(Column::PodIp, pod_ip.map(str::to_owned).into())
            .col_expr(Column::ExpiresAt, time::text(expires_at).into());
        let transaction = self.begin().await?;
        let changed = update.exec(&transaction).await?.rows_affected == 1;
        if changed {
            rollups::ready(&transaction, id, now).await?;
        }
        transaction.commit().await?;
        Ok(changed)
    }

    /// Makes a session terminal, with its audit row; `false` if it is not in `from` any more.
    pub async fn finish(
        &self,
        actor: &Actor,
        id: SessionId,
        from: Status,
        to: Status,
        failure: Option<&Failure>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let transaction = self.begin().await?;
        let reason = failure.map(|failure| failure.reason.as_str().to_owned());
        let update = at(id, from, now)
            .col_expr(Column::Status, to.as_str().into())
            .col_expr(Column::Reason, reason.clone().into())
            .col_expr(
                Column::ReasonDetail,
                failure.map(|failure| failure.detail.clone()).into(),
            );
        if update.exec(&transaction).await?.rows_affected == 0 {
            return Ok(false);
        }
        if let Some(failure) = failure {
            rollups::failed(&transaction, id, from, failure).await?;
        }
        let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let details = format!("session {id} {to}{reason}");
        let deed = Deed::new(AuditAction::TerminateSession).to(&id).saying(details);
        self.store.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Notes which events the session's plugin was told of.
    pub async fn set_told(&self, id: SessionId, events: &BTreeSet<SessionEvent>) -> Result<bool> {
        let names: Vec<_> = events.iter().map(|event| event.as_str()).collect();
        let update = Entity::update_many()
            .filter(Column::Id.eq(id.to_string()))
            .col_expr(Column::ToldEvents, names.join(" ").into());
        self.run(update).await
    }

    /// Keeps the line that the session's plugin wants shown.
    pub async fn set_note(&self, id: SessionId, note: &str) -> Result<bool> {
        let update = Entity::update_many()
            .filter(Column::Id.eq(id.to_string()))
            .col_expr(Column::Note, note.into());
        self.run(update).await
    }

    /// Keeps how far a launch is by its plugin, as JSON, for the portals that do not hear the plugin.
    pub async fn set_progress(&self, id: SessionId, progress: &str) -> Result<bool> {
        let update = Entity::update_many()
            .filter(Column::Id.eq(id.to_string()))
            .filter(Column::Status.eq(Status::Creating.as_str()))
            .col_expr(Column::Progress, progress.into());
        self.run(update).await
    }

    /// How far a launch is by its plugin, as it was kept.
    pub async fn progress(&self, id: SessionId) -> Result<Option<String>> {
        let query = Entity::find_by_id(id.to_string())
            .select_only()
            .column(Column::Progress)
            .into_tuple::<Option<String>>();
        Ok(query.one(self.store.reader()).await?.flatten())
    }

    /// Notes that nothing is left of a terminal session's workload, nor of what plugins kept for it.
    pub async fn set_cleaned(&self, id: SessionId, now: DateTime<Utc>) -> Result<bool> {
        let transaction = self.begin().await?;
        session_value::Entity::delete_many()
            .filter(session_value::Column::SessionId.eq(id.to_string()))
            .exec(&transaction)
            .await?;
        let update = Entity::update_many()
            .filter(Column::Id.eq(id.to_string()))
            .filter(Column::Status.is_not_in(live_names()))
            .col_expr(Column::Cleaned, true.into())
            .col_expr(Column::UpdatedAt, time::text(now).into());
        let changed = update.exec(&transaction).await?.rows_affected == 1;
        transaction.commit().await?;
        Ok(changed)
    }

    async fn run(&self, update: UpdateMany<Entity>) -> Result<bool> {
        let transaction = self.begin().await?;
        let changed = update.exec(&transaction).await?.rows_affected == 1;
        transaction.commit().await?;
        Ok(changed)
    }
}

/// The runtime's sessions that still have or may have a workload, in the order of their making.
fn unfinished(runtime: RuntimeKind) -> Select<Entity> {
    Entity::find()
        .filter(Column::Cleaned.eq(false))
        .filter(Column::Runtime.eq(runtime.as_str()))
        .order_by_asc(Column::Id)
}

/// An update of the session, if it still has this status.
fn at(id: SessionId, status: Status, now: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::Status.eq(status.as_str()))
        .col_expr(Column::UpdatedAt, time::text(now).into())
}

/// The statuses of sessions that run or are about to.
pub(crate) fn live_names() -> impl Iterator<Item = &'static str> {
    Status::ALL
        .iter()
        .filter(|status| status.is_live())
        .map(|status| status.as_str())
}
