//! The workspaces that an administrator has deleted and the engine may still have.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE TABLE workspace_removals (name TEXT PRIMARY KEY, runtime TEXT NOT NULL, \
                 requested_at TEXT NOT NULL)",
            )
            .await?;
        Ok(())
    }
}
