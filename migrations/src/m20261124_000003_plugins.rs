//! What plugins keep, which of them are switched off, and what a session knows of the plugin that planned it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: &[&str] = &[
    "CREATE TABLE session_values (session_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, \
     PRIMARY KEY (session_id, name))",
    "CREATE TABLE plugin_values (plugin_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, \
     PRIMARY KEY (plugin_id, name))",
    "CREATE TABLE plugins_off (plugin_id TEXT PRIMARY KEY, since TEXT NOT NULL)",
    // The digest of the plugin's files when it planned the session.
    "ALTER TABLE sessions ADD COLUMN plugin_digest TEXT",
    // The events that its plugin was told of, separated by spaces.
    "ALTER TABLE sessions ADD COLUMN told_events TEXT NOT NULL DEFAULT ''",
    // One line that its plugin wants shown.
    "ALTER TABLE sessions ADD COLUMN note TEXT",
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
