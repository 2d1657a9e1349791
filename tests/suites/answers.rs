//! What scripts are answered, above all when they send something wrong: nothing is changed then.

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Portal, Seed, app, link};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PASSWORD, portal};

/// A portal with one link, and its administrator.
pub(crate) async fn scene() -> anyhow::Result<(Portal, Client)> {
    let portal = portal()
        .seed(Seed::Apps(vec![link("wiki", "https://wiki.example/")]))
        .start()
        .await?;
    let admin = portal.account("root", "admin", PASSWORD).await?;
    Ok((portal, admin))
}

pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

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

pub(crate) async fn ids(client: &Client) -> anyhow::Result<Vec<String>> {
    let apps = client.get("/api/apps").await?.expect(200)?.json()?;
    let ids = apps.as_array().context("an array")?.iter();
    Ok(ids
        .filter_map(|app| app["id"].as_str().map(str::to_owned))
        .collect())
}
