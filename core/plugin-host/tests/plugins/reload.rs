//! Plugins that change while the server runs.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use launchpad_domain::plugins::PluginState;
use launchpad_domain::{HookError, LaunchTypes, PlannedBy, Plugins as Operated};
use launchpad_plugin_host::{PluginHost, Setup};
use serde_json::json;

use crate::support::{Plugins, context, id, manifest, plan, setup};

fn answering(text: &str) -> String {
    format!("fn plan(ctx) {{ #{{ schema: 1, url: \"{text}\" }} }}")
}

async fn installed(plugins: &Plugins) -> PluginHost {
    PluginHost::load(Setup {
        folders: vec![plugins.path().to_owned()],
        ..setup(Vec::new())
    })
    .await
}

async fn url(host: &PluginHost, plugin: &str) -> String {
    plan(host, plugin).await.unwrap()["url"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_folder_that_changes_comes_and_goes_is_taken_up() {
    let plugins = Plugins::new().script("one", &answering("first"));
    let host = installed(&plugins).await;
    assert_eq!(url(&host, "one").await, "first");
    fs::write(plugins.path().join("one/main.rhai"), answering("second")).unwrap();
    let plugins = plugins.script("two", &answering("new"));
    host.reload().await;
    assert_eq!(url(&host, "one").await, "second");
    assert_eq!(url(&host, "two").await, "new");
    fs::remove_dir_all(plugins.path().join("one")).unwrap();
    host.reload().await;
    assert!(matches!(
        plan(&host, "one").await,
        Err(HookError::UnknownLaunchType { .. })
    ));
}

#[tokio::test]
async fn a_bad_version_never_takes_the_place_of_a_good_one() {
    let plugins = Plugins::new().script("one", &answering("good"));
    let host = installed(&plugins).await;
    let folder = plugins.path().join("one");
    for (bad, words) in [
        ("fn plan(ctx) { ".to_owned(), "cannot be compiled"),
        (answering("other"), "its own test as ever fails"),
    ] {
        fs::write(folder.join("main.rhai"), bad).unwrap();
        let tested = "[[test]]\nname = \"as ever\"\nctx = \"ctx.json\"\nexpect = \"expect.json\"\n";
        fs::write(
            folder.join("plugin.toml"),
            manifest("one", "rhai", "main.rhai", tested),
        )
        .unwrap();
        fs::write(folder.join("ctx.json"), "{}").unwrap();
        fs::write(
            folder.join("expect.json"),
            json!({"schema": 1, "url": "good"}).to_string(),
        )
        .unwrap();
        host.reload().await;
        assert_eq!(url(&host, "one").await, "good");
        let report = &host.reports()[0];
        assert_eq!(report.state, PluginState::Loaded);
        assert!(report.problem.as_ref().unwrap().contains(words), "{report:?}");
    }
    fs::write(folder.join("main.rhai"), answering("good")).unwrap();
    host.reload().await;
    assert!(host.reports()[0].problem.is_none());
}

#[tokio::test]
async fn a_version_that_asks_for_more_waits_for_its_grant() {
    let plugins = Plugins::new().script("one", &answering("old"));
    let host = installed(&plugins).await;
    let folder = plugins.path().join("one");
    let asks = "[capabilities]\nplan = [\"pvc\"]\n";
    fs::write(
        folder.join("plugin.toml"),
        manifest("one", "rhai", "main.rhai", asks),
    )
    .unwrap();
    fs::write(folder.join("main.rhai"), answering("new")).unwrap();
    host.reload().await;
    assert_eq!(url(&host, "one").await, "old");
    let problem = host.reports()[0].problem.clone().unwrap();
    assert!(
        problem.contains("waits for an administrator to grant pvc"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_call_ends_on_the_version_that_it_began_on() {
    let plugins = Plugins::new().script(
        "one",
        "fn plan(ctx) { let n = 0; while n < 20000 { n += 1; } #{ url: \"old\" } }",
    );
    let host = Arc::new(installed(&plugins).await);
    let before = {
        let host = Arc::clone(&host);
        tokio::spawn(async move { plan(&host, "one").await })
    };
    fs::write(plugins.path().join("one/main.rhai"), answering("new")).unwrap();
    host.reload().await;
    assert_eq!(before.await.unwrap().unwrap()["url"], "old");
    assert_eq!(url(&host, "one").await, "new");
}

#[tokio::test]
async fn sessions_of_another_major_version_keep_theirs() {
    let ready = |state: &str| format!("{} fn ready(ctx) {{ #{{ state: \"{state}\" }} }}", answering("x"));
    let plugins = Plugins::new().script("one", &ready("ready"));
    let host = installed(&plugins).await;
    let digest = host.get(&id("one")).unwrap().digest;
    let folder = plugins.path().join("one");
    let change = |version: &str, state: &str| {
        let text = manifest("one", "rhai", "main.rhai", "").replace("1.2.0", version);
        fs::write(folder.join("plugin.toml"), text).unwrap();
        fs::write(folder.join("main.rhai"), ready(state)).unwrap();
    };
    let planned_by = PlannedBy {
        id: id("one"),
        digest: Some(digest),
    };
    let asked = async || format!("{:?}", host.ready(&planned_by, context()).await.unwrap());
    change("1.3.0", "wait");
    host.reload().await;
    assert!(
        asked().await.starts_with("Wait"),
        "a newer minor version stands in"
    );
    change("2.0.0", "fail");
    host.reload().await;
    assert!(
        asked().await.starts_with("Ready"),
        "another major version does not"
    );
}

#[tokio::test]
async fn a_plugin_that_is_switched_off_plans_nothing_and_others_go_on() {
    let plugins = Plugins::new()
        .script("one", &answering("one"))
        .script("two", &answering("two"));
    let host = installed(&plugins).await;
    host.switch(&id("one"), false).unwrap();
    let Err(HookError::Fault { code, message }) = plan(&host, "one").await else {
        panic!("refused")
    };
    assert_eq!(code, "plugin-unavailable");
    assert!(message.contains("switched the launch type one off"));
    assert_eq!(host.list().len(), 1);
    assert_eq!(url(&host, "two").await, "two");
    // A reload does not switch it on.
    fs::write(plugins.path().join("one/main.rhai"), answering("newer")).unwrap();
    host.reload().await;
    assert!(plan(&host, "one").await.is_err());
    assert_eq!(host.reports()[0].state, PluginState::Off);
    host.switch(&id("one"), true).unwrap();
    assert_eq!(url(&host, "one").await, "newer");
}

#[tokio::test]
async fn hooks_fail_and_rest_each_for_itself_until_a_reload() {
    let plugins = Plugins::new().script(
        "one",
        "fn plan(ctx) { #{ schema: 1, url: \"fine\" } } fn validate(ctx) { nothing() }",
    );
    let host = installed(&plugins).await;
    for _ in 0..5 {
        assert!(host.validate(&id("one"), context()).await.is_err());
    }
    let Err(HookError::Fault { code, .. }) = host.validate(&id("one"), context()).await else {
        panic!("refused")
    };
    assert_eq!(code, "plugin-unavailable");
    assert_eq!(url(&host, "one").await, "fine");
    let report = host.reports()[0].loaded.clone().unwrap();
    assert_eq!(report.resting, ["validate"]);
    assert_eq!((report.figures.calls, report.figures.faults), (7, 6));
    host.reload().await;
    assert!(host.reports()[0].loaded.as_ref().unwrap().resting.is_empty());
}

#[tokio::test]
async fn what_a_plugin_did_can_be_read_and_tried_again_without_effect() {
    let plugins = Plugins::new().script(
        "one",
        "fn plan(ctx) { log(\"warn\", \"seen\"); try { state_set(\"a\", \"b\"); } catch (e) { return #{ code: e.code }; } #{} }",
    );
    let host = PluginHost::load(Setup {
        services: Arc::new(crate::host_functions::Remembering::default()),
        configs: BTreeMap::new(),
        ..setup(plugins.sources())
    })
    .await;
    assert_eq!(plan(&host, "one").await.unwrap(), json!({}));
    let calls = host.calls(&id("one")).unwrap();
    let context = calls[0].context.clone().unwrap();
    assert_eq!(calls[0].hook, "plan");
    assert_eq!(host.lines(&id("one")).unwrap()[0].message, "seen");
    let tried = host.try_hook(&id("one"), "plan", context).await.unwrap();
    assert_eq!(tried.answer, json!({"code": "not-granted"}));
    assert!(host.try_hook(&id("one"), "cleanup", json!({})).await.is_err());
}
