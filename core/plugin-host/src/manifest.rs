//! `plugin.toml`, read strictly: every problem at once, nothing unknown.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use launchpad_domain::{Capability, Grants, LaunchTypeId, Opens, Problems, SessionEvent};
use semver::{Version, VersionReq};
use serde::Deserialize;
use serde_json::Value;

use crate::LoadError;
use crate::schema::Schema;

/// The host interface that this server provides.
pub(crate) const HOST_API: &str = "1.0.0";

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(include_str!("manifest.schema.json"))
        .map_err(|error| format!("cannot read the schema of manifests: {error}"))?;
    Schema::compile(&document)
});

/// What a manifest says.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) id: LaunchTypeId,
    pub(crate) version: Version,
    pub(crate) opens: Opens,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) carrier: CarrierKind,
    pub(crate) entry: String,
    pub(crate) sha256: Option<String>,
    pub(crate) params_schema: Option<String>,
    pub(crate) settings_schema: Option<String>,
    pub(crate) config_schema: Option<String>,
    /// The powers that it asks for.
    pub(crate) asked: Grants,
    /// The events that it wants to be told of.
    pub(crate) events: Vec<SessionEvent>,
    pub(crate) limits: LimitsTable,
    pub(crate) tests: Vec<TestTable>,
}

/// What runs the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CarrierKind {
    Wasm,
    Rhai,
}

/// `[limits]`: may only lower what the server allows.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct LimitsTable {
    pub(crate) cpu_ms: Option<u64>,
    pub(crate) wall_ms: Option<u64>,
    pub(crate) memory_mib: Option<usize>,
}

/// `[[test]]`: a call and its answer, recorded.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TestTable {
    pub(crate) name: String,
    #[serde(default = "plan")]
    pub(crate) hook: String,
    pub(crate) ctx: String,
    pub(crate) expect: String,
    /// What the host functions answer meanwhile.
    pub(crate) host: Option<String>,
}

fn plan() -> String {
    "plan".to_owned()
}

#[derive(Deserialize)]
struct Document {
    plugin: PluginTable,
    runtime: RuntimeTable,
    #[serde(default)]
    schema: SchemaTable,
    #[serde(default)]
    capabilities: CapabilitiesTable,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    hooks: HooksTable,
    #[serde(default)]
    test: Vec<TestTable>,
}

#[derive(Deserialize)]
struct PluginTable {
    id: LaunchTypeId,
    opens: OpensWord,
    name: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OpensWord {
    Url,
    Pod,
}

#[derive(Deserialize)]
struct RuntimeTable {
    r#type: CarrierKind,
    entry: String,
    api: String,
    sha256: Option<String>,
}

#[derive(Default, Deserialize)]
struct SchemaTable {
    params: Option<String>,
    settings: Option<String>,
    config: Option<String>,
}

#[derive(Default, Deserialize)]
struct CapabilitiesTable {
    #[serde(default)]
    plan: BTreeSet<String>,
    #[serde(default)]
    http: Vec<String>,
    #[serde(default)]
    secrets: SecretsTable,
    #[serde(default)]
    lookup: Vec<String>,
}

#[derive(Default, Deserialize)]
struct SecretsTable {
    #[serde(default)]
    r#ref: Vec<String>,
    #[serde(default)]
    read: Vec<String>,
}

impl CapabilitiesTable {
    /// As the words in which the operator grants them, each with its place in the manifest.
    fn words(&self) -> impl Iterator<Item = (String, String)> {
        let listed = |place: &'static str, prefix: &'static str, names: &[String]| {
            let named = names.iter().enumerate();
            named
                .map(|(index, name)| {
                    (
                        format!("capabilities.{place}[{index}]"),
                        format!("{prefix}{name}"),
                    )
                })
                .collect::<Vec<_>>()
        };
        let plan = self
            .plan
            .iter()
            .map(|word| ("capabilities.plan".to_owned(), word.clone()));
        plan.chain(listed("http", "http:", &self.http))
            .chain(listed("secrets.ref", "secret-ref:", &self.secrets.r#ref))
            .chain(listed("secrets.read", "secret-read:", &self.secrets.read))
            .chain(listed("lookup", "lookup:", &self.lookup))
    }
}

#[derive(Default, Deserialize)]
struct HooksTable {
    #[serde(default)]
    on_event: Vec<SessionEvent>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at its path.
    pub(crate) fn parse(text: &str) -> Result<Self, LoadError> {
        let wrong = |message: String| LoadError::Manifest(Problems::one("", message));
        let value: Value = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let mut problems = match &*SCHEMA {
            Ok(schema) => schema.check(&value, ""),
            Err(reason) => return Err(wrong(reason.clone())),
        };
        let text_at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let version = text_at("/plugin/version").and_then(|text| {
            problems.take(
                "plugin.version",
                Version::parse(text).map_err(|error| format!("must be a version like 1.2.0: {error}")),
            )
        });
        let api = text_at("/runtime/api").and_then(|text| {
            problems.take(
                "runtime.api",
                VersionReq::parse(text).map_err(|error| format!("must be a range like ^1.0: {error}")),
            )
        });
        let (true, Some(version), Some(api)) = (problems.is_empty(), version, api) else {
            return Err(LoadError::Manifest(problems));
        };
        let document: Document = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        for (place, word) in document.capabilities.words() {
            if let Err(message) = Capability::parse(&word) {
                problems.add(place, message);
            }
        }
        if !problems.is_empty() {
            return Err(LoadError::Manifest(problems));
        }
        if !Version::parse(HOST_API).is_ok_and(|served| api.matches(&served)) {
            return Err(LoadError::HostApi {
                needed: document.runtime.api,
                served: HOST_API,
            });
        }
        Ok(document.with_version(version))
    }
}

impl Document {
    fn with_version(self, version: Version) -> Manifest {
        Manifest {
            id: self.plugin.id,
            version,
            opens: match self.plugin.opens {
                OpensWord::Url => Opens::Url,
                OpensWord::Pod => Opens::Pod,
            },
            name: self.plugin.name,
            description: self.plugin.description,
            carrier: self.runtime.r#type,
            entry: self.runtime.entry,
            sha256: self.runtime.sha256,
            params_schema: self.schema.params,
            settings_schema: self.schema.settings,
            config_schema: self.schema.config,
            asked: Grants(self.capabilities.words().map(|(_, word)| word).collect()),
            events: self.hooks.on_event,
            limits: self.limits,
            tests: self.test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        manifest = 1
        [plugin]
        id = "jupyter"
        version = "1.2.0"
        kind = "launch-type"
        opens = "pod"
        name = "Jupyter"
        [runtime]
        type = "rhai"
        entry = "main.rhai"
        api = "^1.0"
    "#;

    #[test]
    fn a_manifest_is_read() {
        let manifest = Manifest::parse(&format!("{GOOD}[limits]\ncpu_ms = 100")).unwrap();
        assert_eq!(manifest.id.as_str(), "jupyter");
        assert_eq!(manifest.opens, Opens::Pod);
        assert_eq!(manifest.limits.cpu_ms, Some(100));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let text = r#"
            manifest = 2
            colour = "red"
            [plugin]
            id = "J"
            version = "one"
            kind = "launch-type"
            opens = "door"
            [runtime]
            type = "elf"
            entry = "main.rhai"
            api = "?"
            [limits]
            cpu_ms = 5001
            [capabilities]
            plan = ["host-path"]
            [hooks]
            on_event = ["born"]
        "#;
        let LoadError::Manifest(problems) = Manifest::parse(text).unwrap_err() else {
            panic!("problems")
        };
        let mut paths: Vec<_> = problems.0.into_iter().map(|problem| problem.path).collect();
        paths.sort();
        assert_eq!(
            paths,
            [
                "capabilities.plan[0]",
                "colour",
                "hooks.on_event[0]",
                "limits.cpu_ms",
                "manifest",
                "plugin.id",
                "plugin.name",
                "plugin.opens",
                "plugin.version",
                "runtime.api",
                "runtime.type"
            ]
        );
    }

    #[test]
    fn capabilities_become_the_words_of_the_operator() {
        let asked = "[capabilities]\nplan = [\"pvc\"]\nhttp = [\"https://hub.example/*\"]\n\
                     secrets.ref = [\"token\"]\nlookup = [\"apps\"]";
        let manifest = Manifest::parse(&format!("{GOOD}{asked}")).unwrap();
        let words: Vec<_> = manifest.asked.0.iter().map(String::as_str).collect();
        assert_eq!(
            words,
            [
                "http:https://hub.example/*",
                "lookup:apps",
                "pvc",
                "secret-ref:token"
            ]
        );
        let wrong = "[capabilities]\nhttp = [\"https://*/\"]\nsecrets.read = [\"../x\"]";
        let error = Manifest::parse(&format!("{GOOD}{wrong}"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("capabilities.http[0]") && error.contains("capabilities.secrets.read[0]"),
            "{error}"
        );
    }

    #[test]
    fn a_newer_host_api_is_told_apart_from_a_mistake() {
        let error = Manifest::parse(&GOOD.replace("^1.0", "^1.4")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "needs host API ^1.4; this server provides 1.0.0"
        );
    }
}
