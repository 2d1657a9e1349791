//! The audit log.

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, AuditAction, AuditEntry, AuditFilter};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Value, json};

use crate::chain::BEGINNING;
use crate::entities::audit_entry::{ActiveModel, Column, Entity, Model};
use crate::{AuditKey, ChainLink, Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Most bytes of details that one row keeps.
const MAX_DETAILS: usize = 4_096;
/// By which PostgreSQL knows who adds to the chain: one after the other, until their transactions end.
const POSTGRES_KEY: i64 = 5_217_842;

/// What was done, or refused.
#[derive(Debug)]
pub(crate) struct Deed {
    action: AuditAction,
    target: Option<String>,
    details: Option<String>,
    change: Option<Value>,
}

impl Deed {
    pub(crate) fn new(action: AuditAction) -> Self {
        Self {
            action,
            target: None,
            details: None,
            change: None,
        }
    }

    /// To what has this id.
    pub(crate) fn to(mut self, target: &impl ToString) -> Self {
        self.target = Some(target.to_string());
        self
    }

    /// In words; the target's id, unless said.
    pub(crate) fn saying(mut self, details: String) -> Self {
        self.details = Some(details);
        self
    }

    /// What was before, and what is after.
    pub(crate) fn changing(mut self, before: Option<&Value>, after: Option<&Value>) -> Self {
        self.change = Some(json!({"before": before, "after": after}));
        self
    }
}

/// Reads and appends; nothing here changes or deletes a row.
#[derive(Debug)]
pub struct AuditLog<'a>(&'a Store);

impl Store {
    /// The audit log.
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog(self)
    }

    /// Writes a row in the transaction of the change that it records; the last thing in it, since others then wait.
    pub(crate) async fn note(
        &self,
        connection: &impl ConnectionTrait,
        actor: &Actor,
        deed: Deed,
        now: DateTime<Utc>,
    ) -> Result<()> {
        write(connection, self.audit_key(), actor, deed, now).await
    }
}

/// Writes a row, and binds it to the one before it where there is a key.
pub(crate) async fn write(
    connection: &impl ConnectionTrait,
    key: Option<&AuditKey>,
    actor: &Actor,
    deed: Deed,
    now: DateTime<Utc>,
) -> Result<()> {
    let refused = deed.action.is_refusal();
    let mut details = deed.details.or_else(|| deed.target.clone()).unwrap_or_default();
    let mut end = details.len().min(MAX_DETAILS);
    while !details.is_char_boundary(end) {
        end -= 1;
    }
    details.truncate(end);
    let mut row = Model {
        id: 0,
        timestamp: time::text(now),
        user: actor.name.clone(),
        action: deed.action.as_str().to_owned(),
        details: Some(details),
        actor_id: actor.id.map(|id| id.to_string()),
        request_id: actor.request_id.clone(),
        address: actor.address.clone(),
        target: deed.target,
        outcome: Some(if refused { "refused" } else { "done" }.to_owned()),
        change: deed.change.map(|change| change.to_string()),
        chain: None,
    };
    if let Some(key) = key {
        if connection.get_database_backend() == DbBackend::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock({POSTGRES_KEY})");
            connection.execute_unprepared(&lock).await?;
        }
        let previous = newest(connection)
            .await?
            .map_or_else(|| Some(BEGINNING.to_owned()), |row| row.chain);
        row.chain = Some(key.link(previous.as_deref(), &row)?);
    }
    let row = ActiveModel {
        id: NotSet,
        ..row.into_active_model()
    };
    Entity::insert(row).exec_without_returning(connection).await?;
    Ok(())
}

/// The row that was added last.
async fn newest(connection: &impl ConnectionTrait) -> Result<Option<Model>> {
    Ok(Entity::find().order_by_desc(Column::Id).one(connection).await?)
}

/// The last row and what it carries; none where there is no row, or where it carries nothing.
pub(crate) async fn last_link(connection: &impl ConnectionTrait) -> Result<Option<ChainLink>> {
    let link = |row: Model| {
        Some(ChainLink {
            id: row.id,
            chain: row.chain?,
        })
    };
    Ok(newest(connection).await?.and_then(link))
}

impl AuditLog<'_> {
    /// Records what changed nothing: a refusal.
    pub async fn record(
        &self,
        actor: &Actor,
        action: AuditAction,
        details: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let transaction = self.0.begin().await?;
        let deed = Deed::new(action).saying(details.to_owned());
        self.0.note(&transaction, actor, deed, now).await?;
        Ok(transaction.commit().await?)
    }

    /// The newest entries before the entry `before`, newest first.
    pub async fn page(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<AuditEntry>> {
        let mut which = wanted(filter);
        if let Some(before) = before {
            which = which.add(self.older_than(before).await?);
        }
        // In this order every index of the log is already; the id decides where times are the same.
        let query = Entity::find()
            .filter(which)
            .order_by_desc(Column::Timestamp)
            .order_by_desc(Column::Id)
            .limit(limit);
        query.all(self.0.reader()).await?.into_iter().map(entry).collect()
    }

    /// The last row and what it carries.
    pub async fn last_link(&self) -> Result<Option<ChainLink>> {
        last_link(self.0.reader()).await
    }

    async fn older_than(&self, id: i64) -> Result<Condition> {
        let Some(row) = Entity::find_by_id(id).one(self.0.reader()).await? else {
            return Ok(Condition::all().add(Column::Id.lt(id)));
        };
        let same_time = Condition::all()
            .add(Column::Timestamp.eq(&row.timestamp))
            .add(Column::Id.lt(id));
        Ok(Condition::all().add(Column::Timestamp.lte(&row.timestamp)).add(
            Condition::any()
                .add(Column::Timestamp.lt(&row.timestamp))
                .add(same_time),
        ))
    }
}

fn wanted(filter: &AuditFilter) -> Condition {
    let AuditFilter {
        user,
        action,
        target,
        from,
        to,
    } = filter;
    // Each has an index, of which SQLite takes any: only the one that leaves the fewest rows may be taken.
    let filters = [
        (Column::User, user),
        (Column::Target, target),
        (Column::Action, action),
    ];
    let mut given = filters
        .into_iter()
        .filter_map(|(column, value)| Some((column, value.as_ref()?)));
    let first = given.next().map(|(column, value)| column.eq(value));
    let others = given.map(|(column, value)| {
        // Of an expression there is no index.
        Expr::expr(Func::coalesce([Expr::col(column), Expr::val("")])).eq(value)
    });
    others
        .fold(Condition::all().add_option(first), Condition::add)
        .add_option(from.map(|from| Column::Timestamp.gte(time::text(from))))
        .add_option(to.map(|to| Column::Timestamp.lt(time::text(to))))
}

fn entry(row: Model) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.id,
        timestamp: time::parse(&row.timestamp)?,
        user: row.user,
        action: row.action,
        target: row.target.unwrap_or_default(),
        outcome: row.outcome.unwrap_or_default(),
        details: row.details.unwrap_or_default(),
        change: row.change,
        request_id: row.request_id,
        address: row.address,
    })
}
