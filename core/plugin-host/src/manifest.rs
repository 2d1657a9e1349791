//! `plugin.toml`, read strictly: every problem at once, nothing unknown.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use launchpad_domain::{LaunchTypeId, Opens, Problems};
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
    pub(crate) claims: BTreeSet<String>,
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
}

#[derive(Default, Deserialize)]
struct CapabilitiesTable {
    #[serde(default)]
    plan: BTreeSet<String>,
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
            claims: self.capabilities.plan,
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
            cpu_ms = 5000
            [capabilities]
            plan = ["host-path"]
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
    fn a_newer_host_api_is_told_apart_from_a_mistake() {
        let error = Manifest::parse(&GOOD.replace("^1.0", "^1.4")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "needs host API ^1.4; this server provides 1.0.0"
        );
    }
}
