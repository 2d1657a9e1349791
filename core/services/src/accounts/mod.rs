//! Accounts: signing in and out, the first administrator, API tokens.
//!
//! Secrets (sign-ins, tokens, the setup link) are 256 random bits; the database has only their SHA-256.
//! Who a secret belongs to is remembered for at most [`REMEMBERED`], so a right that was taken away is gone
//! within that time everywhere, and at once where it was taken away.

mod administer;
mod entries;
mod password;
mod secret;
mod throttle;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use launchpad_domain::account::check_new_password;
use launchpad_domain::{
    Account, Actor, AuditAction, Clock, Problems, Role, SessionId, SignInId, UserId, UserName, Viewer,
};
use launchpad_store::{NewAccount, SignIn, Store};
use moka::future::Cache;

use crate::ServiceError;
use password::Passwords;
use secret::Secret;
use throttle::Throttle;

/// How long who-is-it may be answered from memory.
pub const REMEMBERED: Duration = Duration::from_secs(5);

/// A sign-in ends after this time without a request.
const IDLE: chrono::Duration = chrono::Duration::hours(1);
/// A sign-in ends after this time whatever happens.
const ABSOLUTE: chrono::Duration = chrono::Duration::hours(12);
/// Use is written down no more often than this.
const TOUCH: chrono::Duration = chrono::Duration::minutes(1);
/// How long a setup link works.
const SETUP: chrono::Duration = chrono::Duration::hours(24);

/// Everything about accounts.
#[derive(Debug)]
pub struct Accounts {
    store: Store,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    throttle: Throttle,
    cookies: Cache<String, Option<(SignInId, Viewer)>>,
    tokens: Cache<String, Option<Viewer>>,
    entries: Cache<(SessionId, String), Option<Viewer>>,
}

/// A fresh sign-in: the secret goes into the cookie and nowhere else.
#[derive(Debug)]
pub struct SignedIn {
    /// What the browser shows from now on.
    pub secret: String,
    /// When the sign-in ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub account: Account,
}

impl Accounts {
    /// Accounts of this database; a command needs no more of the portal.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let remembered = || {
            Cache::builder()
                .max_capacity(50_000)
                .time_to_live(REMEMBERED)
                .build()
        };
        Self {
            store,
            clock,
            passwords: Passwords::new(),
            throttle: Throttle::new(),
            cookies: remembered(),
            tokens: Cache::builder()
                .max_capacity(50_000)
                .time_to_live(REMEMBERED)
                .build(),
            entries: Cache::builder()
                .max_capacity(50_000)
                .time_to_live(REMEMBERED)
                .build(),
        }
    }

    /// Signs somebody in by name and password.
    ///
    /// # Errors
    /// [`ServiceError::WrongPassword`], the same and as slow for a name that nobody has;
    /// [`ServiceError::OverLimit`] after too many tries for this name from this address.
    pub async fn sign_in(&self, actor: &Actor, name: &str, password: &str) -> Result<SignedIn, ServiceError> {
        self.throttle.check(name, actor.address.as_deref())?;
        let known = match name.trim().parse::<UserName>() {
            Ok(name) => self.store.accounts().by_name(&name.folded()).await?,
            Err(_) => None,
        };
        let (account, hash) = known.map_or((None, None), |(account, hash)| (Some(account), hash));
        let matches = self.passwords.verify(password, hash).await?;
        match account {
            Some(account) if matches && !account.disabled => self.begin(actor, account).await,
            _ => {
                let details = "name or password was wrong, or the account is disabled";
                self.store
                    .audit()
                    .record(actor, AuditAction::RefuseSignIn, details, self.clock.now())
                    .await?;
                Err(ServiceError::WrongPassword)
            }
        }
    }

    /// Signs an account in whose owner has just proved who they are.
    async fn begin(&self, actor: &Actor, account: Account) -> Result<SignedIn, ServiceError> {
        let now = self.clock.now();
        let secret = Secret::new();
        let expires_at = now + ABSOLUTE;
        let actor = Actor {
            id: Some(account.id),
            name: account.name.to_string(),
            ..actor.clone()
        };
        self.store
            .sign_ins()
            .insert(
                &actor,
                SignInId::new(),
                account.id,
                &secret.hash(),
                expires_at,
                now,
            )
            .await?;
        Ok(SignedIn {
            secret: secret.into_text(),
            expires_at,
            account,
        })
    }

    /// Who shows this cookie, if it is a live sign-in of an account that may sign in.
    pub async fn viewer_of_cookie(&self, secret: &str) -> Result<Option<(SignInId, Viewer)>, ServiceError> {
        let Some(hash) = Secret::hash_of(secret) else {
            return Ok(None);
        };
        if let Some(known) = self.cookies.get(&hash).await {
            return Ok(known);
        }
        let known = match self.store.sign_ins().find(&hash).await? {
            Some(sign_in) => self.used(sign_in).await?,
            None => None,
        };
        self.cookies.insert(hash, known.clone()).await;
        Ok(known)
    }

    /// Who is signed in by this, if it is live; that it was used is noted.
    async fn used(&self, sign_in: SignIn) -> Result<Option<(SignInId, Viewer)>, ServiceError> {
        let now = self.clock.now();
        let over = now >= sign_in.expires_at || now >= sign_in.last_seen_at + IDLE;
        if over || sign_in.account.disabled {
            return Ok(None);
        }
        if now > sign_in.last_seen_at + TOUCH {
            self.store.sign_ins().touch(sign_in.id, now).await?;
        }
        Ok(Some((sign_in.id, viewer(sign_in.account))))
    }

    /// Ends a sign-in.
    pub async fn sign_out(&self, actor: &Actor, id: SignInId) -> Result<(), ServiceError> {
        self.store.sign_ins().delete(actor, id, self.clock.now()).await?;
        self.forget_viewers();
        Ok(())
    }

    /// Whether the first administrator is still to be made.
    pub async fn setup_open(&self) -> Result<bool, ServiceError> {
        Ok(!self.store.accounts().admin_exists().await?)
    }

    /// A new setup secret, which replaces the last; none once there is an administrator.
    pub async fn new_setup_token(&self) -> Result<Option<String>, ServiceError> {
        if !self.setup_open().await? {
            return Ok(None);
        }
        let secret = Secret::new();
        self.store
            .accounts()
            .set_setup_token(&secret.hash(), self.clock.now() + SETUP)
            .await?;
        Ok(Some(secret.into_text()))
    }

    /// Makes the first administrator and signs them in.
    ///
    /// # Errors
    /// Every problem with name, password and token; [`ServiceError::NotFound`] once there is an administrator.
    pub async fn set_up(
        &self,
        actor: &Actor,
        token: &str,
        name: &str,
        password: &str,
    ) -> Result<SignedIn, ServiceError> {
        if !self.setup_open().await? {
            return Err(ServiceError::NotFound("page"));
        }
        self.throttle.check("setup", actor.address.as_deref())?;
        let (name, hash) = self.check_credentials(name, password).await?;
        let wrong = || Problems::one("token", "is not the newest setup link, or is older than 24 hours");
        let token = Secret::hash_of(token.trim()).ok_or_else(wrong)?;
        let account = NewAccount {
            id: UserId::new(),
            name,
            role: Role::Admin,
            password_hash: Some(hash),
        };
        let made = self
            .store
            .accounts()
            .insert_first_admin(actor, &account, &token, self.clock.now())
            .await?;
        self.begin(actor, made.ok_or_else(wrong)?).await
    }

    /// Checks a new name and password and hashes the password.
    async fn check_credentials(
        &self,
        name: &str,
        password: &str,
    ) -> Result<(UserName, String), ServiceError> {
        let mut problems = Problems::none();
        let name = problems.take("name", name.trim().parse::<UserName>());
        problems.take("password", check_new_password(password));
        match name {
            Some(name) if problems.is_empty() => Ok((name, self.passwords.hash(password).await?)),
            _ => Err(problems.into()),
        }
    }

    /// Makes every answer about who somebody is come from the database again.
    pub(crate) fn forget_viewers(&self) {
        self.cookies.invalidate_all();
        self.tokens.invalidate_all();
        self.entries.invalidate_all();
    }
}

fn viewer(account: Account) -> Viewer {
    Viewer {
        id: account.id,
        name: account.name,
        role: account.role,
    }
}
