//! What a plugin is and asks for.

use serde::Serialize;

use super::bench::{Bench, hooks};
use crate::limits::{MAX_COMPONENT, MAX_SCRIPT};
use crate::manifest::CarrierKind;
use crate::plugin::{Carrier, Plugin};

/// What a plugin is and asks for.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// Its id, the name of its launch type.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `pod` or `url`.
    pub opens: &'static str,
    /// `wasm` or `rhai`.
    pub carrier: &'static str,
    /// The file that is run.
    pub entry: String,
    /// Its size.
    pub entry_bytes: usize,
    /// The most that it may have.
    pub most_bytes: usize,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// The digest of all files that decide how the plugin behaves, by which sessions remember who planned them.
    pub digest: String,
    /// The hooks that it has.
    pub hooks: Vec<&'static str>,
    /// What its component imports.
    pub imports: Vec<String>,
    /// The capabilities that it asks the operator for.
    pub asks_for: Vec<String>,
    /// The schemas that it brings.
    pub schemas: Vec<String>,
    /// Recorded calls.
    pub tests: Vec<String>,
    /// Computing time of a call, in milliseconds.
    pub cpu_ms: u128,
    /// Time of a call from start to end, in milliseconds.
    pub wall_ms: u128,
    /// Memory of a call in MiB; none for scripts, whose values are bounded one by one.
    pub memory_mib: Option<usize>,
}

impl Bench {
    /// What the plugin is and asks for.
    pub fn facts(&self) -> Option<Facts> {
        let (plugin, source) = self.parts();
        let most = match plugin.manifest.carrier {
            CarrierKind::Rhai => MAX_SCRIPT,
            CarrierKind::Wasm => MAX_COMPONENT,
        };
        let bytes = source.read(&plugin.manifest.entry, most).ok()?;
        Some(Facts {
            entry_bytes: bytes.len(),
            most_bytes: most,
            sha256: crate::load::sha256(&bytes),
            ..facts(plugin)
        })
    }
}

fn facts(plugin: &Plugin) -> Facts {
    let manifest = &plugin.manifest;
    let limits = plugin.limits;
    let schemas = [
        &manifest.settings_schema,
        &manifest.params_schema,
        &manifest.config_schema,
    ];
    let (carrier, imports, memory) = match &plugin.carrier {
        Carrier::Rhai(_) => ("rhai", Vec::new(), None),
        Carrier::Wasm(guest) => ("wasm", guest.imports(), Some(limits.memory / (1_024 * 1_024))),
    };
    Facts {
        id: manifest.id.to_string(),
        version: manifest.version.to_string(),
        name: manifest.name.clone(),
        description: manifest.description.clone(),
        opens: match manifest.opens {
            launchpad_domain::Opens::Url => "url",
            launchpad_domain::Opens::Pod => "pod",
        },
        carrier,
        entry: manifest.entry.clone(),
        entry_bytes: 0,
        most_bytes: 0,
        sha256: String::new(),
        digest: plugin.digest.clone(),
        hooks: hooks(plugin),
        imports,
        asks_for: manifest.asked.0.iter().cloned().collect(),
        schemas: schemas.into_iter().flatten().cloned().collect(),
        tests: manifest.tests.iter().map(|test| test.name.clone()).collect(),
        cpu_ms: limits.cpu.as_millis(),
        wall_ms: limits.wall.as_millis(),
        memory_mib: memory,
    }
}
