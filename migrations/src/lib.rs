//! The schema, one file per change, the same for SQLite and PostgreSQL.
//!
//! A file here is never edited once it is released: a change of the schema is another file. Times are stored as
//! text of fixed width (`2026-11-23T10:00:00.000000Z`), which sorts, and which both databases give back exactly;
//! JSON is stored as text for the same reason.

mod m20261123_000001_published_tables;
mod m20261123_000002_accounts;
mod m20261124_000003_plugins;
mod m20261124_000004_audit_chain;
mod m20261125_000005_launches;
mod m20261125_000006_peers;
mod m20261125_000007_workspaces;
mod m20261125_000008_plugin_grants;
mod m20261125_000009_entries;
mod m20261125_000010_catalogue;
mod m20261127_000011_live_sessions;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::{MigrationTrait, async_trait};

/// All changes, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_published_tables::Migration),
            Box::new(m20261123_000002_accounts::Migration),
            Box::new(m20261124_000003_plugins::Migration),
            Box::new(m20261124_000004_audit_chain::Migration),
            Box::new(m20261125_000005_launches::Migration),
            Box::new(m20261125_000006_peers::Migration),
            Box::new(m20261125_000007_workspaces::Migration),
            Box::new(m20261125_000008_plugin_grants::Migration),
            Box::new(m20261125_000009_entries::Migration),
            Box::new(m20261125_000010_catalogue::Migration),
            Box::new(m20261127_000011_live_sessions::Migration),
        ]
    }
}

/// The names of all changes, in order.
pub fn names() -> Vec<String> {
    Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect()
}
