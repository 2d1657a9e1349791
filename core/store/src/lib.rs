//! The only place that knows SQL: the open database and, by noun, what can be read from it and written to it.
//!
//! [`Store`] is cheap to clone. Every write is one transaction that holds the change and its audit row; on
//! SQLite it begins IMMEDIATE, since a transaction that reads first and writes later fails at once when
//! somebody else wrote in between. State changes are compare-and-set: they answer `false` when the row was no
//! longer what the caller thought.

mod accounts;
mod address;
mod analytics;
mod apps;
mod audit;
mod audit_key;
mod chain;
mod database;
mod deleted_apps;
mod entities;
mod entries;
mod error;
mod file;
mod forgetting;
mod lock;
mod moving;
mod peers;
mod plugin_grants;
mod plugin_values;
mod preferences;
mod purging;
mod replacement;
mod rollups;
mod schema;
mod session_rows;
mod sessions;
mod sign_ins;
mod snapshot;
mod tables;
mod time;
mod tokens;
mod workspaces;

pub use accounts::{Accounts, NewAccount};
pub use address::DatabaseUrl;
pub use analytics::{Analytics, Detail};
pub use apps::{Apps, StoredApp};
pub use audit::AuditLog;
pub use chain::{AUDIT_KEY_BYTES, AuditKey, ChainLink, ChainReport};
pub use database::{Opening, Store};
pub use entries::{Entries, Entry};
pub use error::StoreError;
pub use forgetting::Forgotten;
pub use lock::DatabaseLock;
pub use moving::move_database;
pub use peers::{Change, PeerEvent, Peers, Term};
pub use plugin_grants::PluginGrants;
pub use plugin_values::PluginValues;
pub use preferences::PreferenceRows;
pub use purging::Purging;
pub use replacement::{Replaced, Replacement, Restoring};
pub use schema::{MigrationState, migrate_up, migrations};
pub use sessions::{NewSession, Sessions};
pub use sign_ins::{SignIn, SignIns};
pub use snapshot::{Contents, inspect};
pub use tables::RowCounts;
pub use tokens::{NewToken, Token, Tokens};
pub use workspaces::{WorkspaceHeld, Workspaces};
