//! The audit log, as it is read, as refusals are written to it, and as it is proved to be whole.

mod checkpoints;
mod keeper;
mod verify;

use std::sync::Arc;

use futures::{Stream, stream};
use launchpad_domain::{Actor, AuditAction, AuditEntry, AuditFilter, Clock};
use launchpad_store::Store;

use crate::ServiceError;

pub use checkpoints::{Checkpoint, CheckpointError, CheckpointKind, Checkpoints};
pub use keeper::CheckpointKeeper;
pub use verify::{AuditReport, verify};

/// Most entries that one answer holds.
const PAGE: u64 = 100;
/// Entries of an export that are held in memory at one time.
const EXPORT_PAGE: u64 = 1_000;

/// Reads the log. Changes write their own entry in their own transaction; what changes nothing, a refusal, is
/// recorded here.
#[derive(Debug)]
pub struct AuditLog {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl AuditLog {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// The newest entries before the entry `before`, newest first; at most 100.
    pub async fn latest(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<AuditEntry>, ServiceError> {
        Ok(self.store.audit().page(filter, before, limit.min(PAGE)).await?)
    }

    /// All entries, newest first, page by page, as many as there are.
    pub fn export(
        &self,
        filter: AuditFilter,
    ) -> impl Stream<Item = Result<Vec<AuditEntry>, ServiceError>> + Send + use<> {
        let store = self.store.clone();
        stream::try_unfold(Some(None), move |before: Option<Option<i64>>| {
            let (store, filter) = (store.clone(), filter.clone());
            async move {
                let Some(before) = before else { return Ok(None) };
                let page = store.audit().page(&filter, before, EXPORT_PAGE).await?;
                let next = page.last().map(|entry| Some(entry.id));
                Ok(Some((page, next)))
            }
        })
    }

    /// Records what was refused.
    pub async fn record(
        &self,
        actor: &Actor,
        action: AuditAction,
        details: &str,
    ) -> Result<(), ServiceError> {
        Ok(self
            .store
            .audit()
            .record(actor, action, details, self.clock.now())
            .await?)
    }
}
