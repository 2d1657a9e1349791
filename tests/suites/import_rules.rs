//! Who may import whom: the layout of the crates, held against what their manifests say.
//!
//! Cargo already refuses an import that no manifest names; this test refuses the manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// What a crate of ours may name among the others of ours; a crate that is not listed here is a mistake.
const OURS: &[(&str, &[&str])] = &[
    ("launchpad-domain", &[]),
    ("launchpad-migrations", &[]),
    ("launchpad-store", &["launchpad-domain", "launchpad-migrations"]),
    ("launchpad-plugin-host", &["launchpad-domain"]),
    ("launchpad-runtime", &["launchpad-domain"]),
    ("launchpad-services", &["launchpad-domain", "launchpad-store"]),
    ("launchpad-web", &["launchpad-domain", "launchpad-services"]),
    (
        "launchpad-server",
        &[
            "launchpad-domain",
            "launchpad-migrations",
            "launchpad-plugin-host",
            "launchpad-runtime",
            "launchpad-services",
            "launchpad-store",
            "launchpad-web",
        ],
    ),
    // The harness starts the program through the server; it reads the database beside it, as an operator could, and
    // the benchmarks measure a plugin's call without the rest.
    (
        "launchpad-tests",
        &[
            "launchpad-domain",
            "launchpad-plugin-host",
            "launchpad-server",
            "launchpad-store",
        ],
    ),
];

/// A library and the only crates that may name it: each big dependency stays behind one door.
const DOORS: &[(&str, &[&str])] = &[
    ("axum", &["launchpad-web"]),
    ("askama", &["launchpad-web"]),
    ("figment", &["launchpad-server"]),
    ("clap", &["launchpad-server"]),
    ("kube", &["launchpad-runtime"]),
    ("rhai", &["launchpad-plugin-host"]),
    ("sea-orm", &["launchpad-store"]),
    ("sea-orm-migration", &["launchpad-migrations", "launchpad-store"]),
    ("sqlx", &["launchpad-store"]),
    ("wasmtime", &["launchpad-plugin-host"]),
    ("wit-component", &["launchpad-plugin-host"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Absent for what the crate itself needs, "dev" for what only its tests need.
    kind: Option<String>,
}

impl Package {
    /// What the crate itself names; its tests may name more, to build what they test.
    fn imports(&self) -> impl Iterator<Item = &str> {
        self.dependencies
            .iter()
            .filter(|d| d.kind.as_deref() != Some("dev"))
            .map(|d| d.name.as_str())
    }

    fn sources(&self) -> anyhow::Result<Vec<PathBuf>> {
        let folder = self
            .manifest_path
            .parent()
            .context("a manifest lies in a folder")?
            .join("src");
        let mut found = Vec::new();
        collect_sources(&folder, &mut found)?;
        Ok(found)
    }
}

fn collect_sources(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect_sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn packages() -> anyhow::Result<Vec<Package>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version=1",
            "--locked",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice::<Metadata>(&output.stdout)?.packages)
}

fn none_of(faults: &[String]) -> anyhow::Result<()> {
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn each_crate_names_only_those_of_ours_that_it_may() -> anyhow::Result<()> {
    let allowed: BTreeMap<&str, &[&str]> = OURS.iter().copied().collect();
    let mut faults = Vec::new();
    for package in packages()? {
        let Some(may) = allowed.get(package.name.as_str()) else {
            faults.push(format!("{}: give it its line in OURS", package.name));
            continue;
        };
        let ours = package.imports().filter(|name| allowed.contains_key(name));
        faults.extend(
            ours.filter(|name| !may.contains(name))
                .map(|name| format!("{} must not name {name}", package.name)),
        );
    }
    none_of(&faults)
}

#[test]
fn each_big_library_stays_behind_its_door() -> anyhow::Result<()> {
    let doors: BTreeMap<&str, &[&str]> = DOORS.iter().copied().collect();
    let mut faults = Vec::new();
    for package in packages()? {
        for name in package.imports() {
            let keepers = doors.get(name).copied();
            if keepers.is_some_and(|keepers| !keepers.contains(&package.name.as_str())) {
                faults.push(format!("{} must not name {name}", package.name));
            }
        }
    }
    none_of(&faults)
}

#[test]
fn only_the_server_reads_the_environment() -> anyhow::Result<()> {
    let mut faults = Vec::new();
    let readers = ["launchpad-server", "launchpad-tests"];
    for package in packages()?
        .iter()
        .filter(|package| !readers.contains(&package.name.as_str()))
    {
        for path in package.sources()? {
            let text = std::fs::read_to_string(&path)?;
            if ["env::var", "env::vars", "env::args"]
                .iter()
                .any(|call| text.contains(call))
            {
                faults.push(format!("{} reads the environment", path.display()));
            }
        }
    }
    none_of(&faults)
}

fn is_of_tests(path: &Path) -> bool {
    path.components()
        .any(|part| ["tests", "tests.rs"].iter().any(|name| part.as_os_str() == *name))
}

/// The shipped launch types use nothing that a stranger's cannot. (`url` is also the name of a field.)
#[test]
fn no_launch_type_that_opens_a_pod_is_named_in_the_core() -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for package in packages()?
        .iter()
        .filter(|package| package.name != "launchpad-tests")
    {
        let sources = package.sources()?;
        for path in sources.iter().filter(|path| !is_of_tests(path)) {
            let text = std::fs::read_to_string(path)?;
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            let named = ["\"container\"", "\"container-pvc\""]
                .iter()
                .find(|literal| product.contains(**literal));
            faults.extend(named.map(|literal| format!("{} names {literal}", path.display())));
        }
    }
    none_of(&faults)
}

#[test]
fn each_crate_takes_the_lints_of_the_workspace() -> anyhow::Result<()> {
    let root = read_manifest(&launchpad_tests::workspace().join("Cargo.toml"))?;
    let workspace = &root["workspace"]["lints"];
    // Cargo has no exceptions from `forbid`, and loading the plugin host's own cache is one unsafe call.
    let mut plugin_host = workspace.clone();
    plugin_host["rust"]["unsafe_code"] = toml::Value::from("deny");
    let mut faults = Vec::new();
    for package in packages()? {
        let manifest = read_manifest(&package.manifest_path)?;
        let lints = manifest.get("lints").context("a crate without lints")?;
        let takes_them = lints.get("workspace") == Some(&toml::Value::from(true));
        let is_exception = package.name == "launchpad-plugin-host" && *lints == plugin_host;
        if !takes_them && !is_exception {
            faults.push(format!("{} goes without the workspace's lints", package.name));
        }
    }
    none_of(&faults)
}

fn read_manifest(path: &Path) -> anyhow::Result<toml::Value> {
    let text = std::fs::read_to_string(path)?;
    Ok(toml::Value::Table(
        text.parse().with_context(|| path.display().to_string())?,
    ))
}
