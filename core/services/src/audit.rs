//! The audit log, as it is read and as refusals are written to it.

use std::sync::Arc;

use launchpad_domain::{Actor, AuditAction, AuditEntry, Clock};
use launchpad_store::Store;

use crate::ServiceError;

/// Most entries that one answer holds.
const PAGE: u64 = 100;

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
    pub async fn latest(&self, before: Option<i64>, limit: u64) -> Result<Vec<AuditEntry>, ServiceError> {
        Ok(self.store.audit().page(before, limit.min(PAGE)).await?)
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
