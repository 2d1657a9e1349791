//! From a folder to a plugin that can be called.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use launchpad_domain::Grants;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::admission::Gate;
use crate::breaker::Breaker;
use crate::limits::{MAX_COMPONENT, MAX_DOCUMENT, MAX_SCRIPT};
use crate::manifest::{CarrierKind, Manifest};
use crate::plugin::{Carrier, Plugin};
use crate::rhai_carrier::Scripts;
use crate::schema::Schema;
use crate::wasm::{Cache, Components};
use crate::{LoadError, Source};

/// Which plan capabilities the operator grants, by plugin id.
pub(crate) type Granted = BTreeMap<String, BTreeSet<String>>;

/// Loads plugins one by one.
pub(crate) struct Loader {
    pub(crate) scripts: Scripts,
    pub(crate) components: OnceCell<Components>,
    pub(crate) cache: Option<Cache>,
    pub(crate) gate: Gate,
    pub(crate) granted: Granted,
}

impl Loader {
    /// Loads one plugin. Takes as long as compiling does: not for an async thread.
    pub(crate) fn load(&self, source: &Source) -> Result<Plugin, LoadError> {
        let manifest = Manifest::parse(&text(source, "plugin.toml", MAX_DOCUMENT)?)?;
        let settings = schema(source, manifest.settings_schema.as_deref())?;
        let params = schema(source, manifest.params_schema.as_deref())?;
        let carrier = self.carrier(source, &manifest)?;
        Ok(Plugin {
            grants: self.grants(source, &manifest),
            label: Arc::from(format!("{} {}", manifest.id, manifest.version)),
            settings,
            params,
            carrier,
            gate: self.gate.for_plugin(),
            breaker: Breaker::default(),
            manifest,
        })
    }

    fn carrier(&self, source: &Source, manifest: &Manifest) -> Result<Carrier, LoadError> {
        match manifest.carrier {
            CarrierKind::Rhai => {
                let bytes = entry(source, manifest, MAX_SCRIPT)?;
                let script = utf8(bytes, &manifest.entry)?;
                let compiled = self
                    .scripts
                    .compile(manifest.id.as_str(), &manifest.entry, &script)?;
                Ok(Carrier::Rhai(compiled))
            }
            CarrierKind::Wasm => {
                let bytes = entry(source, manifest, MAX_COMPONENT)?;
                Ok(Carrier::Wasm(self.components()?.compile(
                    &manifest.entry,
                    &bytes,
                    self.cache.as_ref(),
                )?))
            }
        }
    }

    /// The engine for components, started for the first of them.
    fn components(&self) -> Result<&Components, LoadError> {
        if let Some(components) = self.components.get() {
            return Ok(components);
        }
        let started = Components::new()?;
        Ok(self.components.get_or_init(|| started))
    }

    /// What the manifest claims and, for a plugin from outside, the operator grants as well.
    fn grants(&self, source: &Source, manifest: &Manifest) -> Grants {
        if source.is_shipped() {
            return Grants(manifest.claims.clone());
        }
        let granted = self.granted.get(manifest.id.as_str());
        let both = granted.map(|granted| manifest.claims.intersection(granted).cloned().collect());
        Grants(both.unwrap_or_default())
    }
}

/// The entry's bytes, which are those that the manifest's checksum names.
fn entry(source: &Source, manifest: &Manifest, most: usize) -> Result<Vec<u8>, LoadError> {
    let bytes = source.read(&manifest.entry, most)?;
    let actual = hex::encode(Sha256::digest(&bytes));
    match &manifest.sha256 {
        Some(named) if *named != actual => Err(LoadError::Checksum {
            entry: manifest.entry.clone(),
            actual,
        }),
        _ => Ok(bytes),
    }
}

fn schema(source: &Source, name: Option<&str>) -> Result<Option<Schema>, LoadError> {
    let Some(name) = name else { return Ok(None) };
    let wrong = |reason: String| LoadError::Schema {
        name: name.to_owned(),
        reason,
    };
    let document: Value = serde_json::from_str(&text(source, name, MAX_DOCUMENT)?)
        .map_err(|error| wrong(format!("is not JSON: {error}")))?;
    Schema::compile(&document).map(Some).map_err(wrong)
}

/// A file that is text.
pub(crate) fn text(source: &Source, name: &str, most: usize) -> Result<String, LoadError> {
    utf8(source.read(name, most)?, name)
}

fn utf8(bytes: Vec<u8>, name: &str) -> Result<String, LoadError> {
    String::from_utf8(bytes).map_err(|error| LoadError::Unreadable {
        name: name.to_owned(),
        reason: error.to_string(),
    })
}
