//! What an operator does with accounts.

use launchpad_domain::account::check_new_password;
use launchpad_domain::{Account, Actor, Problems, Role, UserId, Viewer};
use launchpad_store::{Forgotten, NewAccount};

use super::Accounts;
use crate::{ServiceError, SignedIn};

impl Accounts {
    /// Adds an account. Without a password it uses API tokens only.
    pub async fn create(
        &self,
        actor: &Actor,
        name: &str,
        role: Role,
        password: Option<&str>,
    ) -> Result<Account, ServiceError> {
        let (name, password_hash) = match password {
            Some(password) => {
                let (name, hash) = self.check_credentials(name, password).await?;
                (name, Some(hash))
            }
            None => (
                name.trim()
                    .parse()
                    .map_err(|message: String| Problems::one("name", message))?,
                None,
            ),
        };
        let account = NewAccount {
            id: UserId::new(),
            name,
            role,
            password_hash,
        };
        Ok(self
            .store
            .accounts()
            .insert(actor, &account, self.clock.now())
            .await?)
    }

    /// All accounts.
    pub async fn list(&self) -> Result<Vec<Account>, ServiceError> {
        Ok(self.store.accounts().list().await?)
    }

    /// Sets a password, which ends the account's sign-ins.
    pub async fn set_password(&self, actor: &Actor, name: &str, password: &str) -> Result<(), ServiceError> {
        check_new_password(password).map_err(|message| Problems::one("password", message))?;
        let account = self.by_name(name).await?;
        let hash = self.passwords.hash(password).await?;
        self.store
            .accounts()
            .set_password(actor, account.id, &hash, self.clock.now())
            .await?;
        self.forget_viewers();
        Ok(())
    }

    /// Changes the viewer's own password, which ends all their sign-ins, and signs them in anew.
    ///
    /// # Errors
    /// Problems at `current_password` and `new_password`; [`ServiceError::OverLimit`] after too many tries.
    pub async fn change_password(
        &self,
        actor: &Actor,
        viewer: &Viewer,
        current: &str,
        new: &str,
    ) -> Result<SignedIn, ServiceError> {
        let name = viewer.name.as_str();
        self.throttle.check(name, actor.address.as_deref())?;
        let known = self.store.accounts().by_name(&viewer.name.folded()).await?;
        let (account, hash) = known.ok_or(ServiceError::NotFound("account"))?;
        let mut problems = Problems::none();
        problems.take("new_password", check_new_password(new));
        if !self.passwords.verify(current, hash).await? {
            problems.add("current_password", "is not your password");
        }
        problems.into_result(())?;
        let hash = self.passwords.hash(new).await?;
        let now = self.clock.now();
        self.store
            .accounts()
            .set_password(actor, account.id, &hash, now)
            .await?;
        self.forget_viewers();
        self.begin(actor, account).await
    }

    /// Disables an account: its sign-ins end, its tokens are dead, its open streams are cut.
    pub async fn disable(&self, actor: &Actor, name: &str) -> Result<(), ServiceError> {
        let account = self.by_name(name).await?;
        self.store
            .accounts()
            .set_disabled(actor, account.id, true, self.clock.now())
            .await?;
        self.forget_viewers();
        Ok(())
    }

    /// Removes an account and everything that names it, but for the audit log.
    ///
    /// # Errors
    /// [`ServiceError::InUse`] while something of its sessions runs, and for the only administrator: nothing is
    /// changed then.
    pub async fn forget(&self, actor: &Actor, name: &str) -> Result<(Account, Forgotten), ServiceError> {
        let account = self.by_name(name).await?;
        let is_admin = |other: &Account| other.role == Role::Admin && !other.disabled;
        if is_admin(&account) && self.list().await?.iter().filter(|other| is_admin(other)).count() == 1 {
            let message = format!(
                "{} is the only administrator: make another one first",
                account.name
            );
            return Err(ServiceError::InUse(message));
        }
        let forgotten = self
            .store
            .accounts()
            .forget(actor, account.id, self.clock.now())
            .await?;
        self.forget_viewers();
        let forgotten = forgotten.ok_or_else(|| {
            ServiceError::InUse(format!(
                "{} has sessions that run or are being removed: end them, wait a moment, and try again",
                account.name
            ))
        })?;
        Ok((account, forgotten))
    }

    /// The account with this sign-in name.
    pub(super) async fn by_name(&self, name: &str) -> Result<Account, ServiceError> {
        let found = self
            .store
            .accounts()
            .by_name(&name.trim().to_ascii_lowercase())
            .await?;
        found
            .map(|(account, _)| account)
            .ok_or(ServiceError::NotFound("account"))
    }
}
