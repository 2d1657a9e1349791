//! API tokens: what scripts show instead of a cookie.

use launchpad_domain::{Actor, TokenId, Viewer};
use launchpad_store::{NewToken, Token};

use super::secret::Secret;
use super::{Accounts, viewer};
use crate::ServiceError;

/// By which a token is known in logs and by secret scanners.
const PREFIX: &str = "lpt_";

impl Accounts {
    /// A new token for the account, and its secret, which nobody can read again.
    pub async fn create_token(
        &self,
        actor: &Actor,
        name: &str,
        lifetime: chrono::Duration,
    ) -> Result<(Token, String), ServiceError> {
        let account = self.by_name(name).await?;
        let now = self.clock.now();
        let secret = Secret::new();
        let token = NewToken {
            id: TokenId::new(),
            user_id: account.id,
            hash: secret.hash(),
            expires_at: now + lifetime,
        };
        self.store.tokens().insert(actor, &token, now).await?;
        let made = Token {
            id: token.id,
            account,
            created_at: now,
            expires_at: token.expires_at,
        };
        Ok((made, format!("{PREFIX}{}", secret.into_text())))
    }

    /// All tokens, or those of one account.
    pub async fn tokens(&self, name: Option<&str>) -> Result<Vec<Token>, ServiceError> {
        let user = match name {
            Some(name) => Some(self.by_name(name).await?.id),
            None => None,
        };
        Ok(self.store.tokens().list(user).await?)
    }

    /// Makes a token worthless. Answers whether there was one.
    pub async fn revoke_token(&self, actor: &Actor, id: TokenId) -> Result<bool, ServiceError> {
        let revoked = self.store.tokens().revoke(actor, id, self.clock.now()).await?;
        self.forget_viewers();
        Ok(revoked)
    }

    /// Who shows this token, if it is live and its account is not disabled.
    pub async fn viewer_of_token(&self, secret: &str) -> Result<Option<Viewer>, ServiceError> {
        let Some(hash) = secret.strip_prefix(PREFIX).and_then(Secret::hash_of) else {
            return Ok(None);
        };
        if let Some(known) = self.tokens.get(&hash).await {
            return Ok(known);
        }
        let now = self.clock.now();
        let found = self.store.tokens().find(&hash).await?;
        let live = found.filter(|token| !token.account.disabled && now < token.expires_at);
        let known = live.map(|token| viewer(token.account));
        self.tokens.insert(hash, known.clone()).await;
        Ok(known)
    }
}
