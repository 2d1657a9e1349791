//! Starts a portal for the browser suite in `tests/browser`, which Node runs in Debian's Chromium.

use anyhow::ensure;
use launchpad_tests::{Portal, Seed, workspace};
use serde_json::json;
use tokio::process::Command;

use crate::pages::echo;
use crate::portal;

/// A launch type whose forms have a bit of everything.
const FORMS: [(&str, &str); 4] = [
    ("plugin.toml", include_str!("forms/plugin.toml")),
    ("main.rhai", include_str!("forms/main.rhai")),
    ("params.schema.json", include_str!("forms/params.schema.json")),
    ("settings.schema.json", include_str!("forms/settings.schema.json")),
];

/// Runs one file of the browser suite against this portal, or against none.
async fn run(suite: &str, portal: Option<&Portal>) -> anyhow::Result<()> {
    let mut told = Vec::new();
    if let Some(portal) = portal {
        told.push(("LAUNCHPAD_TEST_URL", portal.url()));
        told.push(("LAUNCHPAD_TEST_SETUP_LINK", portal.setup_link().await?));
    }
    play(suite, told).await.map_err(|error| {
        let said = portal.map(Portal::log).unwrap_or_default();
        anyhow::anyhow!("{error:#}\nthe portal said:\n{said}")
    })
}

/// Runs one file of the browser suite, which is told this.
pub(crate) async fn play(suite: &str, told: Vec<(&str, String)>) -> anyhow::Result<()> {
    let folder = workspace().join("tests/browser");
    ensure!(
        folder.join("node_modules").is_dir(),
        "run tests/prepare.sh first: the browser suite is not installed"
    );
    let mut node = Command::new("node");
    node.current_dir(&folder).args([
        "--test",
        "--test-concurrency=1",
        &format!("suites/{suite}.test.mjs"),
    ]);
    node.env("LAUNCHPAD_TEST_PICTURES", workspace().join("target/browser"));
    node.envs(told);
    let output = node.kill_on_drop(true).output().await?;
    ensure!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_suite_sees_faults() -> anyhow::Result<()> {
    run("tools", None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_and_uses_a_desktop() -> anyhow::Result<()> {
    let portal = portal().seed(Seed::Example).start().await?;
    run("journey", Some(&portal)).await?;
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_and_silent() -> anyhow::Result<()> {
    let portal = portal().seed(Seed::Example).start().await?;
    run("pages", Some(&portal)).await?;
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_works_without_scripts() -> anyhow::Result<()> {
    let portal = portal().seed(Seed::Example).start().await?;
    run("without-scripts", Some(&portal)).await?;
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_chose_follows_them() -> anyhow::Result<()> {
    let portal = portal().seed(Seed::Example).start().await?;
    run("preferences", Some(&portal)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_page_in_a_session_reaches_nothing_but_its_app() -> anyhow::Result<()> {
    let apps = ["a", "b"].map(|id| echo(id, &json!({})));
    let portal = portal().seed(Seed::Apps(apps.into())).start().await?;
    run("origins", Some(&portal)).await?;
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_a_launch_type_are_filled_in_by_anybody() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plugin = folder.path().join("forms");
    std::fs::create_dir(&plugin)?;
    for (name, text) in FORMS {
        std::fs::write(plugin.join(name), text)?;
    }
    let portal = portal()
        .seed(Seed::Apps(Vec::new()))
        .set("LAUNCHPAD_PLUGINS__DIRS", folder.path())
        .start()
        .await?;
    run("forms", Some(&portal)).await
}
