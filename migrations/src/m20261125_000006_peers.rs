//! What several portals on one PostgreSQL tell each other: every change that another one may have in memory.
//!
//! The database tells it, in the transaction of the change, so that no writer can forget to. A message is three
//! words: who wrote it (the connection's `application_name`), what, and its id; never what it is now.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: &[&str] = &[
    // The last line that a launch's plugin showed, as JSON: another portal may be the one that is asked for it.
    "ALTER TABLE sessions ADD COLUMN progress TEXT",
];

/// Whoever copies whole tables sets `launchpad.quiet` to `on` for its transaction.
const TELL: &str = "CREATE OR REPLACE FUNCTION launchpad_tell() RETURNS trigger AS $$ BEGIN \
    IF current_setting('launchpad.quiet', true) = 'on' THEN RETURN NULL; END IF; \
    PERFORM pg_notify('launchpad', concat_ws(' ', \
        COALESCE(NULLIF(translate(current_setting('application_name'), ' ', '-'), ''), '-'), TG_ARGV[0], \
        CASE WHEN TG_LEVEL = 'ROW' THEN to_jsonb(NEW) ->> TG_ARGV[1] END)); \
    RETURN NULL; END $$ LANGUAGE plpgsql";

const TRIGGERS: &[&str] = &[
    "CREATE TRIGGER sessions_tell AFTER INSERT OR UPDATE ON sessions FOR EACH ROW \
     EXECUTE FUNCTION launchpad_tell('session', 'id')",
    "CREATE TRIGGER user_preferences_tell AFTER INSERT OR UPDATE ON user_preferences FOR EACH ROW \
     EXECUTE FUNCTION launchpad_tell('preferences', 'user_id')",
    "CREATE TRIGGER applications_tell AFTER INSERT OR UPDATE OR DELETE ON applications FOR EACH STATEMENT \
     EXECUTE FUNCTION launchpad_tell('apps')",
    "CREATE TRIGGER plugins_off_tell AFTER INSERT OR DELETE ON plugins_off FOR EACH STATEMENT \
     EXECUTE FUNCTION launchpad_tell('plugins')",
    // Who somebody is: an account that is changed, and every way in that is closed.
    "CREATE TRIGGER accounts_tell AFTER UPDATE OR DELETE ON accounts FOR EACH STATEMENT \
     EXECUTE FUNCTION launchpad_tell('accounts')",
    "CREATE TRIGGER sign_ins_tell AFTER DELETE ON sign_ins FOR EACH STATEMENT \
     EXECUTE FUNCTION launchpad_tell('accounts')",
    "CREATE TRIGGER api_tokens_tell AFTER DELETE ON api_tokens FOR EACH STATEMENT \
     EXECUTE FUNCTION launchpad_tell('accounts')",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for statement in STATEMENTS {
            connection.execute_unprepared(statement).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared(TELL).await?;
            for trigger in TRIGGERS {
                connection.execute_unprepared(trigger).await?;
            }
        }
        Ok(())
    }
}
