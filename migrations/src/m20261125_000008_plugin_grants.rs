//! What administrators gave plugins, beside what the configuration gives.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

// `capabilities`: a JSON array of words.
const TABLE: &str = "CREATE TABLE plugin_grants (plugin_id TEXT NOT NULL, source TEXT NOT NULL, \
                     capabilities TEXT NOT NULL, since TEXT NOT NULL, PRIMARY KEY (plugin_id, source))";

/// Another portal takes up what was given, as it does what was switched off.
const TRIGGER: &str = "CREATE TRIGGER plugin_grants_tell AFTER INSERT OR UPDATE OR DELETE ON plugin_grants \
                       FOR EACH STATEMENT EXECUTE FUNCTION launchpad_tell('plugins')";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared(TABLE).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared(TRIGGER).await?;
        }
        Ok(())
    }
}
