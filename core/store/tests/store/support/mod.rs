//! What every case needs: a new database of either kind, and rows that are as plain as can be.

mod postgres;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use launchpad_domain::{
    Account, Actor, App, Failure, PodPlan, Role, RuntimeKind, Session, SessionId, Status, UserId,
};
use launchpad_store::{DatabaseUrl, NewAccount, NewSession, Store, StoreError};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, QueryResult, Statement};
use serde_json::{Map, json};
use tempfile::TempDir;

/// Runs each case on a new SQLite file and on a new PostgreSQL database.
macro_rules! on_both {
    ($($(#[doc = $doc:literal])* async fn $name:ident($database:ident: &TestDatabase) $body:block)+) => {$(
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn case($database: &TestDatabase) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                case(&TestDatabase::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                case(&TestDatabase::postgres().await).await;
            }
        }
    )+};
}
pub(crate) use on_both;

/// A database that nobody has opened yet. Gone when it is dropped, or with the process.
pub(crate) struct TestDatabase {
    /// Its address, as somebody would configure it.
    pub(crate) address: String,
    _folder: Option<TempDir>,
}

impl TestDatabase {
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::with_prefix("launchpad-store-").unwrap();
        Self {
            address: folder.path().join("launchpad.db").to_str().unwrap().to_owned(),
            _folder: Some(folder),
        }
    }

    /// A file that somebody else keeps.
    pub(crate) fn at(path: &str) -> Self {
        Self {
            address: path.to_owned(),
            _folder: None,
        }
    }

    pub(crate) async fn postgres() -> Self {
        Self {
            address: postgres::new_database().await,
            _folder: None,
        }
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        self.address.parse().unwrap()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.url(), DatabaseUrl::Postgres(_))
    }

    /// Of two spellings the one that this database knows.
    pub(crate) fn either<T>(&self, sqlite: T, postgres: T) -> T {
        if self.is_postgres() { postgres } else { sqlite }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url()).await.unwrap()
    }

    /// A connection that knows nothing of the store.
    async fn connect(&self) -> DatabaseConnection {
        let address = match self.url() {
            DatabaseUrl::Postgres(address) => address,
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}?mode=rwc", path.display()),
        };
        let mut options = ConnectOptions::new(address);
        options
            .max_connections(1)
            // As the store's own: sqlx's task that watches them may spin for ever.
            .idle_timeout(None::<Duration>)
            .max_lifetime(None::<Duration>)
            .sqlx_logging(false);
        Database::connect(options).await.unwrap()
    }

    /// Runs statements as anybody with a database tool could.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), DbErr> {
        let connection = self.connect().await;
        let done = connection.execute_unprepared(sql).await;
        connection.close().await.unwrap();
        done.map(drop)
    }

    /// Makes the schema as it was after its first so many changes.
    pub(crate) async fn migrate_to(&self, changes: u32) {
        use launchpad_migrations::{Migrator, MigratorTrait};
        let connection = self.connect().await;
        Migrator::up(&connection, Some(changes)).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Asks as anybody with a database tool could.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let connection = self.connect().await;
        let query = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(query).await.unwrap();
        connection.close().await.unwrap();
        rows
    }

    /// Every row of every table of ours, as text, in no order that depends on the database.
    pub(crate) async fn dump(&self) -> BTreeMap<String, BTreeSet<Vec<Option<String>>>> {
        let mut dump = BTreeMap::new();
        let tables = self.either(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        );
        for table in self.texts(tables).await.into_iter().flatten() {
            // When a migration was applied is each database's own.
            if table == "seaql_migrations" {
                continue;
            }
            let query = self.either(
                format!("SELECT name FROM pragma_table_info('{table}') ORDER BY name"),
                format!(
                    "SELECT column_name::text FROM information_schema.columns \
                     WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY column_name COLLATE \"C\""
                ),
            );
            let columns: Vec<String> = self.texts(&query).await.into_iter().flatten().collect();
            let list: Vec<String> = columns
                .iter()
                .map(|name| format!("CAST(\"{name}\" AS TEXT)"))
                .collect();
            let rows = self
                .rows(&format!("SELECT {} FROM {table}", list.join(", ")))
                .await;
            let cell = |row: &QueryResult, at: usize| {
                let text: Option<String> = row.try_get_by_index(at).unwrap();
                match (columns[at].as_str(), text.as_deref()) {
                    // PostgreSQL has a type for what SQLite stores as a number.
                    ("cleaned" | "disabled", Some("true")) => Some("1".to_owned()),
                    ("cleaned" | "disabled", Some("false")) => Some("0".to_owned()),
                    _ => text,
                }
            };
            let rows = rows
                .iter()
                .map(|row| (0..columns.len()).map(|at| cell(row, at)).collect());
            dump.insert(table, rows.collect());
        }
        dump
    }

    /// The only column of the rows.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<Option<String>> {
        let rows = self.rows(sql).await;
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// The number in the only row.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.rows(sql).await[0].try_get_by_index(0).unwrap()
    }
}

/// The time of most cases.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-23T12:00:00.123456Z".parse().unwrap()
}

/// So many minutes after noon.
pub(crate) fn later(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

pub(crate) fn actor() -> Actor {
    Actor::command_line().through(Some("request-1".to_owned()), Some("192.0.2.1".to_owned()))
}

pub(crate) async fn account(store: &Store, name: &str) -> Account {
    let new = NewAccount {
        id: UserId::new(),
        name: name.parse().unwrap(),
        role: Role::User,
        password_hash: None,
    };
    store.accounts().insert(&actor(), &new, noon()).await.unwrap()
}

pub(crate) fn app(id: &str) -> App {
    App {
        id: id.parse().unwrap(),
        name: format!("The app {id}"),
        description: "What it is for: \"quoted\", 'quoted', \u{1f600}".to_owned(),
        url: "https://example.org/?a=1&b=2".to_owned(),
        icon: String::new(),
        category: "Tools".to_owned(),
        launch_type: "url".parse().unwrap(),
        container_image: String::new(),
        settings: Map::from_iter([("depth".to_owned(), json!({"a": [1, null, "x"]}))]),
    }
}

pub(crate) fn new_session(user: UserId, app: &str) -> NewSession {
    NewSession {
        id: SessionId::new(),
        user_id: user,
        app_id: app.parse().unwrap(),
        app_name: format!("The app {app}"),
        launch_type: "container".parse().unwrap(),
        runtime: RuntimeKind::Podman,
        params: Map::from_iter([("size".to_owned(), json!("large"))]),
        created_at: noon(),
        expires_at: later(2),
    }
}

/// A session in `creating`.
pub(crate) async fn session(store: &Store, user: UserId) -> Session {
    let new = new_session(user, "wiki");
    store.sessions().insert(&actor(), &new, 1_000).await.unwrap()
}

/// Ends a session a minute after noon.
pub(crate) async fn end(
    store: &Store,
    id: SessionId,
    (from, to): (Status, Status),
    failure: Option<&Failure>,
) -> Result<bool, StoreError> {
    let actor = actor();
    store
        .sessions()
        .finish(&actor, id, from, to, failure, later(1))
        .await
}

pub(crate) fn plan() -> PodPlan {
    serde_json::from_value(json!({
        "pod": {"containers": [{"name": "app", "image": "registry.example/app:1"}]},
        "endpoint": {"kind": "vnc", "container": "app", "port": 5900},
    }))
    .unwrap()
}

/// How many changes of the schema there are.
pub(crate) fn migrations() -> i64 {
    use launchpad_migrations::{Migrator, MigratorTrait};
    Migrator::migrations().len().try_into().unwrap()
}
