//! The one connection to PostgreSQL on which a portal hears of the others.

use std::future::Future;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::{self, Error, Row};
use sea_orm::{DbErr, RuntimeErr};

use super::Change;
use crate::StoreError;
use crate::lock::POSTGRES_KEY as DATABASE;

type Result<T> = std::result::Result<T, StoreError>;

/// By which PostgreSQL knows the lead.
const LEAD: i64 = 5_217_843;
/// Where the triggers of the schema tell.
const CHANNEL: &str = "launchpad";
/// How long an answer may take before the connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(3);
/// A leader that has shown no life for so many seconds is followed: its machine or its network may be gone without a
/// word, or its process stopped. More than its own patience and several beats.
const SILENT: i32 = 8;

/// Ends the connections of a leader that shows no life, all that have its name: what it was in the middle of may hold
/// locks. The clock is the server's alone.
const FOLLOW: &str = "SELECT pg_terminate_backend(every.pid) FROM pg_locks l \
    JOIN pg_stat_activity a ON a.pid = l.pid \
    JOIN pg_stat_activity every ON every.application_name = a.application_name AND every.datid = a.datid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = $1 AND l.objid = $2 \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND a.state_change < clock_timestamp() - make_interval(secs => $3)";

#[derive(Debug)]
pub(super) struct Link {
    listener: PgListener,
    pool: sqlx::PgPool,
    name: String,
}

/// What comes over it.
pub(super) enum Heard {
    /// Somebody changed something; none: it was us, or something that this version does not know.
    Told(Option<Change>),
    Beat,
    Lost,
}

impl Link {
    /// Connects, shares the database, and listens.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while somebody has the database alone.
    pub(super) async fn connect(address: &str, name: &str) -> Result<Self> {
        let options: PgConnectOptions = address.parse().map_err(failed)?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            // What is held ends with the connection: it must neither end by itself nor be replaced.
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.application_name(name));
        let mut listener = in_time(PgListener::connect_with(&pool)).await?;
        listener.eager_reconnect(false);
        let query = sqlx::query("SELECT pg_try_advisory_lock_shared($1)").bind(DATABASE);
        let shared: bool = in_time(query.fetch_one(&mut listener))
            .await?
            .try_get(0)
            .map_err(failed)?;
        if !shared {
            return Err(StoreError::Locked("somebody has the database alone".to_owned()));
        }
        in_time(listener.listen(CHANNEL)).await?;
        Ok(Self {
            listener,
            pool,
            name: name.to_owned(),
        })
    }

    /// Waits for what somebody tells. May be dropped and called again: nothing is lost.
    pub(super) async fn heard(&mut self) -> Heard {
        match self.listener.try_recv().await {
            Ok(Some(told)) => Heard::Told(change(told.payload(), &self.name)),
            Ok(None) => Heard::Lost,
            Err(error) => {
                tracing::debug!(%error, "nothing is heard any more");
                Heard::Lost
            }
        }
    }

    /// Shows the server, and so the other portals, that this one lives.
    pub(super) async fn is_alive(&mut self) -> Result<()> {
        in_time(sqlx::query("SELECT 1").execute(&mut self.listener))
            .await
            .map(drop)
    }

    /// Takes the lead if nobody has it. Who has it and shows no life loses it.
    pub(super) async fn try_lead(&mut self) -> Result<bool> {
        let query = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(LEAD);
        let leads: bool = in_time(query.fetch_one(&mut self.listener))
            .await?
            .try_get(0)
            .map_err(failed)?;
        if !leads {
            let (class, object) = (LEAD >> 32, LEAD & 0xFFFF_FFFF);
            let follow = sqlx::query(FOLLOW)
                .bind(sqlx::postgres::types::Oid(
                    u32::try_from(class).unwrap_or_default(),
                ))
                .bind(sqlx::postgres::types::Oid(
                    u32::try_from(object).unwrap_or_default(),
                ))
                .bind(f64::from(SILENT));
            let ended = in_time(follow.fetch_all(&mut self.listener)).await?;
            if !ended.is_empty() {
                tracing::warn!("the portal that leads shows no life: it is followed");
            }
        }
        Ok(leads)
    }

    /// Lets go of everything, and waits until others can see it.
    pub(super) async fn close(mut self) {
        // The server notices the end of a connection some time after it.
        let release = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut self.listener);
        if let Err(error) = in_time(release).await {
            tracing::debug!(%error, "the locks end with the connection");
        }
        drop(self.listener);
        if tokio::time::timeout(PATIENCE, self.pool.close()).await.is_err() {
            tracing::debug!("the connection ends with the process");
        }
    }
}

async fn in_time<T>(what: impl Future<Output = std::result::Result<T, Error>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, what).await {
        Ok(done) => done.map_err(failed),
        Err(_) => Err(StoreError::Refused(format!(
            "PostgreSQL did not answer within {} s",
            PATIENCE.as_secs()
        ))),
    }
}

fn failed(error: Error) -> StoreError {
    DbErr::Query(RuntimeErr::SqlxError(error.into())).into()
}

/// What a message says, unless it is one's own.
fn change(message: &str, own: &str) -> Option<Change> {
    let mut words = message.split(' ');
    let (who, what, id) = (words.next()?, words.next()?, words.next());
    if who == own {
        return None;
    }
    match (what, id) {
        ("session", Some(id)) => id.parse().ok().map(Change::Session),
        ("preferences", Some(id)) => id.parse().ok().map(Change::Preferences),
        ("apps", _) => Some(Change::Apps),
        ("accounts", _) => Some(Change::Accounts),
        ("plugins", _) => Some(Change::Plugins),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use launchpad_domain::SessionId;

    use super::*;

    #[test]
    fn a_message_is_read_unless_it_is_ones_own_or_unknown() {
        let id = SessionId::new();
        let told = format!("launchpad-1 session {id}");
        assert_eq!(change(&told, "launchpad-2"), Some(Change::Session(id)));
        assert_eq!(change(&told, "launchpad-1"), None);
        assert_eq!(change("psql apps", "launchpad-1"), Some(Change::Apps));
        assert_eq!(change("- accounts", "launchpad-1"), Some(Change::Accounts));
        for strange in ["", "x", "x session", "x session y", "x later 1"] {
            assert_eq!(change(strange, "launchpad-1"), None, "{strange}");
        }
    }
}
