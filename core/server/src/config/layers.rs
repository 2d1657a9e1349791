//! The layers: built-in defaults, the branding file, `launchpad.toml`, the environment, the command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Deserialize;

use super::keys::{self, ALL, Key};
use super::problem::ConfigProblems;

/// The file that is read where no other is named.
const FILE: &str = "launchpad.toml";
/// Most bytes of a file of settings.
const MAX_FILE: u64 = 1024 * 1024;

/// What the command line sets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    /// `--config FILE`.
    pub(crate) file: Option<PathBuf>,
    /// Settings by their keys, and the option that set each.
    pub(crate) settings: Vec<(Key, &'static str, String)>,
}

/// One setting and the place where it stands, so that the place can be told.
#[derive(Debug, Clone)]
struct Setting {
    key: Key,
    origin: String,
    value: Value,
}

impl Setting {
    fn new(key: Key, origin: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            key,
            origin: origin.into(),
            value: value.into(),
        }
    }
}

impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(self.key.path, self.value.clone());
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// All layers, merged: what stands later wins.
pub(super) fn merged(
    overrides: &Overrides,
    environment: &[(OsString, OsString)],
    problems: &mut ConfigProblems,
) -> Figment {
    let defaults = ALL
        .iter()
        .filter_map(|key| Some(Setting::new(*key, "default", key.default?)));
    let mut upper = from_toml(overrides.file.as_deref(), problems);
    upper.extend(from_environment(environment, problems));
    for (key, option, text) in &overrides.settings {
        upper.push(Setting::new(*key, format!("option {option}"), text.as_str()));
    }
    let named = upper
        .iter()
        .rev()
        .find(|setting| setting.key == keys::BRANDING_FILE);
    let branding = from_branding_file(named, problems);
    defaults
        .chain(branding)
        .chain(upper)
        .fold(Figment::new(), Figment::merge)
}

fn from_environment(environment: &[(OsString, OsString)], problems: &mut ConfigProblems) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("LAUNCHPAD_")) else {
            continue;
        };
        let origin = format!("environment variable {name}");
        match (ALL.iter().find(|key| key.variable == name), value.to_str()) {
            (Some(key), Some(text)) => settings.push(Setting::new(*key, origin, text)),
            (Some(key), None) => problems.add(key.path, &origin, "is not UTF-8"),
            (None, _) if name.contains("__") => problems.add(name, &origin, "is not a setting"),
            // Kubernetes puts such names into pods beside a Service named launchpad.
            (None, _) => problems.warn(format!("{origin} is not a setting and is ignored")),
        }
    }
    settings
}

fn from_toml(named: Option<&Path>, problems: &mut ConfigProblems) -> Vec<Setting> {
    let path = named.unwrap_or(Path::new(FILE));
    if named.is_none() && !path.exists() {
        return Vec::new();
    }
    let origin = format!("file {}", path.display());
    let table =
        read_bounded(path).and_then(|text| toml::from_str::<toml::Table>(&text).map_err(|e| e.to_string()));
    match table {
        Ok(table) => {
            let mut settings = Vec::new();
            collect("", &table, &origin, &mut settings, problems);
            settings
        }
        Err(cause) => {
            problems.add("", &origin, format!("cannot be read: {cause}"));
            Vec::new()
        }
    }
}

/// The settings of a table and the tables in it. What is no setting is a problem: a misspelt one would be silent.
fn collect(
    place: &str,
    table: &toml::Table,
    origin: &str,
    settings: &mut Vec<Setting>,
    problems: &mut ConfigProblems,
) {
    for (name, value) in table {
        let path = if place.is_empty() {
            name.clone()
        } else {
            format!("{place}.{name}")
        };
        if let Some(key) = ALL.iter().find(|key| key.path == path) {
            match Value::serialize(value) {
                Ok(value) => settings.push(Setting::new(*key, origin, value)),
                Err(error) => problems.add(&path, origin, error.to_string()),
            }
        } else if let Some(inner) = value.as_table() {
            collect(&path, inner, origin, settings, problems);
        } else {
            problems.add(&path, origin, "is not a setting");
        }
    }
}

/// The branding file: each of the four values may stand in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BrandingFile {
    logo_url: Option<String>,
    primary_color: Option<String>,
    secondary_color: Option<String>,
    tenant_name: Option<String>,
}

fn from_branding_file(named: Option<&Setting>, problems: &mut ConfigProblems) -> Vec<Setting> {
    let path = match named {
        Some(setting) => setting.value.as_str().unwrap_or_default(),
        None => keys::BRANDING_FILE.default.unwrap_or_default(),
    };
    let path = Path::new(path);
    if path.as_os_str().is_empty() || (named.is_none() && !path.exists()) {
        return Vec::new();
    }
    let origin = format!("file {}", path.display());
    let file = read_bounded(path)
        .and_then(|text| serde_json::from_str::<BrandingFile>(&text).map_err(|error| error.to_string()));
    match file {
        Ok(file) => [
            (keys::LOGO_URL, file.logo_url),
            (keys::PRIMARY_COLOR, file.primary_color),
            (keys::SECONDARY_COLOR, file.secondary_color),
            (keys::TENANT_NAME, file.tenant_name),
        ]
        .into_iter()
        .filter_map(|(key, text)| Some(Setting::new(key, origin.clone(), text?)))
        .collect(),
        Err(cause) => {
            problems.add(
                keys::BRANDING_FILE.path,
                &origin,
                format!("cannot be read: {cause}"),
            );
            Vec::new()
        }
    }
}

fn read_bounded(path: &Path) -> Result<String, String> {
    use std::io::Read;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_FILE {
        return Err(format!("it is larger than {MAX_FILE} bytes"));
    }
    Ok(text)
}
