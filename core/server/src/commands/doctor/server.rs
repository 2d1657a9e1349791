//! What the server needs.

use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::{InstanceId, Runtime};
use launchpad_runtime::Podman;
use launchpad_store::DatabaseUrl;

use super::Line;
use crate::clock::SystemClock;
use crate::config::{Config, RuntimeChoice};
use crate::wiring::{self, Surroundings};

/// How long the database and the engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A line for each thing.
pub(super) async fn lines(config: &Config, surroundings: &Surroundings) -> Vec<Line> {
    let mut lines = vec![configuration(config)];
    lines.push(database(config).await);
    lines.push(engine(config, surroundings).await);
    lines.push(plugins(config, surroundings).await);
    lines
}

fn configuration(config: &Config) -> Line {
    match config.warnings.as_slice() {
        [] => Line::ok("configuration", format!("portal at {}", config.address.as_str())),
        warnings => Line::missing(
            "configuration",
            warnings.join("\n"),
            "launchpad config shows each setting and where it was set",
        ),
    }
}

/// Opened as the server opens it, which brings its schema up to date; one that is not there is not made.
async fn database(config: &Config) -> Line {
    let address = config.database.to_string();
    if let DatabaseUrl::Sqlite(path) = &config.database
        && !path.exists()
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        return match folder {
            Some(folder) if !folder.is_dir() => Line::wrong(
                "database",
                format!("{address}: there is no folder {}", folder.display()),
                format!("mkdir -p {}", folder.display()),
            ),
            _ => Line::ok("database", format!("{address} is made at the first start")),
        };
    }
    let remedy = "see the setting db; a server that is being restored or backed up holds it for a while";
    match tokio::time::timeout(PATIENCE, wiring::open_store(config)).await {
        Err(_) => Line::wrong("database", format!("{address} does not answer"), remedy),
        Ok(Err(error)) => Line::wrong("database", error.to_string(), remedy),
        Ok(Ok(store)) => match store.close().await {
            Ok(()) => Line::ok("database", address),
            Err(error) => Line::wrong("database", error.to_string(), remedy),
        },
    }
}

async fn engine(config: &Config, surroundings: &Surroundings) -> Line {
    let installed = surroundings.finds("podman");
    if config.runtime == RuntimeChoice::None {
        return Line::ok(
            "engine",
            "none is configured: links open, apps in containers do not",
        );
    }
    if !installed && config.runtime == RuntimeChoice::Auto {
        return Line::missing(
            "engine",
            "Podman is not installed: links open, apps in containers do not",
            "apt-get install podman",
        );
    }
    let podman = Podman::new(InstanceId::new(), Arc::new(SystemClock::default()));
    match tokio::time::timeout(PATIENCE, podman.check()).await {
        Ok(Ok(words)) => Line::ok("engine", words),
        Ok(Err(error)) => Line::wrong("engine", error.to_string(), "podman info tells more"),
        Err(_) => Line::wrong("engine", "Podman does not answer", "podman info tells more"),
    }
}

/// A plugin that does not load stops nothing else: it is told, and the server is not wrong for it.
async fn plugins(config: &Config, surroundings: &Surroundings) -> Line {
    let remedy = "launchpad plugin list shows all, launchpad plugin check DIR what is wrong with one";
    let reports = match wiring::plugin_reports(config, surroundings, None).await {
        Ok(reports) => reports,
        Err(error) => {
            return Line::wrong(
                "plugins",
                error.to_string(),
                "mend what is wrong with the database first",
            );
        }
    };
    let problems = reports.iter().filter_map(|report| {
        let problem = report.problem.as_ref()?;
        Some(format!("{}: {problem}", report.source))
    });
    let problems: Vec<_> = problems.collect();
    let loaded = reports.iter().filter(|report| report.loaded.is_some()).count();
    if problems.is_empty() {
        Line::ok("plugins", format!("{loaded} loaded"))
    } else {
        Line::missing(
            "plugins",
            format!("{loaded} loaded; not loaded:\n{}", problems.join("\n")),
            remedy,
        )
    }
}
