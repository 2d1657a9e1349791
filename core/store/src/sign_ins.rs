//! Sign-ins: table `sign_ins`. Only the hash of a cookie's secret is here.

use chrono::{DateTime, Utc};
use launchpad_domain::{Account, Actor, AuditAction, SignInId, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use crate::accounts::account;
use crate::audit::Deed;
use crate::entities::account as accounts;
use crate::entities::sign_in::{ActiveModel, Column, Entity, Model};
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// An authenticated browser.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// By which it is ended.
    pub id: SignInId,
    /// Who signed in, as the account is now.
    pub account: Account,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, give or take a minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// Reads and writes sign-ins.
#[derive(Debug)]
pub struct SignIns<'a>(&'a Store);

impl Store {
    /// The sign-ins.
    pub fn sign_ins(&self) -> SignIns<'_> {
        SignIns(self)
    }
}

impl SignIns<'_> {
    /// Begins a sign-in.
    pub async fn insert(
        &self,
        actor: &Actor,
        id: SignInId,
        user: UserId,
        hash: &str,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let transaction = self.0.begin().await?;
        let row = ActiveModel {
            id: Set(id.to_string()),
            user_id: Set(user.to_string()),
            hash: Set(hash.to_owned()),
            created_at: Set(time::text(now)),
            last_seen_at: Set(time::text(now)),
            expires_at: Set(time::text(expires_at)),
        };
        Entity::insert(row).exec_without_returning(&transaction).await?;
        let deed = Deed::new(AuditAction::SignIn)
            .to(&id)
            .saying(format!("sign-in {id}"));
        self.0.note(&transaction, actor, deed, now).await?;
        Ok(transaction.commit().await?)
    }

    /// The sign-in whose secret has this hash, ended or not.
    pub async fn find(&self, hash: &str) -> Result<Option<SignIn>> {
        let query = Entity::find().filter(Column::Hash.eq(hash));
        match query.one(self.0.reader()).await? {
            Some(row) => self.read(row).await,
            None => Ok(None),
        }
    }

    /// The sign-in with this id, ended or not.
    pub async fn get(&self, id: SignInId) -> Result<Option<SignIn>> {
        match Entity::find_by_id(id.to_string()).one(self.0.reader()).await? {
            Some(row) => self.read(row).await,
            None => Ok(None),
        }
    }

    async fn read(&self, row: Model) -> Result<Option<SignIn>> {
        let Some(owner) = accounts::Entity::find_by_id(row.user_id.clone())
            .one(self.0.reader())
            .await?
        else {
            return Ok(None);
        };
        Ok(Some(SignIn {
            id: row.id.parse().map_err(StoreError::Corrupt)?,
            account: account(&owner)?,
            created_at: time::parse(&row.created_at)?,
            last_seen_at: time::parse(&row.last_seen_at)?,
            expires_at: time::parse(&row.expires_at)?,
        }))
    }

    /// Notes that the sign-in was used.
    pub async fn touch(&self, id: SignInId, now: DateTime<Utc>) -> Result<()> {
        let transaction = self.0.begin().await?;
        let update = Entity::update_many()
            .col_expr(Column::LastSeenAt, time::text(now).into())
            .filter(Column::Id.eq(id.to_string()));
        update.exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends a sign-in; `false` if it had ended.
    pub async fn delete(&self, actor: &Actor, id: SignInId, now: DateTime<Utc>) -> Result<bool> {
        let transaction = self.0.begin().await?;
        if Entity::delete_by_id(id.to_string())
            .exec(&transaction)
            .await?
            .rows_affected
            == 0
        {
            return Ok(false);
        }
        let deed = Deed::new(AuditAction::SignOut)
            .to(&id)
            .saying(format!("sign-in {id}"));
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Removes sign-ins whose time is over; answers how many.
    pub async fn delete_expired(&self, now: DateTime<Utc>) -> Result<u64> {
        let transaction = self.0.begin().await?;
        let expired = Entity::delete_many().filter(Column::ExpiresAt.lt(time::text(now)));
        let removed = expired.exec(&transaction).await?.rows_affected;
        transaction.commit().await?;
        Ok(removed)
    }
}
