//! What is deleted by policy, in small transactions, each with its own entry in the audit log.

use chrono::{DateTime, Days, NaiveDate, Utc};
use launchpad_domain::{Actor, AuditAction};
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, Statement, TryGetableMany,
};

use crate::audit::Deed;
use crate::database::{read_fact, write_fact};
use crate::entities::{audit_entry, deleted_app, launch, session, session_value};
use crate::sessions::live_names;
use crate::{AuditKey, ChainLink, Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Rows that one transaction deletes: it holds up nobody for long.
const BATCH: u64 = 1_000;
/// The fact that the beginning of the audit log was deleted by policy: up to which row, what that carried, and the
/// signature of both. It is written with the deletion and travels with the rows, into every backup.
const PRUNED: &str = "audit_pruned";

/// Deletes what is older than a time. Each call is one transaction; 0 says that nothing is left to do.
#[derive(Debug)]
pub struct Purging<'a>(&'a Store);

impl Store {
    /// What is deleted by policy.
    pub fn purging(&self) -> Purging<'_> {
        Purging(self)
    }

    /// The last row of the audit log that was deleted by policy, if this key says so.
    pub async fn pruned(&self, key: &AuditKey) -> Result<Option<ChainLink>> {
        let Some(fact) = read_fact(self.reader(), PRUNED).await? else {
            return Ok(None);
        };
        let mut parts = fact.split(' ');
        let (id, chain, signature) = (parts.next(), parts.next(), parts.next());
        let (Some(id), Some(chain), Some(signature)) = (id.and_then(|id| id.parse().ok()), chain, signature)
        else {
            return Ok(None);
        };
        let link = ChainLink {
            id,
            chain: chain.to_owned(),
        };
        Ok((sign(key, &link)? == signature).then_some(link))
    }
}

fn sign(key: &AuditKey, link: &ChainLink) -> Result<String> {
    key.sign(&[Some("pruned"), Some(&link.id.to_string()), Some(&link.chain)])
}

impl Purging<'_> {
    /// Deletes sessions that ended before that and of which nothing runs any more.
    pub async fn sessions(&self, actor: &Actor, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        let old = session::Entity::find()
            .select_only()
            .column(session::Column::Id)
            .filter(session::Column::Cleaned.eq(true))
            .filter(session::Column::Status.is_not_in(live_names()))
            .filter(session::Column::UpdatedAt.lt(time::text(before)))
            .order_by_asc(session::Column::Id);
        let ids: Vec<String> = self.some(old).await?;
        let transaction = self.0.begin().await?;
        session_value::Entity::delete_many()
            .filter(session_value::Column::SessionId.is_in(ids.clone()))
            .exec(&transaction)
            .await?;
        let rows = session::Entity::delete_many().filter(session::Column::Id.is_in(ids));
        let rows = rows.exec(&transaction).await?.rows_affected;
        self.close(transaction, actor, (rows, "sessions"), before, now)
            .await
    }

    /// Deletes who launched what before that day.
    pub async fn launches(&self, actor: &Actor, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        let old = launch::Entity::find()
            .select_only()
            .column(launch::Column::Id)
            .filter(launch::Column::Timestamp.lt(time::day(before)))
            .order_by_asc(launch::Column::Timestamp);
        let ids: Vec<i64> = self.some(old).await?;
        let transaction = self.0.begin().await?;
        let rows = launch::Entity::delete_many().filter(launch::Column::Id.is_in(ids));
        let rows = rows.exec(&transaction).await?.rows_affected;
        self.close(transaction, actor, (rows, "launches"), before, now)
            .await
    }

    /// Deletes the sums of the oldest day before that day; those of all time stay, which say nothing about anybody.
    pub async fn sums(&self, actor: &Actor, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        let end = time::day(before);
        let oldest = "SELECT min(day) AS day FROM launch_days WHERE day < $1";
        let query = Statement::from_sql_and_values(
            self.0.reader().get_database_backend(),
            oldest,
            [end.clone().into()],
        );
        let row = self.0.reader().query_one_raw(query).await?;
        let day: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
        let Some(day) = day else { return Ok(0) };
        let next = day
            .parse::<NaiveDate>()
            .map_or_else(|_| day.clone(), |day| (day + Days::new(1)).to_string());
        let transaction = self.0.begin().await?;
        let mut rows = 0;
        for (delete, value) in [
            // All hours of that day, and of any before it.
            ("DELETE FROM launch_hours WHERE hour < $1", next),
            ("DELETE FROM launch_failures WHERE day <= $1", day.clone()),
            ("DELETE FROM recent_apps WHERE used_at < $1", end),
            ("DELETE FROM launch_days WHERE day <= $1", day),
        ] {
            let backend = transaction.get_database_backend();
            let statement = Statement::from_sql_and_values(backend, delete, [value.into()]);
            rows += transaction.execute_raw(statement).await?.rows_affected();
        }
        self.close(transaction, actor, (rows, "sums of a day"), before, now)
            .await
    }

    /// Deletes for good apps that were deleted before that.
    pub async fn deleted_apps(
        &self,
        actor: &Actor,
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let old = deleted_app::Entity::find()
            .select_only()
            .column(deleted_app::Column::Id)
            .filter(deleted_app::Column::DeletedAt.lt(time::text(before)));
        let ids: Vec<i64> = self.some(old).await?;
        let transaction = self.0.begin().await?;
        let rows = deleted_app::Entity::delete_many().filter(deleted_app::Column::Id.is_in(ids));
        let rows = rows.exec(&transaction).await?.rows_affected;
        self.close(transaction, actor, (rows, "deleted apps"), before, now)
            .await
    }

    /// Deletes the beginning of the audit log, up to the first entry that is not older; never the last entry, which
    /// the next one follows. Answers the last that is gone.
    pub async fn audit(
        &self,
        actor: &Actor,
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<ChainLink>> {
        use audit_entry::{Column, Entity};
        let young = Entity::find().filter(Column::Timestamp.gte(time::text(before)));
        let first_kept = self.edge(young, Column::Id.min()).await?;
        let last = self.edge(Entity::find(), Column::Id.max()).await?;
        let Some(end) = first_kept.into_iter().chain(last).min() else {
            return Ok(None);
        };
        let transaction = self.0.begin().await?;
        let rows: Vec<(i64, Option<String>)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Chain])
            .filter(Column::Id.lt(end))
            .order_by_asc(Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(&transaction)
            .await?;
        let count = rows.len();
        let Some((id, chain)) = rows.into_iter().next_back() else {
            return Ok(None);
        };
        let link = ChainLink {
            id,
            chain: chain.unwrap_or_default(),
        };
        Entity::delete_many()
            .filter(Column::Id.lte(id))
            .exec(&transaction)
            .await?;
        if let Some(key) = self.0.audit_key() {
            let fact = format!("{id} {} {}", link.chain, sign(key, &link)?);
            write_fact(&transaction, PRUNED, fact).await?;
        }
        let details = format!(
            "{count} audit entries before {}, up to number {id}",
            time::text(before)
        );
        let deed = Deed::new(AuditAction::Purge).saying(details);
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(Some(link))
    }

    /// The keys of the first rows of what is old.
    async fn some<E: EntityTrait, K: TryGetableMany + Send + Sync>(&self, old: Select<E>) -> Result<Vec<K>> {
        Ok(old.limit(BATCH).into_tuple().all(self.0.reader()).await?)
    }

    /// A number at an end of the audit log's rows.
    async fn edge(&self, rows: Select<audit_entry::Entity>, edge: SimpleExpr) -> Result<Option<i64>> {
        let rows = rows
            .select_only()
            .column_as(edge, "edge")
            .into_tuple::<Option<i64>>();
        Ok(rows.one(self.0.reader()).await?.flatten())
    }

    /// Notes what a transaction has deleted, and commits it; one that has deleted nothing leaves no trace.
    async fn close(
        &self,
        transaction: DatabaseTransaction,
        actor: &Actor,
        (rows, what): (u64, &str),
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        if rows > 0 {
            let details = format!("{rows} {what} before {}", time::text(before));
            let deed = Deed::new(AuditAction::Purge).saying(details);
            self.0.note(&transaction, actor, deed, now).await?;
            transaction.commit().await?;
        }
        Ok(rows)
    }
}
