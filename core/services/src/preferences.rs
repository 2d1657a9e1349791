//! What each person chose about the portal's look.

use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::{Actor, Clock, Preferences, UserId};
use launchpad_store::Store;
use moka::future::Cache;

use crate::ServiceError;

/// How old an answer from memory may be, where another process changed it.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Reads and keeps preferences.
#[derive(Debug)]
pub struct PreferenceBook {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Every page asks for them.
    remembered: Cache<UserId, Preferences>,
}

impl PreferenceBook {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            remembered: Cache::builder()
                .max_capacity(50_000)
                .time_to_live(REMEMBERED)
                .build(),
        }
    }

    /// The account's preferences, at most five seconds old; nothing chosen yet is the default.
    pub async fn get(&self, user: UserId) -> Result<Preferences, ServiceError> {
        if let Some(known) = self.remembered.get(&user).await {
            return Ok(known);
        }
        let found = self.stored(user).await?;
        self.remembered.insert(user, found.clone()).await;
        Ok(found)
    }

    /// Another process changed them.
    pub(crate) async fn forget(&self, user: UserId) {
        self.remembered.invalidate(&user).await;
    }

    /// Other processes may have changed any.
    pub(crate) fn forget_all(&self) {
        self.remembered.invalidate_all();
    }

    /// The same from the database itself, for who is about to change a part of them.
    pub async fn stored(&self, user: UserId) -> Result<Preferences, ServiceError> {
        Ok(self.store.preferences().get(user).await?.unwrap_or_default())
    }

    /// Replaces the account's preferences.
    pub async fn put(
        &self,
        actor: &Actor,
        user: UserId,
        preferences: &Preferences,
    ) -> Result<(), ServiceError> {
        let kept = self
            .store
            .preferences()
            .put(actor, user, preferences, self.clock.now())
            .await;
        self.remembered.invalidate(&user).await;
        Ok(kept?)
    }
}
