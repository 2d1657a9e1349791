//! What the audit log says beyond its published columns, the chain that binds its rows, and indexes for its filters.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: &[&str] = &[
    // To what it was done; `done` or `refused`; JSON of what was before and after; the row's place in the chain.
    "ALTER TABLE audit_log ADD COLUMN target TEXT",
    "ALTER TABLE audit_log ADD COLUMN outcome TEXT",
    "ALTER TABLE audit_log ADD COLUMN change TEXT",
    "ALTER TABLE audit_log ADD COLUMN chain TEXT",
    "CREATE INDEX idx_audit_log_newest ON audit_log (timestamp, id)",
    "CREATE INDEX idx_audit_log_user ON audit_log (\"user\", timestamp, id)",
    "CREATE INDEX idx_audit_log_action ON audit_log (action, timestamp, id)",
    "CREATE INDEX idx_audit_log_target ON audit_log (target, timestamp, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
