//! What the server needs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::{Clock, Finding, InstanceId, Needs};
use launchpad_store::DatabaseUrl;

use crate::clock::SystemClock;
use crate::config::{Config, RuntimeChoice};
use crate::wiring::{self, Surroundings};

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the engine may be looked at.
const EXAMINATION: Duration = Duration::from_mins(5);

/// A line for each thing.
pub(super) async fn lines(config: &Config, surroundings: &Surroundings) -> Vec<Finding> {
    let mut lines = vec![configuration(config)];
    let (database, images) = database(config).await;
    lines.push(database);
    lines.extend(engine(config, surroundings, images).await);
    lines.push(plugins(config, surroundings).await);
    lines
}

fn configuration(config: &Config) -> Finding {
    match config.warnings.as_slice() {
        [] => Finding::ok("configuration", format!("portal at {}", config.address.as_str())),
        warnings => Finding::missing(
            "configuration",
            warnings.join("\n"),
            "launchpad config shows each setting and where it was set",
        ),
    }
}

/// Opened as the server opens it, which brings its schema up to date; one that is not there is not made. Also answers the
/// images that apps run.
async fn database(config: &Config) -> (Finding, BTreeSet<String>) {
    let mut images = BTreeSet::new();
    let finding = open_database(config, &mut images).await;
    (finding, images)
}

async fn open_database(config: &Config, images: &mut BTreeSet<String>) -> Finding {
    let address = config.database.to_string();
    if let DatabaseUrl::Sqlite(path) = &config.database
        && !path.exists()
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder
            && !folder.is_dir()
        {
            return Finding::wrong(
                "database",
                format!("{address}: there is no folder {}", folder.display()),
                format!("mkdir -p {}", folder.display()),
            );
        }
    }
    let remedy = "see the setting db; a server that is being restored or backed up holds it for a while";
    match tokio::time::timeout(PATIENCE, wiring::open_store_if_there(config)).await {
        Err(_) => Finding::wrong("database", format!("{address} does not answer"), remedy),
        Ok(Err(error)) => Finding::wrong("database", error.to_string(), remedy),
        Ok(Ok(None)) => Finding::ok("database", format!("{address} is filled at the first start")),
        Ok(Ok(Some(store))) => {
            let apps = store.apps().list().await;
            let closed = store.close().await;
            match apps.and_then(|apps| closed.map(|()| apps)) {
                Ok(apps) => {
                    let named = apps.into_iter().map(|stored| stored.app.container_image);
                    images.extend(named.filter(|image| !image.is_empty()));
                    Finding::ok("database", address)
                }
                Err(error) => Finding::wrong("database", error.to_string(), remedy),
            }
        }
    }
}

async fn engine(config: &Config, surroundings: &Surroundings, images: BTreeSet<String>) -> Vec<Finding> {
    if config.runtime == RuntimeChoice::None {
        let words = "none is configured: links open, apps in containers do not";
        return vec![Finding::ok("engine", words)];
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let Some(runtime) = wiring::runtime(config, InstanceId::new(), &clock, surroundings) else {
        return vec![Finding::missing(
            "engine",
            "Podman is not installed: links open, apps in containers do not",
            "apt-get install podman",
        )];
    };
    let rules = &config.sessions.pod_limits.workspaces;
    let classes = rules.storage_class.iter().chain(&rules.storage_classes);
    let needs = Needs {
        sidecar_image: config.sessions.sidecar_image.clone(),
        images,
        storage_classes: classes.cloned().collect(),
    };
    match tokio::time::timeout(EXAMINATION, runtime.examine(&needs)).await {
        Ok(findings) => findings,
        Err(_) => vec![Finding::wrong(
            "engine",
            format!(
                "{} did not answer everything within {} s",
                runtime.kind(),
                EXAMINATION.as_secs()
            ),
            "is it very busy? ask again",
        )],
    }
}

/// A plugin that does not load stops nothing else: it is told, and the server is not wrong for it.
async fn plugins(config: &Config, surroundings: &Surroundings) -> Finding {
    let remedy = "launchpad plugin list shows all, launchpad plugin check DIR what is wrong with one";
    let reports = match wiring::plugin_reports(config, surroundings, None).await {
        Ok(reports) => reports,
        Err(error) => {
            return Finding::wrong(
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
        Finding::ok("plugins", format!("{loaded} loaded"))
    } else {
        Finding::missing(
            "plugins",
            format!("{loaded} loaded; not loaded:\n{}", problems.join("\n")),
            remedy,
        )
    }
}
