//! Entries: how a browser that is signed in at the portal comes to be known at the origin of one session.
//!
//! The portal's cookie never leaves the portal's host. The browser is given a code there, shows it once at the session's
//! origin, and gets a cookie for that origin alone. Both belong to the sign-in and end with it.

use launchpad_domain::{SessionId, SignInId, Viewer};
use launchpad_store::Entry;

use super::Accounts;
use super::secret::Secret;
use crate::ServiceError;

/// How long a code works: it is on its way through one redirect.
const CODE: chrono::Duration = chrono::Duration::seconds(30);

impl Accounts {
    /// A code with which this sign-in enters the origin of this session. Whether its viewer may has been asked.
    pub async fn entry_code(&self, sign_in: SignInId, session: SessionId) -> Result<String, ServiceError> {
        let now = self.clock.now();
        let code = Secret::new();
        let entry = Entry {
            hash: code.hash(),
            session,
            sign_in,
            expires_at: now + CODE,
        };
        self.store.entries().insert_code(&entry, now).await?;
        Ok(code.into_text())
    }

    /// Changes a code for the secret of the session's cookie. `None`: the code was not given for this session, is too old,
    /// was shown before, or its sign-in has ended.
    pub async fn enter(&self, code: &str, session: SessionId) -> Result<Option<String>, ServiceError> {
        let Some(code) = Secret::hash_of(code) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let entries = self.store.entries();
        let Some(sign_in) = entries.sign_in_of_code(&code, session, now).await? else {
            return Ok(None);
        };
        let expires_at = sign_in.expires_at;
        let Some((sign_in, _)) = self.used(sign_in).await? else {
            return Ok(None);
        };
        let cookie = Secret::new();
        let entry = Entry {
            hash: cookie.hash(),
            session,
            sign_in,
            expires_at,
        };
        let exchanged = entries.exchange(&code, &entry).await?;
        Ok(exchanged.then(|| cookie.into_text()))
    }

    /// Who shows this cookie at the origin of this session, if their sign-in is live.
    pub async fn viewer_of_entry(
        &self,
        secret: &str,
        session: SessionId,
    ) -> Result<Option<Viewer>, ServiceError> {
        let Some(hash) = Secret::hash_of(secret) else {
            return Ok(None);
        };
        let key = (session, hash);
        if let Some(known) = self.entries.get(&key).await {
            return Ok(known);
        }
        let now = self.clock.now();
        let known = match self
            .store
            .entries()
            .sign_in_of_cookie(&key.1, session, now)
            .await?
        {
            Some(sign_in) => self.used(sign_in).await?.map(|(_, viewer)| viewer),
            None => None,
        };
        self.entries.insert(key, known.clone()).await;
        Ok(known)
    }
}
