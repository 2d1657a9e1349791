//! Accounts, their sign-ins and tokens, and the facts of which an instance has one each.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: &[&str] = &[
    "CREATE TABLE accounts (id TEXT PRIMARY KEY, name TEXT NOT NULL, folded_name TEXT NOT NULL UNIQUE, \
     role TEXT NOT NULL, password_hash TEXT, disabled BOOLEAN NOT NULL DEFAULT FALSE, created_at TEXT NOT NULL)",
    "CREATE TABLE sign_ins (id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, \
     hash TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL, last_seen_at TEXT NOT NULL, expires_at TEXT NOT NULL)",
    "CREATE INDEX idx_sign_ins_user_id ON sign_ins (user_id)",
    "CREATE TABLE api_tokens (id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, \
     hash TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL, expires_at TEXT NOT NULL)",
    "CREATE INDEX idx_api_tokens_user_id ON api_tokens (user_id)",
    // The instance's id, the setup link's hash, whether the seed was loaded.
    "CREATE TABLE instance_facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
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
