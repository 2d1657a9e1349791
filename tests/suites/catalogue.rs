//! The catalogue as scripts, pages and commands change it.

use anyhow::{Context, ensure};
use launchpad_tests::{Seed, link};
use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{JSON, ids, scene};
use crate::{PASSWORD, portal};

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_made_changed_and_removed() -> anyhow::Result<()> {
    let (_portal, admin) = scene().await?;
    let sent =
        json!({"id": "docs", "name": "Docs", "url": "https://docs.example/", "icon": null, "colour": "red"});
    let made = admin
        .send_json(Method::POST, "/api/apps", &sent)
        .await?
        .expect(201)?;
    ensure!(made.location() == Some("/api/apps/docs"), "{:?}", made.location());
    let tag = made.headers.get("etag").context("a tag")?.to_str()?.to_owned();
    ensure!(
        made.json()?["icon"] == "" && made.json()?["launch_type"] == "url",
        "{}",
        made.body
    );
    admin
        .send_json(Method::POST, "/api/apps", &sent)
        .await?
        .expect(409)?;

    let changed = json!({"name": "Documents", "url": "https://docs.example/"});
    let if_match = |tag| [JSON, ("if-match", tag)];
    let first = admin
        .exactly(
            Method::PUT,
            "/api/apps/docs",
            &if_match(&tag),
            changed.to_string(),
        )
        .await?
        .expect(200)?;
    ensure!(
        first.json()?["name"] == "Documents" && first.json()?["id"] == "docs",
        "{}",
        first.body
    );
    admin
        .exactly(
            Method::PUT,
            "/api/apps/docs",
            &if_match(&tag),
            changed.to_string(),
        )
        .await?
        .expect(412)?;
    admin
        .exactly(Method::DELETE, "/api/apps/docs", &[("if-match", &tag)], "")
        .await?
        .expect(412)?;
    admin.delete("/api/apps/docs").await?.expect(204)?;
    admin.delete("/api/apps/docs").await?.expect(404)?;
    let audit = admin.get("/api/audit").await?.expect(200)?.json()?;
    let actions: Vec<&str> = audit
        .as_array()
        .context("an array")?
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .take(3)
        .collect();
    ensure!(
        actions == ["DELETE_APP", "UPDATE_APP", "CREATE_APP"],
        "{actions:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_held_against_what_there_is() -> anyhow::Result<()> {
    let (_portal, admin) = scene().await?;
    let read = admin.get("/api/apps/wiki").await?.expect(200)?;
    let tag = read.headers.get("etag").context("a tag")?.to_str()?.to_owned();
    let body = json!({"name": "Wiki", "url": "https://wiki.example/"}).to_string();
    for (known, status) in [(tag.as_str(), 304), ("*", 304), ("\"other\"", 200)] {
        let headers = [("if-none-match", known)];
        admin
            .exactly(Method::GET, "/api/apps/wiki", &headers, "")
            .await?
            .expect(status)?;
    }
    let several = format!("\"other\", {tag}");
    let weak = format!("W/{tag}");
    for (wanted, status) in [
        ("\"other\", \"another\"", 412),
        (weak.as_str(), 412),
        ("\"\"", 412),
        (several.as_str(), 200),
        ("*", 200),
    ] {
        let headers = [JSON, ("if-match", wanted)];
        admin
            .exactly(Method::PUT, "/api/apps/wiki", &headers, body.clone())
            .await?
            .expect(status)?;
    }
    let headers = [JSON, ("if-match", several.as_str())];
    admin
        .exactly(Method::PUT, "/api/apps/none", &headers, body)
        .await?
        .expect(404)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_app_is_put_back_from_the_page_by_scripts_and_commands() -> anyhow::Result<()> {
    let (portal, admin) = scene().await?;
    let whole = admin.get("/api/apps/wiki").await?.expect(200)?.json()?;
    let mut browser = portal.stranger()?;
    browser
        .submit("/sign-in", &[("name", "root"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    let gone = browser
        .submit("/admin/apps/wiki/delete", &[])
        .await?
        .expect(303)?;
    let list = browser
        .get(gone.location().context("leads on")?)
        .await?
        .expect(200)?;
    ensure!(
        list.body.contains("App wiki was deleted.") && list.body.contains("Undo"),
        "{}",
        list.body
    );
    browser
        .submit("/admin/apps/wiki/restore", &[])
        .await?
        .expect(303)?;
    ensure!(admin.get("/api/apps/wiki").await?.expect(200)?.json()? == whole);

    admin.delete("/api/apps/wiki").await?.expect(204)?;
    let deleted = admin.get("/api/deleted-apps").await?.expect(200)?.json()?;
    ensure!(
        deleted[0]["id"] == "wiki" && deleted[0]["deleted_at"].is_string(),
        "{deleted}"
    );
    // What is exported and what is imported knows nothing of it.
    let exported = portal.run(&["export"], "").await?;
    ensure!(
        !String::from_utf8_lossy(&exported.stdout).contains("wiki"),
        "{exported:?}"
    );
    admin
        .send_json(Method::POST, "/api/apps", &link("wiki", "https://new.example/"))
        .await?
        .expect(201)?;
    admin
        .send_json(Method::POST, "/api/apps/wiki/restore", &json!({}))
        .await?
        .expect(409)?;
    admin.delete("/api/apps/wiki").await?.expect(204)?;
    let back = admin
        .send_json(Method::POST, "/api/apps/wiki/restore", &json!({}))
        .await?
        .expect(200)?;
    ensure!(
        back.json()?["url"] == "https://new.example/" && back.headers.contains_key("etag"),
        "{}",
        back.body
    );

    admin.delete("/api/apps/wiki").await?.expect(204)?;
    let listed = portal.run(&["app", "deleted", "--json"], "").await?;
    let listed: Value = serde_json::from_slice(&listed.stdout)?;
    ensure!(listed.as_array().map(Vec::len) == Some(2), "{listed}");
    let told = portal.run(&["app", "restore", "wiki"], "").await?;
    ensure!(told.status.success(), "{told:?}");
    let told = portal.run(&["app", "restore", "none"], "").await?;
    ensure!(
        !told.status.success() && String::from_utf8_lossy(&told.stderr).contains("no such deleted app"),
        "{told:?}"
    );
    let log = admin
        .get("/api/audit?action=RESTORE_APP")
        .await?
        .expect(200)?
        .json()?;
    ensure!(
        log.as_array().map(Vec::len) == Some(3) && log[0]["change"]["after"]["id"] == "wiki",
        "{log}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_stand_in_the_order_that_they_are_given() -> anyhow::Result<()> {
    let (portal, admin) = scene().await?;
    for id in ["a", "b", "c"] {
        admin
            .send_json(Method::POST, "/api/apps", &link(id, "https://app.example/"))
            .await?
            .expect(201)?;
    }
    ensure!(ids(&admin).await? == ["a", "b", "c", "wiki"]);
    let wrong = json!({"app_ids": ["c", "none", "c"]});
    let refused = admin
        .send_json(Method::PUT, "/api/app-order", &wrong)
        .await?
        .expect(422)?;
    ensure!(
        refused.body.contains("app_ids[1]") && refused.body.contains("app_ids[2]"),
        "{}",
        refused.body
    );
    let order = json!({"app_ids": ["wiki", "c"]});
    admin
        .send_json(Method::PUT, "/api/app-order", &order)
        .await?
        .expect(204)?;
    ensure!(ids(&admin).await? == ["wiki", "c", "a", "b"]);
    let mut browser = portal.stranger()?;
    browser
        .submit("/sign-in", &[("name", "root"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    browser
        .submit("/admin/apps/b/shift", &[("shift", "up")])
        .await?
        .expect(303)?;
    browser
        .submit("/admin/apps/wiki/shift", &[("shift", "down")])
        .await?
        .expect(303)?;
    browser
        .submit("/admin/apps/c/shift", &[("shift", "up")])
        .await?
        .expect(303)?;
    browser
        .submit("/admin/apps/c/shift", &[("shift", "aside")])
        .await?
        .expect(422)?;
    ensure!(ids(&admin).await? == ["c", "wiki", "b", "a"]);
    let log = admin
        .get("/api/audit?action=ORDER_APPS")
        .await?
        .expect(200)?
        .json()?;
    ensure!(
        log[0]["change"]
            == json!({"before": {"app_ids": ["wiki", "c", "b", "a"]}, "after": {"app_ids": ["c", "wiki", "b", "a"]}}),
        "{log}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_with_mistakes_stops_the_start_with_all_of_them() -> anyhow::Result<()> {
    let (portal, _) = scene().await?;
    let apps = json!({"applications": [
        {"id": "fine", "name": "Fine", "url": "https://fine.example/"},
        {"id": "BAD", "name": "", "url": "ftp://x"},
        {"id": "fine", "name": "Twice", "url": "https://fine.example/"},
        {"id": "more", "name": "More", "url": "https://fine.example/", "colour": "red"},
    ]});
    std::fs::write(portal.folder().join("bad.json"), apps.to_string())?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port()
        .to_string();
    let started = portal
        .run(&["--db", "other.db", "--port", &port, "--seed", "bad.json"], "")
        .await?;
    let told = String::from_utf8_lossy(&started.stderr);
    ensure!(started.status.code() == Some(1), "{told}");
    for place in [
        "applications[1].id",
        "applications[1].name",
        "applications[1].url",
        "applications[2].id",
        "applications[3]",
    ] {
        ensure!(told.contains(place), "{place} is not in {told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_example_is_a_seed() -> anyhow::Result<()> {
    let portal = portal()
        .seed(Seed::File("apps-with-containers.json"))
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let seeded = ada.get("/apps.json").await?.expect(200)?.json()?;
    let file =
        std::fs::read_to_string(launchpad_tests::workspace().join("examples/apps-with-containers.json"))?;
    let file: Value = serde_json::from_str(&file)?;
    let ids = |document: &Value| -> Vec<String> {
        let apps = document["applications"].as_array().into_iter().flatten();
        let mut ids: Vec<String> = apps.map(|app| app["id"].to_string()).collect();
        ids.sort();
        ids
    };
    ensure!(!ids(&file).is_empty() && ids(&seeded) == ids(&file), "{seeded}");
    Ok(())
}
