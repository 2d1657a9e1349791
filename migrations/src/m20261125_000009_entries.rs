//! Who may enter the origin of a session: one-time codes, and the cookies that they are changed for.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: &[&str] = &[
    "CREATE TABLE entries (hash TEXT PRIMARY KEY, kind TEXT NOT NULL, session_id TEXT NOT NULL, \
     sign_in_id TEXT NOT NULL REFERENCES sign_ins (id) ON DELETE CASCADE, expires_at TEXT NOT NULL)",
    "CREATE INDEX idx_entries_sign_in_id ON entries (sign_in_id)",
    "CREATE INDEX idx_entries_expires_at ON entries (expires_at)",
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
