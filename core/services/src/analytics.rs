//! How often apps are launched.

use launchpad_domain::{Actor, AppId, LaunchCounts, Viewer};
use launchpad_store::Store;

use crate::{Catalogue, ServiceError};

/// Reads the counts; launches are counted in their own transaction.
#[derive(Debug)]
pub struct Analytics {
    store: Store,
    catalogue: Catalogue,
}

impl Analytics {
    pub(crate) fn new(store: Store, catalogue: Catalogue) -> Self {
        Self { store, catalogue }
    }

    /// Launches per app, most launched first.
    pub async fn counts(&self) -> Result<LaunchCounts, ServiceError> {
        Ok(self.store.analytics().counts().await?)
    }

    /// Counts the viewer's own opening of a link that their browser followed by itself.
    pub async fn record_link_launch(
        &self,
        actor: &Actor,
        viewer: &Viewer,
        id: &AppId,
    ) -> Result<(), ServiceError> {
        self.catalogue.open_link(actor, viewer, id, true).await.map(drop)
    }
}
