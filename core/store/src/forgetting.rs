//! An account that is forgotten: it and everything that names it goes, but for the audit log.

use chrono::{DateTime, Utc};
use launchpad_domain::{Actor, AuditAction, UserId};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::Accounts;
use crate::StoreError;
use crate::audit::Deed;
use crate::entities::{
    account, launch, launch_person, preference, recent_app, session, session_value, sign_in, token,
};
use crate::sessions::live_names;

type Result<T> = std::result::Result<T, StoreError>;

/// What was removed with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Its sessions.
    pub sessions: u64,
    /// Launches that are counted on, but no longer say whose they were.
    pub launches: u64,
    /// Its API tokens.
    pub tokens: u64,
    /// Its sign-ins.
    pub sign_ins: u64,
}

impl Accounts<'_> {
    /// Removes an account, in one transaction. `None` where something of its sessions still runs: then nothing is
    /// changed.
    pub async fn forget(&self, actor: &Actor, id: UserId, now: DateTime<Utc>) -> Result<Option<Forgotten>> {
        let transaction = self.store().begin().await?;
        let user = id.to_string();
        // Whoever launches for this account waits here, and finds it gone.
        account::Entity::find_by_id(&user)
            .lock_exclusive()
            .one(&transaction)
            .await?;
        let own = session::Column::UserId.eq(user.as_str());
        let unfinished = Condition::any()
            .add(session::Column::Status.is_in(live_names()))
            .add(session::Column::Cleaned.eq(false));
        let unfinished = session::Entity::find().filter(own.clone()).filter(unfinished);
        if unfinished.count(&transaction).await? > 0 {
            return Ok(None);
        }
        let ids = session::Entity::find()
            .select_only()
            .column(session::Column::Id)
            .filter(own.clone());
        session_value::Entity::delete_many()
            .filter(session_value::Column::SessionId.in_subquery(ids.into_query()))
            .exec(&transaction)
            .await?;
        let launches = launch::Entity::update_many()
            .col_expr(launch::Column::UserId, Expr::value(None::<String>))
            .col_expr(launch::Column::SessionId, Expr::value(None::<String>))
            .filter(launch::Column::UserId.eq(user.as_str()));
        let forgotten = Forgotten {
            sessions: session::Entity::delete_many()
                .filter(own)
                .exec(&transaction)
                .await?
                .rows_affected,
            launches: launches.exec(&transaction).await?.rows_affected,
            tokens: token::Entity::delete_many()
                .filter(token::Column::UserId.eq(user.as_str()))
                .exec(&transaction)
                .await?
                .rows_affected,
            sign_ins: sign_in::Entity::delete_many()
                .filter(sign_in::Column::UserId.eq(user.as_str()))
                .exec(&transaction)
                .await?
                .rows_affected,
        };
        // Days that counted this person go on counting somebody, whom nobody can name any more.
        launch_person::Entity::delete_many()
            .filter(launch_person::Column::UserId.eq(user.as_str()))
            .exec(&transaction)
            .await?;
        recent_app::Entity::delete_many()
            .filter(recent_app::Column::UserId.eq(user.as_str()))
            .exec(&transaction)
            .await?;
        preference::Entity::delete_by_id(&user).exec(&transaction).await?;
        account::Entity::delete_by_id(&user).exec(&transaction).await?;
        let deed = Deed::new(AuditAction::ForgetUser)
            .to(&id)
            .saying(format!("account {id}"));
        self.store().note(&transaction, actor, deed, now).await?;
        transaction.commit().await?;
        self.store().empty_log().await;
        Ok(Some(forgotten))
    }
}
