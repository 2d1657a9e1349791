//! What administrators gave plugins, beside what the configuration gives.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

// `capabilities`: a JSON array of words.
const TABLE: &str = "CREATE TABLE plugin_grants (plugin_id TEXT NOT NULL, source TEXT NOT NULL, \
                     capabilities TEXT NOT NULL, since TEXT NOT NULL, PRIMARY KEY (plugin_id, source))";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(TABLE).await?;
        Ok(())
    }
}
