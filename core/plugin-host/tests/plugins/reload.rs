//! Plugins that change while the server runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::plugins::{Approval, PluginState};
use launchpad_domain::{Capability, HookError, LaunchTypes, PlannedBy, Plugins as Operated};
use launchpad_plugin_host::{PluginHost, Setup};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Plugins, context, id, manifest, patient, plan, setup};

fn answering(text: &str) -> String {
    format!("fn plan(ctx) {{ #{{ schema: 1, url: \"{text}\" }} }}")
}

async fn installed(plugins: &Plugins) -> PluginHost {
    PluginHost::load(Setup {
        folders: vec![plugins.path().to_owned()],
        ..patient(Vec::new())
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
    let report = host.reports().remove(0);
    let problem = report.problem.clone().unwrap();
    assert!(
        problem.contains("version 1.2.0 waits for an administrator to grant pvc"),
        "{problem}"
    );
    assert!(report.asks_for("pvc"));
    // In another folder it is another plugin's grant.
    let approval = |source: &str, words: &[&str]| Approval {
        id: id("one"),
        source: source.to_owned(),
        capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    host.approve(approval("/elsewhere/one", &["pvc"])).await;
    host.reload().await;
    assert_eq!(url(&host, "one").await, "old");
    host.approve(approval(&report.source, &["pvc"])).await;
    assert_eq!(url(&host, "one").await, "new");
    let granted = || host.reports()[0].loaded.clone().unwrap();
    assert_eq!(granted().approved, ["pvc"]);
    assert!(host.get(&id("one")).unwrap().grants.allows(Capability::Claims));
    // Taken back at once, too.
    host.approve(approval(&report.source, &[])).await;
    assert!(granted().granted.is_empty());
    assert!(!host.get(&id("one")).unwrap().grants.allows(Capability::Claims));
}

#[tokio::test]
async fn what_was_approved_holds_after_a_start_and_nothing_that_is_not_asked_for() {
    let asks = "[capabilities]\nplan = [\"pvc\"]\nlookup = [\"apps\"]\n";
    let plugins = Plugins::new().plugin(
        "one",
        &manifest("one", "rhai", "main.rhai", asks),
        "main.rhai",
        answering("x").as_bytes(),
    );
    let approved = Approval {
        id: id("one"),
        source: plugins.path().join("one").display().to_string(),
        capabilities: ["pvc", "secret-read:key"].map(str::to_owned).into(),
    };
    let host = PluginHost::load(Setup {
        folders: vec![plugins.path().to_owned()],
        granted: BTreeMap::from([("one".to_owned(), ["lookup:apps".to_owned()].into())]),
        approved: vec![approved],
        ..setup(Vec::new())
    })
    .await;
    let known = host.reports()[0].loaded.clone().unwrap();
    assert_eq!(known.granted, ["lookup:apps", "pvc"]);
    assert_eq!(known.approved, ["pvc"]);
}

#[tokio::test]
async fn what_changes_is_noticed_also_behind_a_link_that_is_swapped() {
    // As Kubernetes mounts a ConfigMap: the files are links through a link, which is replaced.
    let plugins = Plugins::new();
    let folder = plugins.path().join("one");
    fs::create_dir(&folder).unwrap();
    let release = |name: &str, answer: &str| {
        let data = folder.join(name);
        fs::create_dir(&data).unwrap();
        fs::write(data.join("plugin.toml"), manifest("one", "rhai", "main.rhai", "")).unwrap();
        fs::write(data.join("main.rhai"), answering(answer)).unwrap();
        symlink(name, folder.join("..tmp")).unwrap();
        fs::rename(folder.join("..tmp"), folder.join("..data")).unwrap();
    };
    release("..1", "first");
    for file in ["plugin.toml", "main.rhai"] {
        symlink(Path::new("..data").join(file), folder.join(file)).unwrap();
    }
    let host = Arc::new(installed(&plugins).await);
    assert_eq!(url(&host, "one").await, "first");
    let stop = CancellationToken::new();
    let watching = tokio::spawn(Arc::clone(&host).watch(stop.clone()));
    release("..2", "second");
    let swapped = async {
        while url(&host, "one").await != "second" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), swapped)
        .await
        .unwrap();
    stop.cancel();
    watching.await.unwrap();
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
    fs::remove_dir_all(&folder).unwrap();
    host.reload().await;
    assert!(asked().await.starts_with("Ready"), "nor does its folder's end");
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
