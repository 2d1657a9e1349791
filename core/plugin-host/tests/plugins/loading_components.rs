//! Which components are not loaded, and how compiled ones are kept.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::plugins::PluginState;
use launchpad_domain::{HookError, Plugins as Operated};
use launchpad_plugin_host::{Ceiling, PluginHost, Setup};
use tokio_util::sync::CancellationToken;

use crate::components::{ANSWER, component, with_plan};
use crate::support::{Plugins, plan, setup};

#[tokio::test]
async fn what_is_no_plugin_is_not_loaded_and_says_why() {
    let context = "(param \"ctx\" string)";
    let importing = |name: &str, function: &str| {
        let imports =
            format!("(import \"{name}\" (instance (export \"{function}\" (func (param \"x\" string)))))");
        component(&imports, "(call $document)", ANSWER, context)
    };
    let plugins = Plugins::new()
        .component("good", &with_plan("(call $document)", ANSWER))
        .component(
            "system",
            &importing("wasi:cli/environment@0.2.0", "get-environment"),
        )
        .component("foreign", &importing("acme:tools/door@1.0.0", "open"))
        .component("newer", &importing("launchpad:plugin/host@1.3.0", "now-ms"))
        .component("next", &importing("launchpad:plugin/host@2.0.0", "log"))
        .component(
            "other-plan",
            &component(
                "",
                "(call $document)",
                ANSWER,
                "(param \"a\" u32) (param \"b\" u32)",
            ),
        )
        .component("empty", &wat::parse_str("(component)").unwrap())
        .component(
            "module",
            &wat::parse_str("(module (func (export \"plan\")))").unwrap(),
        )
        .component(
            "greedy",
            &wat::parse_str("(component (core module $m (memory 2000)) (core instance (instantiate $m)))")
                .unwrap(),
        )
        .component("text", b"(component)")
        .component("noise", &[0xff; 4_096])
        .component("large", &vec![0; 32 * 1_024 * 1_024 + 1]);
    let host = PluginHost::load(setup(plugins.sources())).await;
    let failures = host.failures();
    let why: BTreeMap<&str, String> = failures
        .iter()
        .map(|failure| {
            (
                failure.source.rsplit('/').next().unwrap(),
                failure.error.to_string(),
            )
        })
        .collect();
    for (plugin, words) in [
        (
            "system",
            "imports wasi:cli/environment@0.2.0: plugins have no access to the system",
        ),
        (
            "foreign",
            "imports acme:tools/door@1.0.0, which this server does not provide",
        ),
        (
            "newer",
            "needs `now-ms` of launchpad:plugin/host@1.3.0; this server provides 1.0.0",
        ),
        (
            "next",
            "imports launchpad:plugin/host@2.0.0; this server provides 1.0.0",
        ),
        (
            "other-plan",
            "`plan` must be func(ctx: string) -> result<string, plugin-error>",
        ),
        ("empty", "exports no function `plan`"),
        ("module", "plugin.wasm cannot be compiled"),
        ("greedy", "plugin.wasm"),
        ("text", "plugin.wasm cannot be compiled"),
        ("noise", "plugin.wasm cannot be compiled"),
        ("large", "is larger than"),
    ] {
        let told = why.get(plugin).unwrap_or_else(|| panic!("{plugin} was loaded"));
        assert!(told.contains(words), "{plugin}: {told}");
    }
    assert_eq!(why.len(), 11, "{why:?}");
    assert!(plan(&host, "good").await.is_ok());
}

/// The kept files, by name and content.
fn kept(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

async fn works(plugins: &Plugins, cache: &Path) {
    let cache = Some(cache.to_owned());
    let host = PluginHost::load(Setup {
        cache,
        ..setup(plugins.sources())
    })
    .await;
    assert!(host.failures().is_empty(), "{:?}", host.failures());
    assert!(plan(&host, "good").await.is_ok());
}

#[tokio::test]
async fn a_compiled_component_is_kept_used_and_given_up_when_it_changes() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("compiled");
    let good = Plugins::new().component("good", &with_plan("(call $document)", ANSWER));
    works(&good, &folder).await;
    let first = kept(&folder);
    assert_eq!(first.len(), 1, "{:?}", first.keys());
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    works(&good, &folder).await;
    assert_eq!(kept(&folder), first);
    // What the engine does not know as its own is compiled anew.
    let name = first.keys().next().unwrap();
    fs::write(folder.join(name), b"something else").unwrap();
    works(&good, &folder).await;
    assert!(kept(&folder)[name].len() > 1_000);
    let changed = Plugins::new().component(
        "good",
        &with_plan("(drop (i32.const 7)) (call $document)", ANSWER),
    );
    works(&changed, &folder).await;
    let second = kept(&folder);
    assert_eq!(second.len(), 1);
    assert!(!second.contains_key(name));
}

#[tokio::test]
async fn a_folder_that_others_may_write_to_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
    let good = Plugins::new().component("good", &with_plan("(call $document)", ANSWER));
    works(&good, folder.path()).await;
    assert!(kept(folder.path()).is_empty());
}

#[tokio::test]
async fn a_foreign_component_is_compiled_beside_everything_else_and_only_so_long() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Plugins::new()
        .script("script", "fn plan(ctx) { #{ schema: 1, url: ctx.app.url } }")
        .component("good", &with_plan("(call $document)", ANSWER));
    let told = || Setup {
        folders: vec![plugins.path().to_owned()],
        cache: Some(folder.path().join("compiled")),
        ..setup(Vec::new())
    };
    let state = |host: &PluginHost, id: &str| {
        let reports = host.reports();
        let report = reports.iter().find(|report| report.source.ends_with(id));
        report.map(|report| (report.state, report.problem.clone().unwrap_or_default()))
    };
    let impatient = PluginHost::load(Setup {
        ceiling: Ceiling {
            compiling: Duration::ZERO,
            ..Ceiling::default()
        },
        cache: None,
        ..told()
    })
    .await;
    let (failed, problem) = state(&impatient, "good").unwrap();
    assert_eq!(failed, PluginState::Failed);
    assert!(problem.contains("compiling took longer than 0 s"), "{problem}");
    assert!(plan(&impatient, "script").await.is_ok());
    drop(impatient);

    let host = Arc::new(PluginHost::start(told()).await);
    assert_eq!(state(&host, "good").unwrap().0, PluginState::Compiling);
    assert!(plan(&host, "script").await.is_ok());
    let Err(HookError::Fault { code, message }) = plan(&host, "good").await else {
        panic!("refused")
    };
    assert_eq!(code, "plugin-unavailable");
    assert!(message.contains("still being compiled"), "{message}");
    let stop = CancellationToken::new();
    let watching = tokio::spawn(Arc::clone(&host).watch(stop.clone()));
    while state(&host, "good").unwrap().0 == PluginState::Compiling {
        tokio::task::yield_now().await;
    }
    assert_eq!(state(&host, "good").unwrap().0, PluginState::Loaded);
    assert!(plan(&host, "good").await.is_ok());
    stop.cancel();
    watching.await.unwrap();

    // What is kept is there at once.
    let again = PluginHost::start(told()).await;
    assert_eq!(state(&again, "good").unwrap().0, PluginState::Loaded);
}
