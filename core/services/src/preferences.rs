//! What each person chose about the portal's look.

use std::sync::Arc;

use launchpad_domain::{Actor, Clock, Preferences, UserId};
use launchpad_store::Store;

use crate::ServiceError;

/// Reads and keeps preferences.
#[derive(Debug)]
pub struct PreferenceBook {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl PreferenceBook {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// The account's preferences; nothing chosen yet is the default.
    pub async fn get(&self, user: UserId) -> Result<Preferences, ServiceError> {
        Ok(self.store.preferences().get(user).await?.unwrap_or_default())
    }

    /// Replaces the account's preferences.
    pub async fn put(
        &self,
        actor: &Actor,
        user: UserId,
        preferences: &Preferences,
    ) -> Result<(), ServiceError> {
        Ok(self
            .store
            .preferences()
            .put(actor, user, preferences, self.clock.now())
            .await?)
    }
}
