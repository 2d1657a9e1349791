//! Indexes that answer how many sessions are live, of a person and of an app, without reading the sessions: every
//! launch asks, and a session's row is large.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [
            "CREATE INDEX idx_sessions_user_id_status ON sessions (user_id, status)",
            "CREATE INDEX idx_sessions_status_app_id ON sessions (status, app_id)",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
