//! One plugin in its author's hands: checked, tested and called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use launchpad_domain::policy::{Owner, PodLimits, WorkspaceRules, accept};
use launchpad_domain::{Clock, InstanceId, Opens, Plan, SessionId, UserId};
use serde_json::Value;

use super::component::is_core_module;
use super::findings::{self, Finding, at_line};
use super::lines;
use crate::answer;
use crate::call::{Document, Hook};
use crate::host_calls::HostSide;
use crate::installed::Loaded;
use crate::limits::{MAX_COMPONENT, MAX_CONTEXT, MAX_DOCUMENT};
use crate::load::text;
use crate::manifest::{CarrierKind, Manifest};
use crate::plugin::Plugin;
use crate::recorded;
use crate::schema::Schema;
use crate::{PluginHost, Setup, Source};

/// One plugin, loaded as the server loads it.
#[derive(Debug)]
pub struct Bench {
    loaded: Arc<Loaded>,
    manifest: String,
}

/// A recorded call that was played.
#[derive(Debug)]
pub struct Tested {
    /// Its name in the manifest.
    pub name: String,
    /// The hook that was called.
    pub hook: String,
    /// The file of the recorded answer.
    pub expect: String,
    /// What the plugin answers now; none where the call itself cannot be played.
    pub answer: Option<Value>,
    /// Why it failed; nothing if it did not.
    pub difference: Option<String>,
    /// Why the server would refuse the answer; nothing if it would not.
    pub refused: Option<String>,
}

impl Tested {
    /// Whether it is as recorded and the server would take it.
    pub fn passed(&self) -> bool {
        self.difference.is_none() && self.refused.is_none()
    }
}

/// A hook that was called.
#[derive(Debug)]
pub struct Ran {
    /// What it answered: a document, or `{"error": ...}`, or `{"fault": ...}`.
    pub answer: Value,
    /// Whether it answered a document, and one that the server would take.
    pub accepted: Result<(), String>,
    /// How long it took.
    pub took: Duration,
}

impl Bench {
    /// Loads the plugin in a folder, keeping what was compiled in `cache`. It has no portal behind it: what it asks for in
    /// a call that was not recorded is refused.
    ///
    /// # Errors
    /// Everything for which the server would not load it.
    pub async fn open(
        folder: &Path,
        cache: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<Finding>> {
        let source = Source::Folder(folder.to_owned());
        let (manifest, parsed) = read(&source)?;
        let mut wrong = schemas(&source, &parsed);
        wrong.extend(core_module(&source, &parsed));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let host = PluginHost::load(Setup {
            granted: BTreeMap::from([(parsed.id.to_string(), parsed.asked.0)]),
            cache,
            ..Setup::of(vec![source], clock)
        });
        let host = host.await;
        if let Some(failure) = host.failures().first() {
            return Err(findings::of(&failure.error, &manifest));
        }
        let bench = host.find(&parsed.id).map(|loaded| Self { loaded, manifest });
        bench.map_err(|error| vec![Finding::error("plugin.toml", error.to_string())])
    }

    /// What is not as it should be, though the server would load it.
    pub fn findings(&self) -> Vec<Finding> {
        let (plugin, source) = self.parts();
        let tests = &plugin.manifest.tests;
        let mut found = Vec::new();
        if tests.is_empty() {
            found.push(
                Finding::warning("plugin.toml", "records no call, so nothing tells when an answer changes").mended_by(
                    "add [[test]] with name, ctx and expect; `launchpad plugin test --update` writes what is expected",
                ),
            );
        }
        for (index, test) in tests.iter().enumerate() {
            let place = || {
                at_line(
                    "plugin.toml",
                    lines::of_path(&self.manifest, &format!("test[{index}].name")),
                )
            };
            if let Err(reason) = recorded::prepare(plugin, source, test) {
                found.push(Finding::error(place(), format!("test `{}`: {reason}", test.name)));
            }
        }
        found
    }

    /// Plays all recorded calls.
    pub async fn test(&self) -> Vec<Tested> {
        let (plugin, source) = self.parts();
        let mut tested = Vec::new();
        for test in &plugin.manifest.tests {
            // A recorded fault is no reason to leave the next call out.
            plugin.breakers.reset();
            let replay = recorded::play(plugin, source, test).await;
            let answer = replay.called.then_some(replay.answer);
            let hook = Hook::named(&test.hook);
            tested.push(Tested {
                name: replay.name,
                hook: test.hook.clone(),
                expect: test.expect.clone(),
                refused: hook
                    .zip(answer.as_ref())
                    .filter(|(_, answer)| is_document(answer))
                    .and_then(|(hook, answer)| taken(plugin, hook, answer.clone()).err()),
                answer,
                difference: replay.difference,
            });
        }
        tested
    }

    /// Calls a hook with a document.
    ///
    /// # Errors
    /// Where the plugin has no such hook, or the document is larger than a context may be.
    pub async fn run(&self, hook: &str, context: Value) -> Result<Ran, String> {
        let plugin = &self.loaded.plugin;
        let hook = Hook::named(hook)
            .filter(|hook| plugin.has(*hook))
            .ok_or_else(|| {
                format!(
                    "the plugin has no hook `{hook}`; it has {}",
                    hooks(plugin).join(", ")
                )
            })?;
        let document = Document::from(&context);
        if document.0.len() > MAX_CONTEXT {
            return Err(format!("a context must have at most {} KiB", MAX_CONTEXT / 1_024));
        }
        let session = recorded::session(hook, &context);
        let services = Arc::clone(&plugin.services);
        let begun = Instant::now();
        let side = HostSide {
            session,
            user: None,
            grants: Arc::clone(&plugin.grants),
            services,
        };
        let ended = plugin.run(hook, document, side).await;
        let took = begun.elapsed();
        let (accepted, answer) = match ended {
            Ok(answer) => (taken(plugin, hook, answer.clone()), answer),
            Err(ended) => (
                Err(format!("the hook {hook} answered no document")),
                ended.document(),
            ),
        };
        Ok(Ran {
            answer,
            accepted,
            took,
        })
    }

    /// The loaded plugin, and its folder.
    pub(super) fn parts(&self) -> (&Plugin, &Source) {
        (&self.loaded.plugin, &self.loaded.source)
    }
}

/// The hooks of a plugin by name.
pub(super) fn hooks(plugin: &Plugin) -> Vec<&'static str> {
    let all = Hook::ALL.into_iter().filter(|hook| plugin.has(*hook));
    all.map(Hook::name).collect()
}

/// The manifest as it is written, and as it is read.
fn read(source: &Source) -> Result<(String, Manifest), Vec<Finding>> {
    let text = text(source, "plugin.toml", MAX_DOCUMENT).map_err(|error| {
        let finding = Finding::error("plugin.toml", error.to_string());
        vec![finding.mended_by("name the folder of a plugin; `launchpad plugin new NAME` makes one")]
    })?;
    if let Err(error) = toml::from_str::<toml::Table>(&text) {
        let line = error.span().map(|span| lines::of_offset(&text, span.start));
        return Err(vec![Finding::error(
            at_line("plugin.toml", line),
            error.message(),
        )]);
    }
    match Manifest::parse(&text) {
        Ok(manifest) => Ok((text, manifest)),
        Err(error) => Err(findings::of(&error, &text)),
    }
}

/// What is wrong with each schema: the loader stops at the first.
fn schemas(source: &Source, manifest: &Manifest) -> Vec<Finding> {
    let names = [
        &manifest.settings_schema,
        &manifest.params_schema,
        &manifest.config_schema,
    ];
    let wrong = names.into_iter().flatten().filter_map(|name| {
        let text = match text(source, name, MAX_DOCUMENT) {
            Ok(text) => text,
            Err(error) => return Some(findings::of(&error, "")),
        };
        let compiled = serde_json::from_str(&text)
            .map_err(|error| (Some(error.line()), format!("is not JSON: {error}")))
            .and_then(|document| Schema::compile(&document).map_err(|reason| (None, reason)));
        let (line, reason) = compiled.err()?;
        Some(vec![Finding::error(at_line(name, line), reason).mended_by(
            "schemas are JSON Schema draft 2020-12 that refer to no other document",
        )])
    });
    wrong.flatten().collect()
}

/// The compiler's words about a core module would not help.
fn core_module(source: &Source, manifest: &Manifest) -> Option<Finding> {
    if manifest.carrier != CarrierKind::Wasm {
        return None;
    }
    let bytes = source.read(&manifest.entry, MAX_COMPONENT).ok()?;
    is_core_module(&bytes).then(|| {
        Finding::error(&manifest.entry, "is a core module; the server loads components")
            .mended_by("`launchpad plugin check` makes a component of it")
    })
}

/// Whether a plugin answered something else than an error.
fn is_document(answer: &Value) -> bool {
    answer.get("error").is_none() && answer.get("fault").is_none()
}

/// Whether the server would take an answer, were everything granted that the manifest asks for.
fn taken(plugin: &Plugin, hook: Hook, document: Value) -> Result<(), String> {
    let read = match hook {
        Hook::Plan => return plan(plugin, document),
        Hook::Validate => answer::problems(document).map(drop),
        Hook::Options => answer::options(document).map(drop),
        Hook::Ready => answer::readiness(document).map(drop),
        Hook::OnEvent => answer::actions(document).map(drop),
        Hook::Cleanup => answer::wish(document).map(drop),
    };
    read.map_err(|fault| format!("{}: {}", fault.what, fault.cause))
}

fn plan(plugin: &Plugin, answer: Value) -> Result<(), String> {
    let said = |problems: launchpad_domain::Problems| {
        let lines = problems.0.iter().map(|problem| match problem.path.as_str() {
            "" => problem.message.clone(),
            path => format!("{path}: {}", problem.message),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    match Plan::parse(answer, plugin.manifest.opens).map_err(said)? {
        Plan::Url(_) if plugin.manifest.opens == Opens::Url => Ok(()),
        Plan::Url(_) => Err("url: a pod was asked for".to_owned()),
        Plan::Pod(pod) => {
            let app = "app".parse().map_err(|_| "no example app".to_owned())?;
            let owner = Owner {
                instance: InstanceId::new(),
                session: SessionId::new(),
                user: UserId::new(),
                app,
            };
            // Which storage classes there are is for the operator to say.
            let classes = pod.claims.iter().filter_map(|claim| claim.storage_class.clone());
            let limits = PodLimits {
                workspaces: WorkspaceRules {
                    storage_classes: classes.collect(),
                    ..WorkspaceRules::default()
                },
                ..PodLimits::default()
            };
            accept(*pod, &plugin.grants, &limits, &owner)
                .map(|_| ())
                .map_err(said)
        }
    }
}
