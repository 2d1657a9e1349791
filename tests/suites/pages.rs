//! Sessions that serve web pages: opened by their owner at an origin of their own, and by nobody else.
//!
//! The app is a real container of the example image with Python in it, whose small server tells what reached it.

use std::time::Duration;

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Cluster, Origin, Portal, Recipe, Session, app};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PASSWORD, portal};

/// Answers with what it was sent, and with hostile headers; speaks WebSocket as far as one echoed frame needs.
const SERVER: &str = include_str!("pages/server.py");

/// An app whose image runs that server.
pub(crate) fn echo(id: &str, more: &Value) -> Value {
    let mut app = app(id, "container", "", "localhost/launchpad/web:1");
    // An argument has at most 4,096 bytes, and Podman 4.3 cannot read one of several lines that begins with a space.
    let (first, rest) = SERVER.split_at(SERVER.find("# more").unwrap_or(SERVER.len()));
    app["settings"] = json!({"http_port": 8000, "http_path": "/first?page=1",
        "args": ["python3", "-u", "-c", "import sys; exec(sys.argv[1] + sys.argv[2])", first, rest]});
    if let (Some(settings), Some(more)) = (app["settings"].as_object_mut(), more.as_object()) {
        settings.extend(more.clone());
    }
    app
}

struct Scene {
    portal: Portal,
    owner: Client,
    browser: Client,
    session: Session,
}

async fn scene() -> anyhow::Result<Scene> {
    scene_of(portal()).await
}

async fn scene_of(recipe: Recipe) -> anyhow::Result<Scene> {
    let portal = recipe
        .seed(launchpad_tests::Seed::Apps(vec![echo("echo", &json!({}))]))
        .start()
        .await?;
    let owner = portal.account("ada", "user", PASSWORD).await?;
    let browser = signed_in(&portal, "ada").await?;
    let launched = owner.launch("echo").await?;
    let session = owner.until(&launched.id, "running").await?;
    Ok(Scene {
        portal,
        owner,
        browser,
        session,
    })
}

async fn signed_in(portal: &Portal, name: &str) -> anyhow::Result<Client> {
    let mut browser = portal.stranger()?;
    let fields = [("name", name), ("password", PASSWORD)];
    browser.submit("/sign-in", &fields).await?.expect(303)?;
    Ok(browser)
}

/// Enters the session as its owner's browser does.
async fn entered(browser: &Client, session: &Session) -> anyhow::Result<Origin> {
    let open = session
        .open_url
        .as_deref()
        .context("the session is opened nowhere")?;
    let answer = browser.get(open).await?.expect(303)?;
    let mut origin = Origin::of(answer.location().context("the way in leads nowhere")?)?;
    let page = origin.enter().await?;
    ensure!(page.status == 200, "{}: {}", page.status, page.body);
    ensure!(
        page.body.contains("url=/first?page=1"),
        "the first page: {}",
        page.body
    );
    Ok(origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_reach_their_owner_and_no_credential_reaches_the_app() -> anyhow::Result<()> {
    pages_reach_their_owner(portal()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_pod_reach_their_owner_by_its_address_and_through_the_api_server() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    for way in ["address", "forward"] {
        let recipe = portal()
            .in_namespace(&namespace)
            .set("LAUNCHPAD_KUBERNETES__CONNECT", way);
        pages_reach_their_owner(recipe).await.context(way)?;
    }
    Ok(())
}

async fn pages_reach_their_owner(recipe: Recipe) -> anyhow::Result<()> {
    let Scene {
        portal,
        owner,
        browser,
        session,
    } = scene_of(recipe).await?;
    ensure!(session.websocket_url.is_none(), "there is no screen");
    let shown = browser
        .get(&format!("/sessions/{}", session.id))
        .await?
        .expect(200)?;
    ensure!(
        shown.body.contains(&format!("/sessions/{}/open", session.id)),
        "no way in: {}",
        shown.body
    );
    let origin = entered(&browser, &session).await?;

    let headers = [
        ("authorization", "Bearer lpt_secret"),
        ("x-forwarded-user", "root"),
        ("x_forwarded_for", "6.6.6.6"),
        ("connection", "x-thing"),
        ("x-thing", "1"),
        ("accept-language", "de"),
    ];
    let more_cookies = "; theme=dark; __Host-launchpad=portal; launchpad=plain";
    let seen = origin
        .get_with("/echo?a=1", &headers, more_cookies)
        .await?
        .expect(200)?
        .json()?;
    ensure!(seen["path"] == "/echo?a=1", "{seen}");
    ensure!(seen["headers"]["host"] == origin.host(), "{seen}");
    ensure!(seen["headers"]["cookie"] == "theme=dark", "{seen}");
    ensure!(seen["headers"]["accept-language"] == "de", "{seen}");
    ensure!(seen["headers"]["x-forwarded-for"] == "127.0.0.1", "{seen}");
    for absent in ["authorization", "x-forwarded-user", "x_forwarded_for", "x-thing"] {
        ensure!(
            seen["headers"].get(absent).is_none(),
            "{absent} reached the app: {seen}"
        );
    }

    let hostile = origin.get("/hostile").await?.expect(200)?;
    let cookies: Vec<_> = hostile.headers.get_all("set-cookie").iter().collect();
    ensure!(cookies == ["mine=1; Path=/"], "{cookies:?}");
    for absent in [
        "clear-site-data",
        "strict-transport-security",
        "service-worker-allowed",
        "alt-svc",
        "content-security-policy-report",
    ] {
        ensure!(
            hostile.headers.get(absent).is_none(),
            "{absent} reached the browser"
        );
    }
    ensure!(
        hostile
            .headers
            .get("x-content-type-options")
            .is_some_and(|value| value == "nosniff")
    );
    ensure!(
        hostile
            .headers
            .get("content-security-policy")
            .is_some_and(|value| value == "frame-ancestors 'self'")
    );

    let sent = origin
        .post("/echo", vec![b'x'; 300_000])
        .await?
        .expect(200)?
        .json()?;
    ensure!(sent["length"] == 300_000, "{sent}");
    let large = origin.get("/large").await?.expect(200)?;
    ensure!(large.body.len() == 5_000_000, "{} bytes came", large.body.len());

    owner.end(&session.id).await?;
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_enters_and_a_code_works_once() -> anyhow::Result<()> {
    let Scene {
        portal,
        owner,
        browser,
        session,
    } = scene().await?;
    let open = format!("/sessions/{}/open", session.id);
    portal.account("eve", "user", PASSWORD).await?;
    portal.account("root", "admin", PASSWORD).await?;
    signed_in(&portal, "eve").await?.get(&open).await?.expect(404)?;
    signed_in(&portal, "root").await?.get(&open).await?.expect(403)?;

    // A page of another site, or of another session, leads the browser there: the person is asked.
    for site in ["cross-site", "same-site"] {
        let led = browser
            .exactly(Method::GET, &open, &[("sec-fetch-site", site)], "")
            .await?
            .expect(303)?;
        ensure!(
            led.location() == Some(format!("/sessions/{}", session.id).as_str()),
            "{led:?}"
        );
    }
    // A script has no browser to open.
    let led = owner.get(&open).await?.expect(303)?;
    ensure!(
        led.location() == Some(format!("/sessions/{}", session.id).as_str()),
        "{led:?}"
    );

    let way_in = browser.get(&open).await?.expect(303)?;
    let way_in = way_in.location().context("the way in leads nowhere")?.to_owned();
    let mut first = Origin::of(&way_in)?;
    first.enter().await?.expect(200)?;
    first.get("/echo").await?.expect(200)?;
    let mut second = Origin::of(&way_in)?;
    second.enter().await?.expect(403)?;
    second.get("/echo").await?.expect(401)?;

    // A code for one session opens no other one.
    let other = owner.until(&owner.launch("echo").await?.id, "running").await?;
    let code = browser.get(&open).await?.expect(303)?;
    let code = code
        .location()
        .context("a way in")?
        .replace(&session.id, &other.id);
    Origin::of(&code)?.enter().await?.expect(403)?;
    // Nor does a cookie.
    let stolen = first.with_host_of(&other.id);
    stolen.get("/echo").await?.expect(401)?;

    // What another origin makes a browser send is refused, whatever cookie it shows.
    let own = first.origin();
    for (headers, status) in [
        (vec![("sec-fetch-site", "same-origin")], 200),
        (vec![("sec-fetch-site", "none")], 200),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", own.as_str())], 200),
    ] {
        first
            .get_with("/echo", &headers, "")
            .await?
            .expect(status)
            .with_context(|| format!("{headers:?}"))?;
    }
    let portals = portal.url();
    for (origin, status) in [
        (Some(own.as_str()), 200),
        (Some(portals.as_str()), 403),
        (None, 403),
    ] {
        first
            .post_from("/echo", origin)
            .await?
            .expect(status)
            .with_context(|| format!("{origin:?}"))?;
        first.upgrade_status(origin).await.and_then(|seen| {
            let wanted = if status == 200 { 101 } else { status };
            ensure!(seen == wanted, "{seen} instead of {wanted} for {origin:?}");
            Ok(())
        })?;
    }
    // Two cookies of one name are none.
    let twice = format!("; {}", first.cookie().context("a cookie")?);
    first.get_with("/echo", &[], &twice).await?.expect(401)?;
    // A host name in the domain that is no session's, and one that would be two.
    first.with_host("apps.localhost").get("/").await?.expect(421)?;
    first
        .with_host(&format!("x.{}", first.host()))
        .get("/")
        .await?
        .expect(421)?;
    // The portal's routes are not there: it is the app that answers.
    ensure!(first.get("/api/config").await?.json()?["path"] == "/api/config");

    for id in [&session.id, &other.id] {
        owner.end(id).await?;
    }
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_and_an_answer_that_lasts_are_cut_with_the_right_to_see_them() -> anyhow::Result<()> {
    let Scene {
        portal,
        owner,
        browser,
        session,
    } = scene().await?;
    let origin = entered(&browser, &session).await?;
    let mut socket = origin.socket("/socket").await?;
    socket.echo(b"hello through the tunnel").await?;
    let mut lasting = origin.lasting("/lasting").await?;
    ensure!(lasting.chunk().await?.is_some(), "it begins");

    let out = portal.run(&["user", "disable", "ada"], "").await?;
    ensure!(out.status.success(), "{out:?}");
    let cut = async {
        socket.until_closed().await;
        while let Ok(Some(_)) = lasting.chunk().await {}
    };
    tokio::time::timeout(Duration::from_secs(15), cut)
        .await
        .context("they went on without a right")?;
    origin.get("/echo").await?.expect(401)?;
    drop(owner);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_end_with_their_session() -> anyhow::Result<()> {
    let Scene {
        portal,
        owner,
        browser,
        session,
    } = scene().await?;
    let origin = entered(&browser, &session).await?;
    let mut lasting = origin.lasting("/lasting").await?;
    ensure!(lasting.chunk().await?.is_some(), "it begins");
    owner.end(&session.id).await?;
    let ended = async { while let Ok(Some(_)) = lasting.chunk().await {} };
    tokio::time::timeout(Duration::from_secs(15), ended)
        .await
        .context("it went on after the end")?;
    portal.engine()?.until_empty().await?;
    origin.get("/echo").await?.expect(404)?;
    let led = origin.navigate("/").await?.expect(303)?;
    ensure!(
        led.location()
            .is_some_and(|to| to.ends_with(&format!("/sessions/{}", session.id))),
        "{led:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_runs_once_its_page_is_well_and_fails_in_the_time_that_the_plan_says() -> anyhow::Result<()>
{
    let slow = echo("slow", &json!({"http_path": "/slow", "env": {"UNWELL": "3"}}));
    let portal = portal()
        .seed(launchpad_tests::Seed::Apps(vec![slow]))
        .start()
        .await?;
    let owner = portal.account("ada", "user", PASSWORD).await?;
    let browser = signed_in(&portal, "ada").await?;
    let session = owner.until(&owner.launch("slow").await?.id, "running").await?;
    let open = session.open_url.as_deref().context("a way in")?;
    let mut origin = Origin::of(
        browser
            .get(open)
            .await?
            .expect(303)?
            .location()
            .context("a way in")?,
    )?;
    origin.enter().await?.expect(200)?;
    // It answered 503 three times, and was not shown before it was well.
    origin.get("/slow").await?.expect(200)?;
    let asked = origin.get("/asked").await?.json()?;
    ensure!(
        asked["503"] == 3,
        "the page was shown while it was unwell: {asked}"
    );
    owner.end(&session.id).await?;
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_domain_for_apps_a_launch_says_what_to_set() -> anyhow::Result<()> {
    let portal = portal()
        .seed(launchpad_tests::Seed::Apps(vec![echo("echo", &json!({}))]))
        .set("LAUNCHPAD_PUBLIC_URL", "https://portal.example.org")
        .start()
        .await?;
    let owner = portal.account("ada", "user", PASSWORD).await?;
    let failed = owner.until(&owner.launch("echo").await?.id, "failed").await?;
    let told = owner.get(&format!("/api/sessions/{}", failed.id)).await?.json()?;
    ensure!(told["reason"] == "plan_rejected", "{told}");
    ensure!(
        told["detail"].to_string().contains("sessions.apps_domain"),
        "{told}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_servers_could_read_differently_reaches_no_app() -> anyhow::Result<()> {
    let Scene {
        portal,
        owner,
        browser,
        session,
    } = scene().await?;
    let origin = entered(&browser, &session).await?;
    let own = origin.origin();
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    for (head, body) in [
        (
            "POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            chunked,
        ),
        (
            "POST /echo HTTP/1.1\r\ntransfer-encoding: chunked, identity\r\n",
            chunked,
        ),
        ("POST /echo HTTP/1.1\r\ntransfer-encoding: xchunked\r\n", chunked),
        ("POST /echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n", chunked),
        (
            "POST /echo HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n",
            "hello",
        ),
        ("POST /echo HTTP/1.1\r\ncontent-length: +5\r\n", "hello"),
        ("POST /echo HTTP/1.1\r\ncontent-length : 5\r\n", "hello"),
        ("POST /echo HTTP/1.1\r\ncontent-length: 99999999999\r\n", "hello"),
        ("GET /echo HTTP/1.1\r\nhost: localhost\r\n", ""),
        ("GET http://localhost/echo HTTP/1.1\r\n", ""),
        ("CONNECT 169.254.169.254:80 HTTP/1.1\r\n", ""),
        ("GET /echo HTTP/1.1\r\nx: a\r\n folded\r\n", ""),
    ] {
        let head = format!("{head}origin: {own}\r\n");
        let answer = origin.raw(&head, body).await.unwrap_or_default();
        ensure!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"),
            "{head}{body} was answered {answer}"
        );
    }
    // Two lengths, of which the coding counts (RFC 9112, section 6.3): the app gets one, which is the portal's own.
    for (head, body) in [
        ("transfer-encoding: chunked\r\ncontent-length: 99\r\n", chunked),
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", smuggled),
    ] {
        let head = format!("POST /echo HTTP/1.1\r\n{head}origin: {own}\r\n");
        let answer = origin.raw(&head, body).await?;
        ensure!(
            answer.starts_with("HTTP/1.1 200") && !answer.contains("\"content-length\""),
            "{answer}"
        );
    }
    // Only a WebSocket is an upgrade: what follows another one stays a request, and the app is not told of it.
    let h2c = format!("GET /echo HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\norigin: {own}\r\n");
    let answer = origin.raw(&h2c, "").await?;
    ensure!(
        answer.starts_with("HTTP/1.1 200") && !answer.contains("h2c"),
        "{answer}"
    );
    let asked = origin.get("/asked").await?.json()?;
    ensure!(
        asked["paths"]
            .as_array()
            .is_some_and(|paths| paths.iter().all(|path| path != "/smuggled")),
        "{asked}"
    );
    owner.end(&session.id).await?;
    portal.engine()?.until_empty().await
}
