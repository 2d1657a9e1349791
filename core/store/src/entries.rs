//! Who may enter the origin of a session: table `entries`. Only hashes of what browsers show are here.

use chrono::{DateTime, Utc};
use launchpad_domain::{SessionId, SignInId};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::entities::entry::{ActiveModel, Column, Entity};
use crate::{SignIn, Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// What a browser shows to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    /// A code that works once.
    Code,
    /// The cookie for which a code was changed.
    Cookie,
}

impl EntryKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Cookie => "cookie",
        }
    }
}

/// One right to enter one session's origin, as long as the sign-in lasts that it was given to.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The hash of what the browser shows.
    pub hash: String,
    /// The session.
    pub session: SessionId,
    /// The sign-in.
    pub sign_in: SignInId,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// Reads and writes entries.
#[derive(Debug)]
pub struct Entries<'a>(&'a Store);

impl Store {
    /// The entries.
    pub fn entries(&self) -> Entries<'_> {
        Entries(self)
    }
}

impl Entries<'_> {
    /// Keeps a new code, and forgets what nobody can show any more.
    pub async fn insert_code(&self, code: &Entry, now: DateTime<Utc>) -> Result<()> {
        let transaction = self.0.begin().await?;
        let ended = Entity::delete_many().filter(Column::ExpiresAt.lte(time::text(now)));
        ended.exec(&transaction).await?;
        insert(&transaction, EntryKind::Code, code).await?;
        Ok(transaction.commit().await?)
    }

    /// The live sign-in to which a code for this session was given. The code stays until it is [exchanged](Self::exchange).
    pub async fn sign_in_of_code(
        &self,
        code: &str,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<SignIn>> {
        self.sign_in_of(EntryKind::Code, code, session, now).await
    }

    /// Changes a code for a cookie, once: `false` if somebody was faster.
    pub async fn exchange(&self, code: &str, cookie: &Entry) -> Result<bool> {
        let transaction = self.0.begin().await?;
        let taken = Entity::delete_many()
            .filter(Column::Hash.eq(code))
            .filter(Column::Kind.eq(EntryKind::Code.as_str()))
            .filter(Column::SessionId.eq(cookie.session.to_string()));
        if taken.exec(&transaction).await?.rows_affected == 0 {
            return Ok(false);
        }
        insert(&transaction, EntryKind::Cookie, cookie).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The sign-in to which the cookie for this session was given.
    pub async fn sign_in_of_cookie(
        &self,
        cookie: &str,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<SignIn>> {
        self.sign_in_of(EntryKind::Cookie, cookie, session, now).await
    }

    async fn sign_in_of(
        &self,
        kind: EntryKind,
        hash: &str,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<SignIn>> {
        let query = Entity::find_by_id(hash)
            .filter(Column::Kind.eq(kind.as_str()))
            .filter(Column::SessionId.eq(session.to_string()))
            .filter(Column::ExpiresAt.gt(time::text(now)));
        match query.one(self.0.reader()).await? {
            Some(row) => {
                let id = row.sign_in_id.parse().map_err(StoreError::Corrupt)?;
                self.0.sign_ins().get(id).await
            }
            None => Ok(None),
        }
    }
}

async fn insert(connection: &impl ConnectionTrait, kind: EntryKind, entry: &Entry) -> Result<()> {
    let row = ActiveModel {
        hash: Set(entry.hash.clone()),
        kind: Set(kind.as_str().to_owned()),
        session_id: Set(entry.session.to_string()),
        sign_in_id: Set(entry.sign_in.to_string()),
        expires_at: Set(time::text(entry.expires_at)),
    };
    Entity::insert(row).exec_without_returning(connection).await?;
    Ok(())
}
