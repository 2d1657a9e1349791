//! The published tables with our columns beside the published ones. Published tables that are there already are
//! adopted: they keep their rows and get the columns that they lack.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// A table's published columns, then ours as name and definition: ours are added to an adopted table.
struct Table {
    name: &'static str,
    published: &'static str,
    ours: &'static [(&'static str, &'static str)],
}

const TABLES: &[Table] = &[
    Table {
        name: "applications",
        published: "id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, url TEXT, icon TEXT, category TEXT, \
                    launch_type TEXT DEFAULT 'url', container_image TEXT",
        ours: &[
            ("settings", "TEXT NOT NULL DEFAULT '{}'"),
            ("revision", "TEXT NOT NULL DEFAULT ''"),
        ],
    },
    Table {
        name: "sessions",
        published: "id TEXT PRIMARY KEY, user_id TEXT NOT NULL, app_id TEXT NOT NULL, pod_name TEXT, pod_ip TEXT, \
                    status TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL",
        ours: &[
            ("app_name", "TEXT NOT NULL DEFAULT ''"),
            ("launch_type", "TEXT NOT NULL DEFAULT 'container'"),
            ("runtime", "TEXT NOT NULL DEFAULT 'kubernetes'"),
            ("stage", "TEXT NOT NULL DEFAULT 'planning'"),
            ("reason", "TEXT"),
            ("reason_detail", "TEXT"),
            ("params", "TEXT NOT NULL DEFAULT '{}'"),
            ("plan", "TEXT"),
            (
                "expires_at",
                "TEXT NOT NULL DEFAULT '1970-01-01T00:00:00.000000Z'",
            ),
            ("cleaned", "BOOLEAN NOT NULL DEFAULT FALSE"),
        ],
    },
    Table {
        name: "audit_log",
        published: "id {serial}, timestamp TEXT NOT NULL, \"user\" TEXT NOT NULL, action TEXT NOT NULL, details TEXT",
        ours: &[("actor_id", "TEXT"), ("request_id", "TEXT"), ("address", "TEXT")],
    },
    Table {
        name: "analytics",
        published: "id {serial}, app_id TEXT NOT NULL, timestamp TEXT NOT NULL",
        ours: &[],
    },
    Table {
        name: "user_preferences",
        published: "user_id TEXT PRIMARY KEY, theme TEXT DEFAULT 'light', collapsed_categories TEXT, \
                    favorites TEXT, updated_at TEXT",
        ours: &[],
    },
];

/// How PostgreSQL spells our stored times.
const TIME: &str = r#"'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"#;

const INDEXES: &[&str] = &[
    "CREATE INDEX IF NOT EXISTS idx_sessions_user_id ON sessions (user_id)",
    "CREATE INDEX IF NOT EXISTS idx_sessions_status ON sessions (status)",
    // What the session manager asks for at each sweep: few of many rows.
    "CREATE INDEX IF NOT EXISTS idx_sessions_unfinished ON sessions (runtime) WHERE NOT cleaned",
    "CREATE INDEX IF NOT EXISTS idx_audit_log_timestamp ON audit_log (timestamp)",
    "CREATE INDEX IF NOT EXISTS idx_analytics_app_id ON analytics (app_id)",
    "CREATE INDEX IF NOT EXISTS idx_analytics_timestamp ON analytics (timestamp)",
];

/// Every edge but those of the session state table is refused, whoever writes.
const LEGAL: &str = "(OLD.status = NEW.status) \
    OR (OLD.status = 'creating' AND NEW.status IN ('running', 'failed')) \
    OR (OLD.status = 'running' AND NEW.status IN ('stopped', 'expired', 'failed'))";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = manager.get_database_backend();
        for table in TABLES {
            if manager.has_table(table.name).await? {
                if backend == DbBackend::Postgres {
                    adopt_types(connection, table).await?;
                }
                for (column, definition) in table.ours {
                    if !manager.has_column(table.name, *column).await? {
                        let add = format!("ALTER TABLE {} ADD COLUMN {column} {definition}", table.name);
                        connection.execute_unprepared(&add).await?;
                    }
                }
            } else {
                connection.execute_unprepared(&table.create(backend)).await?;
            }
        }
        for index in INDEXES {
            connection.execute_unprepared(index).await?;
        }
        for statement in trigger(backend) {
            connection.execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}

/// PostgreSQL holds columns to their types, where SQLite stores any text: a published column becomes what ours is.
async fn adopt_types(connection: &impl ConnectionTrait, table: &Table) -> Result<(), DbErr> {
    let columns = format!(
        "SELECT column_name, data_type FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name = '{}'",
        table.name
    );
    let columns = connection
        .query_all_raw(Statement::from_string(DbBackend::Postgres, columns))
        .await?;
    for row in columns {
        let column: String = row.try_get("", "column_name")?;
        if !table.publishes(&column) {
            continue;
        }
        let data_type: String = row.try_get("", "data_type")?;
        // A time without a zone was meant in UTC, as SQLite's CURRENT_TIMESTAMP is.
        let text = match data_type.as_str() {
            "text" | "bigint" | "boolean" => continue,
            "integer" | "smallint" => {
                let widen = format!("ALTER TABLE {} ALTER COLUMN \"{column}\" TYPE BIGINT", table.name);
                connection.execute_unprepared(&widen).await?;
                continue;
            }
            "timestamp with time zone" => format!("to_char(\"{column}\" AT TIME ZONE 'UTC', {TIME})"),
            "timestamp without time zone" => format!("to_char(\"{column}\", {TIME})"),
            _ => format!("\"{column}\"::text"),
        };
        let retype = format!(
            "ALTER TABLE {} ALTER COLUMN \"{column}\" TYPE TEXT USING {text}",
            table.name
        );
        connection.execute_unprepared(&retype).await?;
    }
    Ok(())
}

impl Table {
    /// Whether the column is one of the published ones.
    fn publishes(&self, column: &str) -> bool {
        let mut definitions = self.published.split(", ");
        definitions.any(|definition| {
            let name = definition.split(' ').next().unwrap_or_default();
            name.trim_matches('"') == column
        })
    }

    fn create(&self, backend: DbBackend) -> String {
        let serial = match backend {
            DbBackend::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
            _ => "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        };
        let mut columns = self.published.replace("{serial}", serial);
        for (column, definition) in self.ours {
            columns.extend([", ", column, " ", definition]);
        }
        format!("CREATE TABLE {} ({columns})", self.name)
    }
}

fn trigger(backend: DbBackend) -> Vec<String> {
    if backend == DbBackend::Sqlite {
        return vec![format!(
            "CREATE TRIGGER sessions_legal_edge BEFORE UPDATE OF status ON sessions FOR EACH ROW \
             WHEN NOT ({LEGAL}) BEGIN SELECT RAISE(ABORT, 'illegal session transition'); END"
        )];
    }
    vec![
        format!(
            "CREATE OR REPLACE FUNCTION sessions_legal_edge() RETURNS trigger AS $$ BEGIN \
             IF NOT ({LEGAL}) THEN RAISE EXCEPTION 'illegal session transition'; END IF; RETURN NEW; END $$ \
             LANGUAGE plpgsql"
        ),
        "CREATE TRIGGER sessions_legal_edge BEFORE UPDATE OF status ON sessions FOR EACH ROW \
         EXECUTE FUNCTION sessions_legal_edge()"
            .to_owned(),
    ]
}
