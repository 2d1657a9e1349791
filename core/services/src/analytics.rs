//! How often apps are launched, by whom, and how it went.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use launchpad_domain::{Actor, AnalyticsQuery, AnalyticsReport, AppId, Clock, LaunchCounts, UserId, Viewer};
use launchpad_store::{Detail, Store};
use moka::future::Cache;

use crate::{Catalogue, ServiceError};

/// How many apps are told that somebody used last.
const RECENT: u64 = 6;
/// How old the answer to that may be: every catalogue page asks.
const MOMENT: Duration = Duration::from_secs(2);

/// Reads the counts; launches are counted in their own transaction.
#[derive(Debug)]
pub struct Analytics {
    store: Store,
    catalogue: Catalogue,
    clock: Arc<dyn Clock>,
    recent: Cache<UserId, Arc<Vec<AppId>>>,
}

impl Analytics {
    pub(crate) fn new(store: Store, catalogue: Catalogue, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            catalogue,
            clock,
            recent: Cache::builder().max_capacity(50_000).time_to_live(MOMENT).build(),
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

    /// The apps that the account used last, newest first, as it was a moment ago.
    pub async fn recent(&self, user: UserId) -> Result<Arc<Vec<AppId>>, ServiceError> {
        if let Some(known) = self.recent.get(&user).await {
            return Ok(known);
        }
        let found = Arc::new(self.store.analytics().recent(user, RECENT).await?);
        self.recent.insert(user, Arc::clone(&found)).await;
        Ok(found)
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
