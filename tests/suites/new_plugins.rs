//! What `launchpad plugin new` writes, installed as it is and launched on the engine: what an author sees first.

use std::path::Path;

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Portal, Seed, app};
use reqwest::Method;
use serde_json::json;

use crate::rust_plugins::built_in_rust;
use crate::{PASSWORD, portal};

/// How often a launch is repeated: a program that does not wait for its screen loses the race about every second time.
const LAUNCHES: usize = 4;

/// A portal that runs before there is a plugin, as in the author's guide.
async fn portal_over(folder: &Path) -> anyhow::Result<(Portal, Client)> {
    let portal = portal()
        .seed(Seed::Apps(Vec::new()))
        .set("LAUNCHPAD_PLUGINS__DIRS", folder)
        .start()
        .await?;
    let admin = portal.account("root", "admin", PASSWORD).await?;
    Ok((portal, admin))
}

async fn write(portal: &Portal, folder: &Path, lang: &str) -> anyhow::Result<()> {
    let place = folder.to_str().context("a path of letters")?;
    let new = ["plugin", "new", "hello", "--lang", lang, "--in", place];
    let made = portal.run(&new, "").await?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

async fn launch_every_time(portal: &Portal, admin: &Client) -> anyhow::Result<()> {
    admin
        .send_json(Method::POST, "/api/plugins/reload", &json!({}))
        .await?
        .expect(200)?;
    let wanted = app("hello", "hello", "", "localhost/launchpad/desktop:1");
    admin
        .send_json(Method::POST, "/api/apps", &wanted)
        .await?
        .expect(201)?;
    for launch in 1..=LAUNCHES {
        let told = || format!("launch {launch}");
        let id = admin.launch("hello").await?.id;
        let session = admin.until(&id, "running").await.with_context(told)?;
        // A shell in the window: it has come, and does not end. A program that ends takes its session along.
        portal
            .engine()?
            .until_runs(&id, "xterm")
            .await
            .with_context(told)?;
        admin.screen(&session).await?.picture().await?;
        let session = admin.session(&id).await?;
        ensure!(session.status == "running", "launch {launch} ended: {session:?}");
        admin.end(&id).await?;
    }
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_script_launches_every_time() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (portal, admin) = portal_over(folder.path()).await?;
    write(&portal, folder.path(), "rhai").await?;
    launch_every_time(&portal, &admin).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_component_launches_every_time() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (portal, admin) = portal_over(folder.path()).await?;
    write(&portal, folder.path(), "rust").await?;
    if !built_in_rust(folder.path())? {
        return Ok(());
    }
    let plugin = folder.path().join("hello");
    let plugin = plugin.to_str().context("a path of letters")?;
    let checked = portal.run(&["plugin", "check", plugin], "").await?;
    ensure!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
    launch_every_time(&portal, &admin).await
}
