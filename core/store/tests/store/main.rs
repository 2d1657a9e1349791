//! The store on real databases: each case runs on SQLite and on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy does not count the helpers of tests as tests"
)]

mod accounts;
mod adoption;
mod analytics;
mod apps;
mod audit;
mod backup;
mod chain;
mod entries;
mod kill;
mod lock;
mod migrating;
mod moving;
mod opening;
mod peers;
mod permissions;
mod plugin_values;
mod preferences;
mod previous;
mod purging;
mod schema;
mod sessions;
mod sign_ins;
mod support;
mod tokens;
mod transitions;
