//! How often apps are launched, by whom, and how it went.

use std::sync::Arc;

use chrono::NaiveDate;
use launchpad_domain::{Actor, AnalyticsQuery, AnalyticsReport, AppId, Clock, LaunchCounts, Viewer};
use launchpad_store::{Detail, Store};

use crate::{Catalogue, ServiceError};

/// Reads the counts; launches are counted in their own transaction.
#[derive(Debug)]
pub struct Analytics {
    store: Store,
    catalogue: Catalogue,
    clock: Arc<dyn Clock>,
}

impl Analytics {
    pub(crate) fn new(store: Store, catalogue: Catalogue, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            catalogue,
            clock,
        }
    }

    /// Launches per app of all time, most launched first.
    pub async fn counts(&self) -> Result<LaunchCounts, ServiceError> {
        Ok(self.store.analytics().counts().await?)
    }

    /// A range, summed up. People and times are told as `detail` says.
    pub async fn report(
        &self,
        query: &AnalyticsQuery,
        detail: Detail,
    ) -> Result<AnalyticsReport, ServiceError> {
        Ok(self.store.analytics().report(query, detail).await?)
    }

    /// The day that it is, in UTC.
    pub fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
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
