//! From a folder to a plugin that can be called.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use launchpad_domain::{Clock, LaunchTypeId, PluginServices};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::admission::Gate;
use crate::approvals::Approvals;
use crate::limits::{Limits, MAX_COMPONENT, MAX_DOCUMENT, MAX_SCRIPT};
use crate::manifest::{CarrierKind, Manifest};
use crate::plugin::{Breakers, Carrier, Plugin};
use crate::rhai_carrier::Scripts;
use crate::schema::Schema;
use crate::wasm::{Cache, Components};
use crate::{Ceiling, LoadError, Source};

/// Loads plugins one by one.
pub(crate) struct Loader {
    pub(crate) scripts: Scripts,
    pub(crate) components: OnceLock<Components>,
    pub(crate) cache: Option<Cache>,
    pub(crate) gate: Gate,
    pub(crate) approvals: Approvals,
    pub(crate) ceiling: Ceiling,
    pub(crate) configs: BTreeMap<String, Map<String, Value>>,
    pub(crate) services: Arc<dyn PluginServices>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("approvals", &self.approvals)
            .finish_non_exhaustive()
    }
}

impl Loader {
    /// Loads one plugin. Takes as long as compiling does: not for an async thread.
    pub(crate) fn load(&self, source: &Source) -> Result<Plugin, LoadError> {
        let mut files = Files::new(source);
        let manifest = Manifest::parse(&files.text("plugin.toml", MAX_DOCUMENT)?)?;
        let settings = files.schema(manifest.settings_schema.as_deref())?;
        let params = files.schema(manifest.params_schema.as_deref())?;
        let config_schema = files.schema(manifest.config_schema.as_deref())?;
        let config = self.config(&manifest, config_schema.as_ref())?;
        let carrier = self.carrier(&mut files, &manifest)?;
        let given = self.approvals.given(source, &manifest);
        let grants = Arc::new(given.grants);
        Ok(Plugin {
            label: Arc::from(format!("{} {}", manifest.id, manifest.version)),
            version: manifest.version.to_string(),
            limits: Limits::lowered(self.ceiling, &manifest.limits, &grants),
            digest: files.digest(),
            settings,
            params,
            config,
            carrier,
            grants,
            approved: given.approved,
            gate: self.gate.for_plugin(),
            breakers: Breakers::default(),
            journal: Arc::default(),
            services: Arc::clone(&self.services),
            clock: Arc::clone(&self.clock),
            manifest,
        })
    }

    fn carrier(&self, files: &mut Files<'_>, manifest: &Manifest) -> Result<Carrier, LoadError> {
        match manifest.carrier {
            CarrierKind::Rhai => {
                let bytes = files.entry(manifest, MAX_SCRIPT)?;
                let script = utf8(bytes, &manifest.entry)?;
                let compiled = self
                    .scripts
                    .compile(manifest.id.as_str(), &manifest.entry, &script)?;
                Ok(Carrier::Rhai(compiled))
            }
            CarrierKind::Wasm => {
                let bytes = files.entry(manifest, MAX_COMPONENT)?;
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
        let started = Components::new(self.ceiling.memory)?;
        Ok(self.components.get_or_init(|| started))
    }

    /// The id of a plugin whose component must be compiled first, which may take long: a foreign one that is not kept.
    pub(crate) fn takes_long(&self, source: &Source) -> Option<LaunchTypeId> {
        if source.is_shipped() {
            return None;
        }
        // What is wrong with it is said where it is loaded.
        let text = text(source, "plugin.toml", MAX_DOCUMENT).ok()?;
        let manifest = Manifest::parse(&text).ok()?;
        if manifest.carrier != CarrierKind::Wasm {
            return None;
        }
        let bytes = source.read(&manifest.entry, MAX_COMPONENT).ok()?;
        let cache = self.cache.as_ref();
        let kept = cache.is_some_and(|cache| {
            self.components()
                .is_ok_and(|components| components.keeps(cache, &bytes))
        });
        (!kept).then_some(manifest.id)
    }

    /// The operator's configuration, which must fit the plugin's schema for it.
    fn config(&self, manifest: &Manifest, schema: Option<&Schema>) -> Result<Map<String, Value>, LoadError> {
        let config = self
            .configs
            .get(manifest.id.as_str())
            .cloned()
            .unwrap_or_default();
        let problems = crate::plugin::check(schema, &config, "config");
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(LoadError::Config(launchpad_domain::Problems(problems)))
        }
    }
}

/// The files of one plugin as they were read, and the digest of all that decides how it behaves.
struct Files<'a> {
    source: &'a Source,
    digest: Sha256,
}

impl<'a> Files<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            source,
            digest: Sha256::new(),
        }
    }

    fn read(&mut self, name: &str, most: usize) -> Result<Vec<u8>, LoadError> {
        let bytes = self.source.read(name, most)?;
        // With lengths, so that no two sets of files are one text.
        for part in [name.as_bytes(), &bytes] {
            self.digest.update((part.len() as u64).to_be_bytes());
            self.digest.update(part);
        }
        Ok(bytes)
    }

    fn text(&mut self, name: &str, most: usize) -> Result<String, LoadError> {
        utf8(self.read(name, most)?, name)
    }

    /// The entry's bytes, which are those that the manifest's checksum names.
    fn entry(&mut self, manifest: &Manifest, most: usize) -> Result<Vec<u8>, LoadError> {
        let bytes = self.read(&manifest.entry, most)?;
        let Some(named) = &manifest.sha256 else {
            return Ok(bytes);
        };
        let actual = sha256(&bytes);
        if *named == actual {
            return Ok(bytes);
        }
        Err(LoadError::Checksum {
            entry: manifest.entry.clone(),
            actual,
        })
    }

    fn schema(&mut self, name: Option<&str>) -> Result<Option<Schema>, LoadError> {
        let Some(name) = name else { return Ok(None) };
        let wrong = |reason: String| LoadError::Schema {
            name: name.to_owned(),
            reason,
        };
        let document: Value = serde_json::from_str(&self.text(name, MAX_DOCUMENT)?)
            .map_err(|error| wrong(format!("is not JSON: {error}")))?;
        Schema::compile(&document).map(Some).map_err(wrong)
    }

    fn digest(self) -> String {
        hex::encode(self.digest.finalize())
    }
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
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
