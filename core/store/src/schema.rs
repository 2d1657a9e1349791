//! Which migrations a database has had, which are still to come, and how it gets them.

use std::path::Path;

use launchpad_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement};

use crate::address::connect_postgres;
use crate::database::{begin_once, connect_first};
use crate::error::refused_by_postgres;
use crate::snapshot::{connect, vacuum_into};
use crate::{DatabaseLock, DatabaseUrl, Opening, StoreError, file, tables};

type Result<T> = std::result::Result<T, StoreError>;

/// The table in which migrations are noted.
pub(crate) const MIGRATIONS: &str = "seaql_migrations";

/// A migration, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Its name, which begins with its date.
    pub name: String,
    /// Whether the database has had it.
    pub applied: bool,
    /// Whether this program has it: else a newer one wrote the database.
    pub known: bool,
}

/// Every migration that the database has had or is to have, in order. Changes nothing.
///
/// # Errors
/// As [`crate::Store::open_with`].
pub async fn migrations(url: &DatabaseUrl) -> Result<Vec<MigrationState>> {
    let lock = DatabaseLock::shared(url).await?;
    let applied = match url {
        DatabaseUrl::Sqlite(path) => {
            file::check(path, &Opening::default())?;
            if std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
                applied_and_close(connect(path, |options| options.read_only(true)).await?).await?
            } else {
                Vec::new()
            }
        }
        DatabaseUrl::Postgres(address) => {
            applied_and_close(connect_postgres(address, 1, |_| {}).await?).await?
        }
    };
    lock.release().await?;
    let state = |name: String, known| MigrationState {
        applied: applied.contains(&name),
        name,
        known,
    };
    let ours = launchpad_migrations::names();
    let newer = unknown(&applied).into_iter().map(|name| state(name, false));
    let newer: Vec<_> = newer.collect();
    Ok(ours
        .into_iter()
        .map(|name| state(name, true))
        .chain(newer)
        .collect())
}

/// Brings the schema up to date, and answers with the migrations that this took.
///
/// # Errors
/// As [`crate::Store::open_with`].
pub async fn migrate_up(url: &DatabaseUrl, opening: &Opening) -> Result<Vec<String>> {
    let lock = DatabaseLock::shared(url).await?;
    let writer = match url {
        DatabaseUrl::Sqlite(path) => {
            file::check(path, opening)?;
            file::make_private_unless_there(path)?;
            connect_first(path).await?
        }
        DatabaseUrl::Postgres(address) => connect_postgres(address, 1, |_| {}).await?,
    };
    let done = migrate(&writer, url).await;
    writer.close().await?;
    lock.release().await?;
    done
}

/// One transaction around all of it: two starters, and one migrates; an interrupted one leaves the old schema. A
/// database that was in use is copied first.
pub(crate) async fn migrate(writer: &DatabaseConnection, url: &DatabaseUrl) -> Result<Vec<String>> {
    let transaction = begin_once(writer).await?;
    let applied = applied(&transaction).await?;
    if let Some(version) = unknown(&applied).pop() {
        return Err(StoreError::Refused(format!(
            "{url} was written by a newer version of Launchpad: start that one, or restore a backup that is older \
             (the schema is at {version})"
        )));
    }
    let mut pending = launchpad_migrations::names();
    pending.retain(|name| !applied.contains(name));
    if let Some(first) = pending.first() {
        keep(&transaction, url, first).await?;
        Migrator::up(&transaction, None)
            .await
            .map_err(|error| match refused_by_postgres(&error) {
                Some(why) => StoreError::Refused(format!("{url} refuses to change the schema: {why}")),
                None => error.into(),
            })?;
    }
    transaction.commit().await?;
    if let Some(last) = pending.last() {
        tracing::info!(
            changes = pending.len(),
            to = last,
            "the schema was brought up to date"
        );
    }
    Ok(pending)
}

/// The migrations among these that only a newer program can know.
pub(crate) fn unknown(applied: &[String]) -> Vec<String> {
    let ours = launchpad_migrations::names();
    applied
        .iter()
        .filter(|name| !ours.contains(name))
        .cloned()
        .collect()
}

/// Copies what is about to be migrated, if there is anything: a file beside a file, a schema beside a schema.
async fn keep(transaction: &DatabaseTransaction, url: &DatabaseUrl, first: &str) -> Result<()> {
    let tables = present_tables(transaction).await?;
    if tables.is_empty() {
        return Ok(());
    }
    match url {
        DatabaseUrl::Sqlite(path) => keep_file(path, first).await,
        DatabaseUrl::Postgres(_) => {
            let schema = format!("before_{first}");
            let mut statements = vec![
                format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE"),
                format!("CREATE SCHEMA \"{schema}\""),
            ];
            let copies = tables
                .iter()
                .map(|table| format!("CREATE TABLE \"{schema}\".{table} AS TABLE {table}"));
            statements.extend(copies);
            for statement in statements {
                transaction.execute_unprepared(&statement).await?;
            }
            Ok(())
        }
    }
}

/// The migration's transaction keeps writers out and lets readers in: this one sees what was there before it.
async fn keep_file(path: &Path, first: &str) -> Result<()> {
    let kept = file::beside(path, &format!(".before-{first}"));
    let unfinished = file::beside(&kept, ".partial");
    file::remove(&unfinished)?;
    file::make_private(&unfinished)?;
    let reader = connect(path, |options| options.read_only(true)).await?;
    vacuum_into(&reader, &unfinished).await?;
    reader.close().await?;
    file::synchronise(&unfinished)?;
    file::rename(&unfinished, &kept)?;
    tracing::info!(kept = %kept.display(), "the database was copied before its schema is changed");
    Ok(())
}

/// Those of our tables that are there.
pub(crate) async fn present_tables(connection: &impl ConnectionTrait) -> Result<Vec<&'static str>> {
    let query = match connection.get_database_backend() {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        _ => "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()",
    };
    let there = texts(connection, query).await?;
    let mut ours = tables::names();
    ours.push(MIGRATIONS);
    ours.retain(|table| there.iter().any(|name| name == table));
    Ok(ours)
}

async fn applied_and_close(connection: DatabaseConnection) -> Result<Vec<String>> {
    let applied = applied(&connection).await;
    connection.close().await?;
    applied
}

/// The migrations that were noted, in order.
pub(crate) async fn applied(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    if present_tables(connection).await?.contains(&MIGRATIONS) {
        texts(
            connection,
            &format!("SELECT version FROM {MIGRATIONS} ORDER BY version"),
        )
        .await
    } else {
        Ok(Vec::new())
    }
}

async fn texts(connection: &impl ConnectionTrait, query: &str) -> Result<Vec<String>> {
    let query = Statement::from_string(connection.get_database_backend(), query);
    let rows = connection.query_all_raw(query).await?;
    rows.iter()
        .map(|row| row.try_get_by_index(0).map_err(|error: DbErr| error.into()))
        .collect()
}
