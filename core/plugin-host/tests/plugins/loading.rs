//! What is not loaded, and that it stops nothing else.

use std::collections::{BTreeMap, BTreeSet};

use launchpad_domain::Capability;
use launchpad_domain::{HookError, LaunchTypes};
use launchpad_plugin_host::{PluginHost, Setup, Source};

use crate::support::{Plugins, context, id, manifest, plan, setup};

const GOOD: &str = "fn plan(ctx) { #{ schema: 1, url: ctx.app.url } }";

#[tokio::test]
async fn one_bad_plugin_stops_no_other_and_says_why() {
    let plugins = Plugins::new()
        .script("good", GOOD)
        .script("no-plan", "fn paln(ctx) { 1 }")
        .script("two-parameters", "fn plan(ctx, more) { 1 }")
        .script("syntax", "fn plan(ctx) {\n  let = 3;\n}")
        .script("evaluates", "fn plan(ctx) { eval(\"1\") }")
        .script("misspells", "fn plan(ctx) { contxt.app }")
        .script(
            "imports",
            "import \"other\" as other; fn plan(ctx) { other::plan(ctx) }",
        )
        .script(
            "huge",
            &format!("fn plan(ctx) {{ }} // {}", "x".repeat(256 * 1_024)),
        )
        .plugin("no-manifest", "manifest = 7", "main.rhai", b"")
        .plugin(
            "outside",
            &manifest("outside", "rhai", "../good/main.rhai", ""),
            "main.rhai",
            b"",
        )
        .plugin(
            "checksum",
            &manifest(
                "checksum",
                "rhai",
                "main.rhai",
                &format!("sha256 = \"{}\"", "0".repeat(64)),
            ),
            "main.rhai",
            GOOD.as_bytes(),
        )
        .plugin(
            "taken",
            &manifest("good", "rhai", "main.rhai", ""),
            "main.rhai",
            GOOD.as_bytes(),
        );
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
        ("no-plan", "defines no function plan(ctx)"),
        ("two-parameters", "plan must have one parameter"),
        ("syntax", "line 2"),
        ("evaluates", "eval"),
        ("misspells", "contxt"),
        ("huge", "is larger than 262144 bytes"),
        ("no-manifest", "manifest: must be 1"),
        ("outside", "must be the name of a file in the plugin's folder"),
        ("checksum", "the manifest names another"),
        ("taken", "the id `good` is taken by"),
    ] {
        let told = why.get(plugin).unwrap_or_else(|| panic!("{plugin} was loaded"));
        assert!(told.contains(words), "{plugin}: {told}");
    }
    // An import is not run before it is called, and then finds nothing.
    assert_eq!(
        why.len(),
        10 + usize::from(why.contains_key("imports")),
        "{why:?}"
    );
    assert_eq!(
        plan(&host, "good").await.unwrap()["url"],
        "https://wiki.example.org/"
    );
}

#[tokio::test]
async fn a_plugin_from_outside_may_what_is_claimed_and_granted() {
    let claims = "[capabilities]\nplan = [\"pvc\"]";
    let plugins = Plugins::new()
        .plugin(
            "both",
            &manifest("both", "rhai", "main.rhai", claims),
            "main.rhai",
            GOOD.as_bytes(),
        )
        .plugin(
            "claimed",
            &manifest("claimed", "rhai", "main.rhai", claims),
            "main.rhai",
            GOOD.as_bytes(),
        )
        .script("granted", GOOD);
    let pvc = BTreeSet::from(["pvc".to_owned()]);
    let granted = BTreeMap::from([("both".to_owned(), pvc.clone()), ("granted".to_owned(), pvc)]);
    let host = PluginHost::load(Setup {
        granted,
        ..setup(plugins.sources())
    })
    .await;
    let may = |plugin: &str| host.get(&id(plugin)).unwrap().grants.allows(Capability::Claims);
    assert!(may("both"));
    assert!(!may("claimed"));
    assert!(!may("granted"));
}

#[tokio::test]
async fn a_folder_cannot_take_the_place_of_a_shipped_plugin() {
    let plugins = Plugins::new().script(
        "url",
        "fn plan(ctx) { #{ schema: 1, url: \"https://evil.example/\" } }",
    );
    let sources = Source::shipped().into_iter().chain(plugins.sources()).collect();
    let host = PluginHost::load(setup(sources)).await;
    assert_eq!(host.failures().len(), 1);
    assert!(
        host.failures()[0]
            .error
            .to_string()
            .contains("taken by shipped plugin url")
    );
    assert_eq!(
        plan(&host, "url").await.unwrap()["url"],
        "https://wiki.example.org/"
    );
}

#[tokio::test]
async fn a_context_is_bounded_before_a_plugin_sees_it() {
    let host = Plugins::new().script("good", GOOD).load().await;
    let mut large = context();
    large
        .params
        .insert("text".to_owned(), "x".repeat(256 * 1_024).into());
    let Err(HookError::InvalidInput(problems)) = host.plan(&id("good"), large).await else {
        panic!("invalid input")
    };
    assert!(problems[0].message.contains("256 KiB"));
}
