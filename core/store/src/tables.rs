//! All rows of all tables at once: copied from one database to another, and held against each other.

use std::collections::BTreeMap;

use sea_orm::sea_query::{DynIden, IntoIden, ValueTuple};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityName, EntityTrait, FromQueryResult, Identity,
    IntoActiveModel, Iterable, ModelTrait, PaginatorTrait, PrimaryKeyToColumn, PrimaryKeyTrait, QueryFilter,
    Statement,
};

use crate::StoreError;
use crate::entities::{
    account, application, audit_entry, deleted_app, entry, fact, launch, launch_app, launch_day,
    launch_failure, launch_hour, launch_person, plugin_grant, plugin_off, plugin_value, preference,
    recent_app, session, session_value, sign_in, token, workspace_removal,
};

type Result<T> = std::result::Result<T, StoreError>;

/// How many rows there are, by table.
pub type RowCounts = BTreeMap<String, u64>;

/// Rows that are held in memory at one time.
const BATCH: u64 = 200;

/// Does something with every table, in an order in which references hold.
macro_rules! with_every_table {
    ($run:ident) => {
        $run!(
            account,
            sign_in,
            entry,
            token,
            application,
            deleted_app,
            session,
            session_value,
            audit_entry,
            launch,
            launch_hour,
            launch_day,
            launch_failure,
            launch_app,
            launch_person,
            recent_app,
            preference,
            plugin_value,
            plugin_off,
            workspace_removal,
            plugin_grant,
            fact
        )
    };
}

/// The tables' names.
pub(crate) fn names() -> Vec<&'static str> {
    macro_rules! list {
        ($($noun:ident),+) => { vec![$($noun::Entity.table_name()),+] };
    }
    with_every_table!(list)
}

/// Copies every row to tables that are empty, and the numbers up to which keys were given.
///
/// `to` is a transaction: nobody is told of what is new in it, since nobody else uses the database then.
pub(crate) async fn copy(from: &impl ConnectionTrait, to: &impl ConnectionTrait) -> Result<RowCounts> {
    if to.get_database_backend() == DbBackend::Postgres {
        to.execute_unprepared("SET LOCAL launchpad.quiet = 'on'").await?;
    }
    let mut counts = RowCounts::new();
    macro_rules! copy_each {
        ($($noun:ident),+) => { $(
            let copied = copy_table::<$noun::Entity>(from, to).await?;
            counts.insert($noun::Entity.table_name().to_owned(), copied);
        )+ };
    }
    with_every_table!(copy_each);
    Ok(counts)
}

/// Reads every row of both again, and refuses the first difference.
pub(crate) async fn compare(from: &impl ConnectionTrait, to: &impl ConnectionTrait) -> Result<()> {
    macro_rules! compare_each {
        ($($noun:ident),+) => { $(compare_table::<$noun::Entity>(from, to).await?;)+ };
    }
    with_every_table!(compare_each);
    Ok(())
}

/// The rows after the one with this key, in the order of keys as the database has it.
async fn batch<E>(connection: &impl ConnectionTrait, after: Option<ValueTuple>) -> Result<Vec<E::Model>>
where
    E: EntityTrait,
    E::Model: FromQueryResult + Send + Sync,
{
    let mut cursor = E::find().cursor_by(key::<E>());
    if let Some(after) = after {
        cursor.after(after);
    }
    Ok(cursor.first(BATCH).all(connection).await?)
}

/// The columns by which a row is known.
fn key<E: EntityTrait>() -> Identity {
    let columns: Vec<DynIden> = E::PrimaryKey::iter()
        .map(|column| column.into_column().into_iden())
        .collect();
    match columns.as_slice() {
        [only] => Identity::Unary(only.clone()),
        [first, second] => Identity::Binary(first.clone(), second.clone()),
        [first, second, third] => Identity::Ternary(first.clone(), second.clone(), third.clone()),
        _ => Identity::Many(columns),
    }
}

/// The row with this key.
fn at<E: EntityTrait>(key: ValueTuple) -> Condition {
    let columns = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    columns
        .zip(key)
        .fold(Condition::all(), |all, (column, value)| all.add(column.eq(value)))
}

async fn copy_table<E>(from: &impl ConnectionTrait, to: &impl ConnectionTrait) -> Result<u64>
where
    E: EntityTrait,
    E::Model: FromQueryResult + IntoActiveModel<E::ActiveModel> + Send + Sync,
    E::ActiveModel: Send,
{
    let mut copied = 0;
    let mut last = None;
    loop {
        let rows = batch::<E>(from, last).await?;
        let Some(end) = rows.last() else { break };
        last = Some(end.get_primary_key_value());
        copied += rows.len() as u64;
        let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
        E::insert_many(rows).exec_without_returning(to).await?;
    }
    if E::PrimaryKey::auto_increment() {
        let table = E::default();
        let given = given(from, table.table_name()).await?;
        set_given(to, table.table_name(), given).await?;
    }
    Ok(copied)
}

async fn compare_table<E>(from: &impl ConnectionTrait, to: &impl ConnectionTrait) -> Result<()>
where
    E: EntityTrait,
    E::Model: FromQueryResult + PartialEq + Send + Sync,
{
    let entity = E::default();
    let table = entity.table_name();
    let differs = |what: String| StoreError::Corrupt(format!("the copy of {table} differs: {what}"));
    let (ours, theirs) = (E::find().count(from).await?, E::find().count(to).await?);
    if ours != theirs {
        return Err(differs(format!("{theirs} rows of {ours}")));
    }
    let mut last = None;
    loop {
        let rows = batch::<E>(from, last).await?;
        let Some(end) = rows.last() else {
            return Ok(());
        };
        last = Some(end.get_primary_key_value());
        // The two databases may order text differently, so the rows are asked for by their keys.
        let wanted = rows.iter().fold(Condition::any(), |any, row| {
            any.add(at::<E>(row.get_primary_key_value()))
        });
        let copies = E::find().filter(wanted).all(to).await?;
        let name = |row: &E::Model| format!("{:?}", row.get_primary_key_value());
        let copies: BTreeMap<String, E::Model> = copies.into_iter().map(|row| (name(&row), row)).collect();
        for row in rows {
            if copies.get(&name(&row)) != Some(&row) {
                return Err(differs(format!("row {}", name(&row))));
            }
        }
    }
}

/// The greatest number that the table ever gave: it is never given twice, though its row may be gone.
async fn given(connection: &impl ConnectionTrait, table: &str) -> Result<i64> {
    let query = match connection.get_database_backend() {
        DbBackend::Sqlite => format!("SELECT seq AS given FROM sqlite_sequence WHERE name = '{table}'"),
        _ => match sequence(connection, table).await? {
            Some(name) => format!("SELECT last_value - (NOT is_called)::int AS given FROM {name}"),
            None => return Ok(0),
        },
    };
    let row = one(connection, query).await?;
    Ok(row.map(|row| row.try_get("", "given")).transpose()?.unwrap_or(0))
}

async fn set_given(connection: &impl ConnectionTrait, table: &str, given: i64) -> Result<()> {
    if given == 0 {
        return Ok(());
    }
    let statements = match connection.get_database_backend() {
        DbBackend::Sqlite => vec![
            format!("DELETE FROM sqlite_sequence WHERE name = '{table}'"),
            format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {given})"),
        ],
        _ => match sequence(connection, table).await? {
            Some(name) => vec![format!("SELECT setval('{name}', {given})")],
            None => vec![],
        },
    };
    for statement in statements {
        connection.execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// By which PostgreSQL numbers the table's rows.
async fn sequence(connection: &impl ConnectionTrait, table: &str) -> Result<Option<String>> {
    let row = one(
        connection,
        format!("SELECT pg_get_serial_sequence('{table}', 'id') AS name"),
    )
    .await?;
    Ok(row.map(|row| row.try_get("", "name")).transpose()?.flatten())
}

async fn one(connection: &impl ConnectionTrait, query: String) -> Result<Option<sea_orm::QueryResult>> {
    let query = Statement::from_string(connection.get_database_backend(), query);
    Ok(connection.query_one_raw(query).await?)
}
