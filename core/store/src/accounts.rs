//! Accounts: table `accounts`, and the setup link that makes the first administrator.

use chrono::{DateTime, Utc};
use launchpad_domain::{Account, Actor, AuditAction, Role, UserId, UserName};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::audit::Deed;
use crate::database::{read_fact, write_fact};
use crate::entities::account::{ActiveModel, Column, Entity, Model};
use crate::entities::sign_in;
use crate::error::is_taken;
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// The fact that holds the newest setup link: its hash and its end.
const SETUP: &str = "setup_token";

/// What makes an account.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its unchanging id.
    pub id: UserId,
    /// Its sign-in name.
    pub name: UserName,
    /// What it may do.
    pub role: Role,
    /// The password's hash as a PHC string; none: it cannot sign in by password.
    pub password_hash: Option<String>,
}

/// Reads and writes accounts.
#[derive(Debug)]
pub struct Accounts<'a>(&'a Store);

impl Store {
    /// The accounts.
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts(self)
    }
}

impl Accounts<'_> {
    pub(crate) fn store(&self) -> &Store {
        self.0
    }

    /// Adds an account.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where another has its name, in whatever case.
    pub async fn insert(&self, actor: &Actor, new: &NewAccount, now: DateTime<Utc>) -> Result<Account> {
        let transaction = self.0.begin().await?;
        let account = insert(self.0, &transaction, actor, new, now).await?;
        transaction.commit().await?;
        Ok(account)
    }

    /// Makes the first administrator, if there is none yet and the hash is that of the newest live setup link.
    pub async fn insert_first_admin(
        &self,
        actor: &Actor,
        new: &NewAccount,
        setup_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Account>> {
        let transaction = self.0.begin_once().await?;
        let link = setup_token(&transaction).await?;
        let good = link.is_some_and(|(hash, expires_at)| hash == setup_hash && now < expires_at);
        if !good || admin_exists(&transaction).await? {
            return Ok(None);
        }
        let account = insert(self.0, &transaction, actor, new, now).await?;
        transaction.commit().await?;
        Ok(Some(account))
    }

    /// One account.
    pub async fn get(&self, id: UserId) -> Result<Option<Account>> {
        Entity::find_by_id(id.to_string())
            .one(self.0.reader())
            .await?
            .map(|row| account(&row))
            .transpose()
    }

    /// The account with this name in lower case, and its password's hash.
    pub async fn by_name(&self, folded: &str) -> Result<Option<(Account, Option<String>)>> {
        let row = Entity::find()
            .filter(Column::FoldedName.eq(folded))
            .one(self.0.reader())
            .await?;
        row.map(|row| {
            let hash = row.password_hash.clone();
            account(&row).map(|account| (account, hash))
        })
        .transpose()
    }

    /// All accounts, by name.
    pub async fn list(&self) -> Result<Vec<Account>> {
        let rows = Entity::find().all(self.0.reader()).await?;
        let mut accounts = rows.iter().map(account).collect::<Result<Vec<_>>>()?;
        // Not by the database: how text is ordered is a setting of PostgreSQL's.
        accounts.sort_by_cached_key(|account| account.name.folded());
        Ok(accounts)
    }

    /// Sets a password's hash and ends the account's sign-ins.
    pub async fn set_password(
        &self,
        actor: &Actor,
        id: UserId,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let change = ActiveModel {
            password_hash: Set(Some(hash.to_owned())),
            ..ActiveModel::default()
        };
        self.change(actor, AuditAction::SetPassword, id, change, now)
            .await
    }

    /// Disables an account, or enables it again, and ends its sign-ins.
    pub async fn set_disabled(
        &self,
        actor: &Actor,
        id: UserId,
        disabled: bool,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let change = ActiveModel {
            disabled: Set(disabled),
            ..ActiveModel::default()
        };
        self.change(actor, AuditAction::DisableUser, id, change, now)
            .await
    }

    async fn change(
        &self,
        actor: &Actor,
        action: AuditAction,
        id: UserId,
        change: ActiveModel,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let transaction = self.0.begin().await?;
        let update = Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(id.to_string()));
        if update.exec(&transaction).await?.rows_affected == 0 {
            return Ok(false);
        }
        let sign_ins = sign_in::Entity::delete_many().filter(sign_in::Column::UserId.eq(id.to_string()));
        sign_ins.exec(&transaction).await?;
        let deed = Deed::new(action).to(&id).saying(format!("account {id}"));
        self.0.note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Whether there is an administrator, disabled or not.
    pub async fn admin_exists(&self) -> Result<bool> {
        admin_exists(self.0.reader()).await
    }

    /// Makes this the newest setup link.
    pub async fn set_setup_token(&self, hash: &str, expires_at: DateTime<Utc>) -> Result<()> {
        let transaction = self.0.begin_once().await?;
        write_fact(&transaction, SETUP, format!("{hash} {}", time::text(expires_at))).await?;
        Ok(transaction.commit().await?)
    }

    /// The newest setup link's hash and end.
    pub async fn setup_token(&self) -> Result<Option<(String, DateTime<Utc>)>> {
        setup_token(self.0.reader()).await
    }
}

async fn setup_token(connection: &impl ConnectionTrait) -> Result<Option<(String, DateTime<Utc>)>> {
    let Some(fact) = read_fact(connection, SETUP).await? else {
        return Ok(None);
    };
    let (hash, expires_at) = fact
        .split_once(' ')
        .ok_or_else(|| StoreError::Corrupt("the setup link's fact".to_owned()))?;
    Ok(Some((hash.to_owned(), time::parse(expires_at)?)))
}

async fn admin_exists(connection: &impl ConnectionTrait) -> Result<bool> {
    Ok(Entity::find()
        .filter(Column::Role.eq(Role::Admin.as_str()))
        .count(connection)
        .await?
        > 0)
}

async fn insert(
    store: &Store,
    connection: &impl ConnectionTrait,
    actor: &Actor,
    new: &NewAccount,
    now: DateTime<Utc>,
) -> Result<Account> {
    let row = ActiveModel {
        id: Set(new.id.to_string()),
        name: Set(new.name.to_string()),
        folded_name: Set(new.name.folded()),
        role: Set(new.role.as_str().to_owned()),
        password_hash: Set(new.password_hash.clone()),
        disabled: Set(false),
        created_at: Set(time::text(now)),
    };
    if let Err(error) = Entity::insert(row).exec_without_returning(connection).await {
        return Err(if is_taken(&error) {
            StoreError::Taken(format!("the name {}", new.name))
        } else {
            error.into()
        });
    }
    let details = format!("account {} ({}), {}", new.id, new.name, new.role.as_str());
    let deed = Deed::new(AuditAction::CreateUser).to(&new.id).saying(details);
    store.note(connection, actor, deed, now).await?;
    Ok(Account {
        id: new.id,
        name: new.name.clone(),
        role: new.role,
        disabled: false,
        created_at: now,
    })
}

/// The account of a row.
pub(crate) fn account(row: &Model) -> Result<Account> {
    let corrupt = |what: String| StoreError::Corrupt(format!("account {}: {what}", row.id));
    Ok(Account {
        id: row.id.parse().map_err(corrupt)?,
        name: row.name.parse().map_err(corrupt)?,
        role: row.role.parse().map_err(corrupt)?,
        disabled: row.disabled,
        created_at: time::parse(&row.created_at)?,
    })
}
