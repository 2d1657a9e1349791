//! API tokens: table `api_tokens`. Only the hash of a token is here.

use chrono::{DateTime, Utc};
use launchpad_domain::{Account, Actor, AuditAction, TokenId, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::accounts::account;
use crate::audit::Deed;
use crate::entities::account as accounts;
use crate::entities::token::{ActiveModel, Column, Entity, Model};
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// What makes a token.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// By which it is listed and revoked.
    pub id: TokenId,
    /// Whose rights it has.
    pub user_id: UserId,
    /// The hash of its secret.
    pub hash: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A token as it is listed.
#[derive(Debug, Clone)]
pub struct Token {
    /// By which it is revoked.
    pub id: TokenId,
    /// Whose rights it has, as the account is now.
    pub account: Account,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Reads and writes tokens.
#[derive(Debug)]
pub struct Tokens<'a>(&'a Store);

impl Store {
    /// The API tokens.
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens(self)
    }
}

impl Tokens<'_> {
    /// Keeps a new token.
    pub async fn insert(&self, actor: &Actor, new: &NewToken, now: DateTime<Utc>) -> Result<()> {
        let transaction = self.0.begin().await?;
        let row = ActiveModel {
            id: Set(new.id.to_string()),
            user_id: Set(new.user_id.to_string()),
            hash: Set(new.hash.clone()),
            created_at: Set(time::text(now)),
            expires_at: Set(time::text(new.expires_at)),
        };
        Entity::insert(row).exec_without_returning(&transaction).await?;
        let details = format!("token {} of account {}", new.id, new.user_id);
        let deed = Deed::new(AuditAction::CreateToken).to(&new.id).saying(details);
        self.0.note(&transaction, actor, deed, now).await?;
        Ok(transaction.commit().await?)
    }

    /// The token whose secret has this hash, ended or not.
    pub async fn find(&self, hash: &str) -> Result<Option<Token>> {
        let row = Entity::find()
            .filter(Column::Hash.eq(hash))
            .one(self.0.reader())
            .await?;
        match row {
            Some(row) => self.token(row).await,
            None => Ok(None),
        }
    }

    /// All tokens, or one account's, oldest first.
    pub async fn list(&self, user: Option<UserId>) -> Result<Vec<Token>> {
        let mut query = Entity::find().order_by_asc(Column::Id);
        if let Some(user) = user {
            query = query.filter(Column::UserId.eq(user.to_string()));
        }
        let mut tokens = Vec::new();
        for row in query.all(self.0.reader()).await? {
            tokens.extend(self.token(row).await?);
        }
        Ok(tokens)
    }

    async fn token(&self, row: Model) -> Result<Option<Token>> {
        let Some(owner) = accounts::Entity::find_by_id(row.user_id.clone())
            .one(self.0.reader())
            .await?
        else {
            return Ok(None);
        };
        Ok(Some(Token {
            id: row.id.parse().map_err(StoreError::Corrupt)?,
            account: account(&owner)?,
            created_at: time::parse(&row.created_at)?,
            expires_at: time::parse(&row.expires_at)?,
        }))
    }

    /// Makes a token worthless; `false` if there is none.
    pub async fn revoke(&self, actor: &Actor, id: TokenId, now: DateTime<Utc>) -> Result<bool> {
        let transaction = self.0.begin().await?;
        if Entity::delete_by_id(id.to_string())
            .exec(&transaction)
            .await?
            .rows_affected
            == 0
        {
            return Ok(false);
        }
        let deed = Deed::new(AuditAction::RevokeToken)
            .to(&id)
            .saying(format!("token {id}"));
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
