//! Where the data is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use crate::StoreError;
use crate::error::{is_away, is_timeout, refused_by_postgres};

/// How long one waits for a connection to PostgreSQL.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the data is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A `postgres://` URL, password and all.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Ok(Self::Postgres(text.to_owned()))
        } else if text.contains("://") {
            Err("must be a path or a postgres:// URL".to_owned())
        } else if text.trim().is_empty() {
            Err("must not be empty".to_owned())
        } else {
            Ok(Self::Sqlite(PathBuf::from(text)))
        }
    }
}

impl fmt::Display for DatabaseUrl {
    /// The password is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => match (url.find("://"), url.rfind('@')) {
                (Some(scheme), Some(at)) if scheme < at => {
                    let user = url[scheme + 3..at].split(':').next().unwrap_or_default();
                    write!(f, "{}{user}:***{}", &url[..scheme + 3], &url[at..])
                }
                _ => f.write_str(url),
            },
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// A pool of so many connections, which end neither for idleness nor for their age. The task by which sqlx 0.9.0 would
/// watch for either may count below nothing and then spin for ever, on a core of its own, so that the process does not end
/// either (<https://github.com/transact-rs/sqlx/issues/3645>). A connection that broke is replaced when it is needed.
pub(crate) fn lasting(address: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(address);
    options
        .max_connections(connections)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .sqlx_logging(false);
    options
}

/// Connects to PostgreSQL.
///
/// # Errors
/// [`StoreError::Refused`] where nothing answers, or where the address is none; it does not say the password.
pub(crate) async fn connect_postgres(
    address: &str,
    connections: u32,
    adjust: impl FnOnce(&mut ConnectOptions),
) -> Result<DatabaseConnection, StoreError> {
    let mut options = lasting(address, connections);
    options.acquire_timeout(PATIENCE);
    adjust(&mut options);
    Database::connect(options).await.map_err(|error| {
        let url = DatabaseUrl::Postgres(address.to_owned());
        if error.to_string().contains(address) {
            StoreError::Refused("the address of the database is no postgres:// URL".to_owned())
        } else if let Some(why) = refused_by_postgres(&error) {
            StoreError::Refused(format!("{url} refuses this role: {why}"))
        } else if is_timeout(&error) {
            StoreError::Refused(format!(
                "{url} does not answer: PostgreSQL must run and be reachable there"
            ))
        } else if is_away(&error) {
            StoreError::Refused(format!(
                "{url} cannot be reached ({error}): look at the host, the port and sslmode in LAUNCHPAD_DB"
            ))
        } else {
            error.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let url: DatabaseUrl = "postgres://ada:s3cret@db.example/launchpad".parse().unwrap();
        assert_eq!(format!("{url} {url:?}").matches("s3cret").count(), 0);
        assert!("mysql://x".parse::<DatabaseUrl>().is_err());
    }

    #[tokio::test]
    async fn nor_in_the_error_about_an_address_that_nobody_can_read() {
        let error = connect_postgres("postgres://ada:s3cret@db:99999/launchpad", 1, |_| {})
            .await
            .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}
