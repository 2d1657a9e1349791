//! A launch type that somebody else wrote, installed into a running portal and used: its launch form, its progress, its
//! events, its switch.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Portal, Seed, app};
use reqwest::Method;
use serde_json::json;

use crate::{PASSWORD, portal};

const MANIFEST: &str = r#"
manifest = 1
[plugin]
id = "seats"
version = "1.0.0"
kind = "launch-type"
opens = "pod"
name = "Seats"
[runtime]
type = "rhai"
entry = "main.rhai"
api = "^1.0"
[schema]
params = "params.schema.json"
settings = "settings.schema.json"
[hooks]
on_event = ["ready", "failed"]
"#;

const ASKS: &str = "[capabilities]\nplan = [\"pvc\"]\nlookup = [\"apps\"]\n";

const PARAMS: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "required": ["room"],
    "properties": {
        "room": {"type": "string", "title": "Room", "description": "Where you sit", "minLength": 2},
        "size": {"type": "integer", "title": "Seats", "default": 1},
        "door": {"type": "boolean", "title": "Close the door"}
    }
}"#;

const SETTINGS: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "x-launchpad-needs": ["container_image"],
    "properties": {"floor": {"type": "integer", "title": "Floor", "minimum": 0}}
}"#;

const SCRIPT: &str = r#"
fn options(ctx) {
    #{ fields: [#{ path: "size", choices: [#{ value: 2, label: "Two for " + ctx.user.name }, #{ value: 4, label: "Four" }] }] }
}
fn plan(ctx) {
    progress(40, "Looking for a seat in " + ctx.params.room);
    state_set("room", ctx.params.room);
    #{ schema: 1,
       pod: #{ containers: [#{ name: "vnc", image: ctx.app.container_image }] },
       endpoint: #{ kind: "vnc", container: "vnc", port: 5900 } }
}
fn on_event(ctx) {
    #{ actions: [#{ action: "annotate", message: ctx.event.name + " in " + state_get("room") }] }
}
"#;

/// The plugin, which asks for two powers.
pub(crate) fn write_asking(folder: &Path) -> anyhow::Result<()> {
    write(folder, SCRIPT)?;
    fs::write(folder.join("seats/plugin.toml"), MANIFEST.to_owned() + ASKS)?;
    Ok(())
}

fn write(folder: &Path, script: &str) -> anyhow::Result<()> {
    let plugin = folder.join("seats");
    fs::create_dir_all(&plugin)?;
    fs::write(plugin.join("plugin.toml"), MANIFEST)?;
    fs::write(plugin.join("params.schema.json"), PARAMS)?;
    fs::write(plugin.join("settings.schema.json"), SETTINGS)?;
    fs::write(plugin.join("main.rhai"), script)?;
    Ok(())
}

struct Scene {
    portal: Portal,
    folder: tempfile::TempDir,
    admin: Client,
    browser: Client,
}

/// A portal without the plugin, to which it is given while the portal runs.
async fn scene() -> anyhow::Result<Scene> {
    let folder = tempfile::tempdir()?;
    let portal = portal()
        .seed(Seed::Apps(Vec::new()))
        .set("LAUNCHPAD_PLUGINS__DIRS", folder.path())
        .start()
        .await?;
    let admin = portal.account("root", "admin", PASSWORD).await?;
    write(folder.path(), SCRIPT)?;
    reload(&admin).await?;
    let wanted = app("desk", "seats", "", "localhost/launchpad-tests/never-built:1");
    admin
        .send_json(Method::POST, "/api/apps", &wanted)
        .await?
        .expect(201)?;
    let mut browser = portal.stranger()?;
    let sign_in = [("name", "root"), ("password", PASSWORD)];
    browser.submit("/sign-in", &sign_in).await?.expect(303)?;
    Ok(Scene {
        portal,
        folder,
        admin,
        browser,
    })
}

async fn reload(admin: &Client) -> anyhow::Result<()> {
    admin
        .send_json(Method::POST, "/api/plugins/reload", &json!({}))
        .await?
        .expect(200)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_form_asks_what_the_schema_says_and_what_was_entered_reaches_the_plugin()
-> anyhow::Result<()> {
    let Scene {
        portal: _portal,
        folder: _folder,
        admin,
        mut browser,
    } = scene().await?;
    let catalogue = browser.get("/").await?.expect(200)?.body;
    ensure!(
        catalogue.contains(r#"<a href="/apps/desk">"#),
        "the card leads to the form"
    );
    let form = browser.get("/apps/desk").await?.expect(200)?.body;
    for words in ["Room", "Where you sit", "Two for root", "Close the door"] {
        ensure!(form.contains(words), "{words} is missing in {form}");
    }

    // The button of a list leads to the form; the form with mistakes in it comes back.
    let led = browser
        .submit("/sessions", &[("app_id", "desk")])
        .await?
        .expect(303)?;
    ensure!(led.location() == Some("/apps/desk"), "{:?}", led.location());
    let wrong = [
        ("app_id", "desk"),
        ("asked", "yes"),
        ("params.room", "x"),
        ("params.size", "2"),
    ];
    let refused = browser.submit("/sessions", &wrong).await?.expect(422)?.body;
    ensure!(
        refused.contains("at least 2 characters") && refused.contains(r#"value="x""#),
        "{refused}"
    );
    let outside = [
        ("app_id", "desk"),
        ("asked", "yes"),
        ("params.room", "attic"),
        ("params.size", "9"),
    ];
    let refused = browser.submit("/sessions", &outside).await?.expect(422)?.body;
    ensure!(refused.contains("Is not one of the choices"), "{refused}");

    let right = [
        ("app_id", "desk"),
        ("asked", "yes"),
        ("params.room", "attic"),
        ("params.size", "4"),
    ];
    let launched = browser.submit("/sessions", &right).await?.expect(303)?;
    let page = launched.location().context("a session's page")?.to_owned();
    let id = page.rsplit('/').next().context("an id")?;
    // The image was never built: it fails, and the plugin is told so.
    admin.until(id, "failed").await?;
    let note = async {
        loop {
            let page = browser.get(&page).await?.expect(200)?.body;
            if page.contains("failed in attic") {
                return anyhow::Ok(());
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(launchpad_tests::PATIENCE, note).await??;
    let calls = admin.get("/api/plugins/seats/calls").await?.expect(200)?.json()?;
    let plan = calls
        .as_array()
        .and_then(|calls| calls.iter().find(|call| call["hook"] == "plan"))
        .context("plan was called")?;
    ensure!(
        plan["context"]["params"] == json!({"room": "attic", "size": 4}),
        "{plan}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sets_what_the_launch_type_asks_for() -> anyhow::Result<()> {
    let Scene {
        portal: _portal,
        folder: _folder,
        admin,
        mut browser,
    } = scene().await?;
    let fields = |floor: &'static str, more: &'static str| {
        [
            ("name", "Desk"),
            ("launch_type", "seats"),
            ("container_image", "localhost/launchpad-tests/never-built:1"),
            ("settings.floor", floor),
            ("settings", more),
        ]
    };
    let wrong = browser
        .submit("/admin/apps/desk", &fields("-1", "{\"wing\": 1}"))
        .await?;
    let wrong = wrong.expect(422)?.body;
    ensure!(
        wrong.contains("Must be at least 0") && wrong.contains("wing"),
        "{wrong}"
    );
    browser
        .submit("/admin/apps/desk", &fields("3", ""))
        .await?
        .expect(303)?;
    let app = admin.get("/api/apps/desk").await?.expect(200)?.json()?;
    ensure!(app["settings"] == json!({"floor": 3}), "{app}");
    let form = browser.get("/admin/apps/desk").await?.expect(200)?.body;
    ensure!(
        form.contains(r#"name="settings.floor" type="number" value="3""#),
        "{form}"
    );
    // Another launch type has other fields; nothing is saved for asking.
    let shown = [
        ("name", "Desk"),
        ("launch_type", "container"),
        ("show", "settings"),
    ];
    let shown = browser
        .submit("/admin/apps/desk", &shown)
        .await?
        .expect(200)?
        .body;
    ensure!(
        shown.contains("settings.memory") && !shown.contains("settings.floor"),
        "{shown}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_version_is_told_of_a_switch_outlives_a_restart_and_a_removed_plugin_is_gone()
-> anyhow::Result<()> {
    let Scene {
        mut portal,
        folder,
        admin,
        browser: _,
    } = scene().await?;
    write(folder.path(), "fn plan(ctx) {")?;
    reload(&admin).await?;
    let plugin = admin.get("/api/plugins/seats").await?.expect(200)?.json()?;
    ensure!(plugin["state"] == "loaded", "{plugin}");
    ensure!(
        plugin["problem"]
            .as_str()
            .is_some_and(|why| why.contains("cannot be compiled")),
        "{plugin}"
    );
    write(folder.path(), SCRIPT)?;
    admin
        .send_json(Method::POST, "/api/plugins/seats/disable", &json!({}))
        .await?
        .expect(200)?;
    portal.kill().await?;
    portal.start_again().await?;
    let plugin = admin.get("/api/plugins/seats").await?.expect(200)?.json()?;
    ensure!(
        plugin["state"] == "off" && plugin["problem"].is_null(),
        "{plugin}"
    );
    let launch = json!({"app_id": "desk", "params": {"room": "attic"}});
    let refused = admin.send_json(Method::POST, "/api/sessions", &launch).await?;
    ensure!(
        refused.body.contains("switched the launch type seats off"),
        "{}",
        refused.body
    );
    fs::remove_dir_all(folder.path().join("seats"))?;
    reload(&admin).await?;
    admin.get("/api/plugins/seats").await?.expect(404)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_grants_what_a_new_version_asks_for_and_it_holds_after_a_restart()
-> anyhow::Result<()> {
    let Scene {
        mut portal,
        folder,
        admin,
        mut browser,
    } = scene().await?;
    let manifest = folder.path().join("seats/plugin.toml");
    let newer = MANIFEST.replace("1.0.0", "1.1.0") + ASKS;
    fs::write(&manifest, &newer)?;
    reload(&admin).await?;
    let read = async || admin.get("/api/plugins/seats").await?.expect(200)?.json();
    let waiting = read().await?;
    ensure!(
        waiting["version"] == "1.0.0" && waiting["waiting"]["lacking"] == json!(["lookup:apps", "pvc"]),
        "{waiting}"
    );
    let page = browser.get("/admin/plugins/seats").await?.expect(200)?.body;
    ensure!(
        page.contains("Version 1.1.0 waits: it asks for lookup:apps, pvc") && page.contains(r#"value="pvc""#),
        "{page}"
    );
    // Nothing that it does not ask for.
    let path = "/api/plugins/seats/grants";
    let wrong = json!({"capabilities": ["secret-read:key"]});
    admin.send_json(Method::PUT, path, &wrong).await?.expect(422)?;
    // Half of it is not enough; all of it is, without a restart.
    let half = json!({"capabilities": ["pvc"]});
    let answer = admin
        .send_json(Method::PUT, path, &half)
        .await?
        .expect(200)?
        .json()?;
    ensure!(answer["version"] == "1.0.0", "{answer}");
    let ticked = [("granted", "pvc"), ("granted", "lookup:apps")];
    browser
        .submit("/admin/plugins/seats/grants", &ticked)
        .await?
        .expect(303)?;
    let granted = json!(["lookup:apps", "pvc"]);
    let running = read().await?;
    ensure!(
        running["version"] == "1.1.0" && running["approved"] == granted && running["waiting"].is_null(),
        "{running}"
    );
    portal.kill().await?;
    portal.start_again().await?;
    ensure!(read().await?["granted"] == granted, "a grant is kept");
    // The folder is a part of it: the same plugin elsewhere has nothing.
    fs::rename(folder.path().join("seats"), folder.path().join("moved"))?;
    reload(&admin).await?;
    ensure!(read().await?["granted"] == json!([]), "a grant follows no folder");
    let audit = admin.get("/api/audit").await?.expect(200)?.json()?;
    let grants = audit.as_array().context("a list")?.iter();
    let grants: Vec<_> = grants.filter(|row| row["action"] == "GRANT_PLUGIN").collect();
    ensure!(grants.len() == 2, "{audit}");
    Ok(())
}
