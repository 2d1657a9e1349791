//! What scripts are answered, above all when they send something wrong: nothing is changed then.

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Portal, Seed, app, link};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PASSWORD, portal};

async fn scene() -> anyhow::Result<(Portal, Client)> {
    let portal = portal()
        .seed(Seed::Apps(vec![link("wiki", "https://wiki.example/")]))
        .start()
        .await?;
    let admin = portal.account("root", "admin", PASSWORD).await?;
    Ok((portal, admin))
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read_are_refused_each_in_its_way() -> anyhow::Result<()> {
    let (_portal, admin) = scene().await?;
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(1_100_000));
    for (headers, body, status) in [
        (vec![JSON], "{".to_owned(), 400),
        (vec![JSON], "[]".to_owned(), 400),
        (vec![JSON], r#"{"name": 7}"#.to_owned(), 400),
        (vec![("content-type", "text/plain")], "{}".to_owned(), 415),
        (vec![], "{}".to_owned(), 415),
        (vec![JSON], large, 413),
    ] {
        let shown: String = body.chars().take(20).collect();
        let answer = admin.exactly(Method::POST, "/api/apps", &headers, body).await?;
        ensure!(
            answer.status == status,
            "{shown}: {} instead of {status}",
            answer.status
        );
        let kind = answer.headers.get("content-type").context("a type")?;
        ensure!(kind == "application/problem+json", "{kind:?}");
        let problem = answer.json()?;
        ensure!(
            problem["status"] == status && problem["detail"].is_string(),
            "{problem}"
        );
    }
    ensure!(ids(&admin).await? == ["wiki"], "something was changed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_value_is_named_at_once() -> anyhow::Result<()> {
    let (_portal, admin) = scene().await?;
    let wrong = json!({
        "id": "Not An Id", "name": "", "description": "x".repeat(2_000), "url": "javascript:alert(1)",
        "icon": "data:image/png;base64,AAAA", "category": "a\nb", "launch_type": "NO", "container_image": "::",
    });
    let answer = admin
        .send_json(Method::POST, "/api/apps", &wrong)
        .await?
        .expect(422)?
        .json()?;
    let mut paths: Vec<&str> = answer["problems"]
        .as_array()
        .context("problems")?
        .iter()
        .filter_map(|problem| problem["path"].as_str())
        .collect();
    paths.sort_unstable();
    ensure!(
        paths
            == [
                "category",
                "container_image",
                "description",
                "icon",
                "id",
                "launch_type",
                "name",
                "url"
            ],
        "{answer}"
    );
    let unknown = json!({"id": "a", "name": "A", "launch_type": "teleport"});
    let answer = admin
        .send_json(Method::POST, "/api/apps", &unknown)
        .await?
        .expect(422)?;
    ensure!(
        answer.body.contains("container, container-pvc, url"),
        "the known launch types are listed: {}",
        answer.body
    );
    ensure!(ids(&admin).await? == ["wiki"], "something was changed");
    Ok(())
}

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
async fn the_audit_log_is_read_page_by_page() -> anyhow::Result<()> {
    let (_portal, admin) = scene().await?;
    let first = admin.get("/api/audit?limit=1").await?.expect(200)?;
    let link = first
        .headers
        .get("link")
        .context("a link to the next page")?
        .to_str()?
        .to_owned();
    let next = link
        .strip_prefix('<')
        .and_then(|rest| rest.split('>').next())
        .context("a path")?;
    let second = admin.get(next).await?.expect(200)?;
    let id = |answer: &Value| answer[0]["id"].as_i64();
    let (first, second) = (id(&first.json()?), id(&second.json()?));
    ensure!(second < first, "{second:?} is not before {first:?}");
    admin.get("/api/audit?limit=0").await?.expect(422)?;
    admin.get("/api/audit?limit=many").await?.expect(400)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_are_kept_whole_and_in_part() -> anyhow::Result<()> {
    let (_portal, admin) = scene().await?;
    let all = json!({"theme": "dark", "collapsed_categories": ["Tools"], "favorites": ["wiki"]});
    let kept = admin
        .send_json(Method::PUT, "/api/preferences", &all)
        .await?
        .expect(200)?
        .json()?;
    ensure!(kept == all, "{kept}");
    let part = json!({"theme": "light"});
    let kept = admin
        .send_json(Method::PUT, "/api/preferences", &part)
        .await?
        .expect(200)?
        .json()?;
    ensure!(
        kept["theme"] == "light" && kept["favorites"] == json!(["wiki"]),
        "{kept}"
    );
    let wrong = json!({"theme": "pink", "favorites": ["Not An Id"]});
    let told = admin
        .send_json(Method::PUT, "/api/preferences", &wrong)
        .await?
        .expect(422)?
        .json()?;
    ensure!(
        told["problems"]
            .as_array()
            .is_some_and(|problems| problems.len() == 2),
        "{told}"
    );
    let now = admin.get("/api/preferences").await?.expect(200)?.json()?;
    ensure!(now == kept, "{now}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_of_another_site_opens_is_not_counted() -> anyhow::Result<()> {
    let (_portal, admin) = scene().await?;
    admin
        .exactly(Method::GET, "/go/wiki", &[("sec-fetch-site", "cross-site")], "")
        .await?
        .expect(303)?;
    let counts = admin.get("/api/analytics").await?.expect(200)?.json()?;
    ensure!(counts["total_launches"] == 0, "{counts}");
    admin
        .send_json(Method::POST, "/api/analytics/launch", &json!({"app_id": "wiki"}))
        .await?
        .expect(204)?;
    let counts = admin.get("/api/analytics").await?.expect(200)?.json()?;
    ensure!(
        counts["total_launches"] == 1 && counts["apps"][0]["app_id"] == "wiki",
        "{counts}"
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

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_runs_as_the_caller_whatever_the_body_says() -> anyhow::Result<()> {
    let broken = app(
        "broken",
        "container",
        "",
        "localhost/launchpad-tests/never-built:1",
    );
    let portal = portal().seed(Seed::Apps(vec![broken])).start().await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let eve = portal.account("eve", "user", PASSWORD).await?;
    let own = ada.launch("broken").await?.id;
    let owner = ada
        .get(&format!("/api/sessions/{own}"))
        .await?
        .expect(200)?
        .json()?["user_id"]
        .clone();
    let body = json!({"app_id": "broken", "user_id": owner, "user": "ada", "status": "running"});
    let launched = eve
        .send_json(Method::POST, "/api/sessions", &body)
        .await?
        .expect(201)?
        .json()?;
    ensure!(
        launched["user_id"] != owner && launched["status"] == "creating",
        "{launched}"
    );
    for (who, id) in [
        (&ada, own.as_str()),
        (&eve, launched["id"].as_str().context("an id")?),
    ] {
        who.until(id, "failed").await?;
    }
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_read_on_an_address_of_their_own() -> anyhow::Result<()> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let broken = app(
        "broken",
        "container",
        "",
        "localhost/launchpad-tests/never-built:1",
    );
    let portal = portal()
        .seed(Seed::Apps(vec![broken]))
        .set("LAUNCHPAD_METRICS__BIND", &address)
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let session = ada.launch("broken").await?;
    ada.until(&session.id, "failed").await?;
    portal.stranger()?.get("/metrics").await?.expect(303)?;
    launchpad_tests::choose_tls();
    let figures = reqwest::get(format!("http://{address}/metrics"))
        .await?
        .text()
        .await?;
    for line in [
        "launchpad_sessions_launched_total 1",
        "launchpad_sessions_ended_total{status=\"failed\",reason=\"image_missing\"} 1",
        "launchpad_http_request_duration_seconds_bucket{method=\"POST\",status=\"2xx\"",
        "launchpad_connections ",
    ] {
        ensure!(figures.contains(line), "{line} is not in\n{figures}");
    }
    portal.engine()?.until_empty().await
}

async fn ids(client: &Client) -> anyhow::Result<Vec<String>> {
    let apps = client.get("/api/apps").await?.expect(200)?.json()?;
    let ids = apps.as_array().context("an array")?.iter();
    Ok(ids
        .filter_map(|app| app["id"].as_str().map(str::to_owned))
        .collect())
}
