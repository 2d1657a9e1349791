//! A database that moves to another place: every row is copied and read again, then the old place is retired.
//!
//! At no moment can a portal start on both: the copy is marked as unfinished until the source is retired. Whatever
//! interrupts it, the same command does it again.

use launchpad_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, TransactionTrait};

use crate::address::connect_postgres;
use crate::database::{begin_once, connect_first, read_fact, write_fact};
use crate::entities::fact;
use crate::schema::{migrate, present_tables};
use crate::tables::{self, RowCounts};
use crate::{DatabaseLock, DatabaseUrl, Opening, StoreError, file};

type Result<T> = std::result::Result<T, StoreError>;

/// The fact that nobody may start on this database, and why.
const RETIRED: &str = "retired";
/// How the reason begins while a copy is not finished.
const UNFINISHED: &str = "it is an unfinished copy of ";

/// Refuses a database that was moved, or that is not yet a whole copy.
pub(crate) async fn check_in_use(connection: &impl ConnectionTrait, url: &DatabaseUrl) -> Result<()> {
    match read_fact(connection, RETIRED).await? {
        Some(why) if why.starts_with(UNFINISHED) => Err(StoreError::Refused(format!(
            "{url} is not in use: {why}; run the same `launchpad db copy` again to finish it"
        ))),
        Some(why) => Err(StoreError::Refused(format!(
            "{url} is not in use: {why}; set LAUNCHPAD_DB to that"
        ))),
        None => Ok(()),
    }
}

/// Copies every row to a database that is empty, holds all of them against the source, and retires the source.
///
/// # Errors
/// [`StoreError::Locked`] while anybody else uses either. [`StoreError::Refused`] for a target that holds data, and
/// for a source that was moved elsewhere. The source is in use as before, unless everything was copied.
pub async fn move_database(from: &DatabaseUrl, to: &DatabaseUrl) -> Result<RowCounts> {
    if from == to {
        return Err(StoreError::Refused(format!("{to} is where the data is")));
    }
    if let DatabaseUrl::Sqlite(path) = from
        && !path.exists()
    {
        return Err(StoreError::Refused(format!("{from} is not there")));
    }
    let source = DatabaseLock::alone(from).await?;
    let moved = match DatabaseLock::alone(to).await {
        Ok(target) => {
            let moved = move_rows((from, &source), (to, &target)).await;
            target.release().await?;
            moved
        }
        Err(error) => Err(error),
    };
    source.release().await?;
    moved
}

async fn move_rows(
    (from, from_lock): (&DatabaseUrl, &DatabaseLock),
    (to, to_lock): (&DatabaseUrl, &DatabaseLock),
) -> Result<RowCounts> {
    let source = connect(from).await?;
    let elsewhere = format!("it was moved to {to}");
    match read_retired(&source).await? {
        Some(why) if why != elsewhere => {
            return Err(StoreError::Refused(format!("{from} is not in use: {why}")));
        }
        _ => migrate(&source, from).await?,
    };
    let target = connect(to).await?;
    let counts = copy(&source, from, &target, to).await?;
    // What was written to the source since it was read would be lost.
    from_lock.check().await?;
    to_lock.check().await?;
    retire(&source, &elsewhere).await?;
    let finish = begin_once(&target).await?;
    fact::Entity::delete_by_id(RETIRED).exec(&finish).await?;
    finish.commit().await?;
    target.close().await?;
    source.close().await?;
    Ok(counts)
}

/// One transaction on each side; the copy ends as one that nobody may start on.
async fn copy(
    source: &DatabaseConnection,
    from: &DatabaseUrl,
    target: &DatabaseConnection,
    to: &DatabaseUrl,
) -> Result<RowCounts> {
    let reading = source.begin().await?;
    let writing = begin_once(target).await?;
    let there = present_tables(&writing).await?;
    if !there.is_empty() {
        let unfinished = format!("{UNFINISHED}{from}");
        if !there.contains(&"instance_facts")
            || read_fact(&writing, RETIRED).await?.as_ref() != Some(&unfinished)
        {
            return Err(StoreError::Refused(format!(
                "{to} holds data: move to a database that is empty"
            )));
        }
        for table in there.iter().rev() {
            writing
                .execute_unprepared(&format!("DROP TABLE {table}{}", cascade(to)))
                .await?;
        }
    }
    Migrator::up(&writing, None).await?;
    let counts = tables::copy(&reading, &writing).await?;
    tables::compare(&reading, &writing).await?;
    write_fact(&writing, RETIRED, format!("{UNFINISHED}{from}")).await?;
    writing.commit().await?;
    reading.commit().await?;
    Ok(counts)
}

/// PostgreSQL drops tables in any order so; SQLite knows no such word and needs none.
fn cascade(to: &DatabaseUrl) -> &'static str {
    match to {
        DatabaseUrl::Sqlite(_) => "",
        DatabaseUrl::Postgres(_) => " CASCADE",
    }
}

async fn retire(source: &DatabaseConnection, why: &str) -> Result<()> {
    let transaction = begin_once(source).await?;
    write_fact(&transaction, RETIRED, why.to_owned()).await?;
    Ok(transaction.commit().await?)
}

async fn read_retired(connection: &DatabaseConnection) -> Result<Option<String>> {
    if present_tables(connection).await?.contains(&"instance_facts") {
        read_fact(connection, RETIRED).await
    } else {
        Ok(None)
    }
}

async fn connect(url: &DatabaseUrl) -> Result<DatabaseConnection> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            file::check(path, &Opening::default())?;
            connect_first(path).await
        }
        DatabaseUrl::Postgres(address) => connect_postgres(address, 1, |_| {}).await,
    }
}
