//! Who may enter where: every route, tried by nobody, by a user, by another user and by an administrator.

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Portal, Seed, app, link};
use reqwest::Method;

use crate::{PASSWORD, portal};

/// A route and the status that {nobody, the session's owner, another user, an administrator} are answered by.
type Row = (&'static str, &'static str, [u16; 4]);

/// A page that is no page for nobody leads to the way in.
const TO_SIGN_IN: u16 = 303;

const ROWS: &[Row] = &[
    ("GET", "/", [TO_SIGN_IN, 200, 200, 200]),
    ("GET", "/apps/{id}", [TO_SIGN_IN, 200, 200, 200]),
    ("GET", "/go/{id}", [TO_SIGN_IN, 303, 303, 303]),
    ("GET", "/sessions", [TO_SIGN_IN, 200, 200, 200]),
    ("POST", "/sessions", [TO_SIGN_IN, 400, 400, 400]),
    ("GET", "/sessions/{id}", [TO_SIGN_IN, 200, 404, 200]),
    ("GET", "/sessions/{id}/events", [401, 200, 404, 200]),
    ("GET", "/sessions/{id}/open", [TO_SIGN_IN, 303, 404, 403]),
    ("POST", "/sessions/{id}/end", [TO_SIGN_IN, 303, 404, 303]),
    ("GET", "/account", [TO_SIGN_IN, 200, 200, 200]),
    ("POST", "/account/password", [TO_SIGN_IN, 422, 422, 422]),
    ("POST", "/account/tokens", [TO_SIGN_IN, 200, 200, 200]),
    ("POST", "/account/tokens/{id}/revoke", [TO_SIGN_IN, 404, 404, 404]),
    ("POST", "/sign-out", [TO_SIGN_IN, 303, 303, 303]),
    ("GET", "/admin", [TO_SIGN_IN, 403, 403, 303]),
    ("GET", "/admin/apps", [TO_SIGN_IN, 403, 403, 200]),
    ("GET", "/admin/apps/new", [TO_SIGN_IN, 403, 403, 200]),
    ("POST", "/admin/apps", [TO_SIGN_IN, 403, 403, 422]),
    ("GET", "/admin/apps/{id}", [TO_SIGN_IN, 403, 403, 200]),
    ("POST", "/admin/apps/{id}", [TO_SIGN_IN, 403, 403, 422]),
    ("GET", "/admin/apps/{id}/delete", [TO_SIGN_IN, 403, 403, 200]),
    ("GET", "/admin/sessions", [TO_SIGN_IN, 403, 403, 200]),
    ("GET", "/admin/workspaces", [TO_SIGN_IN, 403, 403, 200]),
    (
        "GET",
        "/admin/workspaces/{name}/delete",
        [TO_SIGN_IN, 403, 403, 404],
    ),
    (
        "POST",
        "/admin/workspaces/{name}/delete",
        [TO_SIGN_IN, 403, 403, 404],
    ),
    ("GET", "/admin/audit", [TO_SIGN_IN, 403, 403, 200]),
    ("GET", "/admin/analytics", [TO_SIGN_IN, 403, 403, 200]),
    ("GET", "/admin/plugins", [TO_SIGN_IN, 403, 403, 200]),
    ("POST", "/admin/plugins/reload", [TO_SIGN_IN, 403, 403, 303]),
    ("GET", "/admin/plugins/{id}", [TO_SIGN_IN, 403, 403, 200]),
    ("POST", "/admin/plugins/{id}/try", [TO_SIGN_IN, 403, 403, 422]),
    ("POST", "/admin/plugins/{id}/enable", [TO_SIGN_IN, 403, 403, 303]),
    ("POST", "/admin/plugins/{id}/disable", [TO_SIGN_IN, 403, 403, 303]),
    ("POST", "/admin/plugins/{id}/grants", [TO_SIGN_IN, 403, 403, 303]),
    ("GET", "/admin/users", [TO_SIGN_IN, 403, 403, 200]),
    ("POST", "/admin/users", [TO_SIGN_IN, 403, 403, 422]),
    ("POST", "/admin/users/{name}/disable", [TO_SIGN_IN, 403, 403, 404]),
    ("GET", "/sign-in", [200, 303, 303, 303]),
    ("POST", "/sign-in", [401, 401, 401, 401]),
    ("GET", "/setup", [404, 404, 404, 404]),
    ("POST", "/setup", [404, 404, 404, 404]),
    ("GET", "/api/apps", [401, 200, 200, 200]),
    ("POST", "/api/apps", [401, 403, 403, 422]),
    ("GET", "/api/apps/{id}", [401, 200, 200, 200]),
    ("PUT", "/api/apps/{id}", [401, 403, 403, 422]),
    ("POST", "/admin/apps/{id}/shift", [TO_SIGN_IN, 403, 403, 422]),
    ("PUT", "/api/app-order", [401, 403, 403, 400]),
    ("DELETE", "/api/apps/{id}", [401, 403, 403, 204]),
    // The app is gone by now.
    ("POST", "/admin/apps/{id}/delete", [TO_SIGN_IN, 403, 403, 404]),
    ("GET", "/api/deleted-apps", [401, 403, 403, 200]),
    ("POST", "/api/apps/{id}/restore", [401, 403, 403, 200]),
    // And was put back by now.
    ("POST", "/admin/apps/{id}/restore", [TO_SIGN_IN, 403, 403, 404]),
    ("GET", "/api/sessions", [401, 200, 200, 200]),
    ("POST", "/api/sessions", [401, 400, 400, 400]),
    ("GET", "/api/sessions/{id}", [401, 200, 404, 200]),
    ("DELETE", "/api/sessions/{id}", [401, 204, 404, 204]),
    ("GET", "/api/workspaces", [401, 200, 200, 200]),
    ("DELETE", "/api/workspaces/{name}", [401, 403, 403, 404]),
    ("GET", "/api/preferences", [401, 200, 200, 200]),
    ("PUT", "/api/preferences", [401, 200, 200, 200]),
    ("GET", "/api/plugins", [401, 403, 403, 200]),
    ("POST", "/api/plugins/reload", [401, 403, 403, 200]),
    ("GET", "/api/plugins/{id}", [401, 403, 403, 200]),
    ("GET", "/api/plugins/{id}/calls", [401, 403, 403, 200]),
    ("POST", "/api/plugins/{id}/disable", [401, 403, 403, 200]),
    ("POST", "/api/plugins/{id}/enable", [401, 403, 403, 200]),
    ("PUT", "/api/plugins/{id}/grants", [401, 403, 403, 400]),
    ("GET", "/api/audit", [401, 403, 403, 200]),
    ("GET", "/api/audit.csv", [401, 403, 403, 200]),
    ("GET", "/api/audit.jsonl", [401, 403, 403, 200]),
    ("GET", "/api/analytics", [401, 403, 403, 200]),
    ("GET", "/api/analytics.csv", [401, 403, 403, 200]),
    ("POST", "/api/analytics/launch", [401, 400, 400, 400]),
    ("GET", "/api/config", [200, 200, 200, 200]),
    ("GET", "/api/openapi.json", [401, 200, 200, 200]),
    ("GET", "/apps.json", [401, 200, 200, 200]),
    // The right is asked before whether it is a WebSocket at all.
    ("GET", "/ws/sessions/{id}", [401, 400, 404, 403]),
    ("GET", "/healthz", [200, 200, 200, 200]),
    ("GET", "/readyz", [200, 200, 200, 200]),
    ("GET", "/branding.css", [200, 200, 200, 200]),
    ("GET", "/favicon.ico", [200, 200, 200, 200]),
    ("GET", "/static/{*name}", [200, 200, 200, 200]),
];

struct Scene {
    portal: Portal,
    visitors: [(&'static str, Client); 4],
    session: String,
}

/// A portal with a link, a session of the user's that has ended, and somebody of each kind.
async fn scene() -> anyhow::Result<Scene> {
    let apps = vec![
        link("wiki", "https://wiki.example/"),
        app(
            "broken",
            "container",
            "",
            "localhost/launchpad-tests/never-built:1",
        ),
    ];
    let portal = portal().seed(Seed::Apps(apps)).start().await?;
    let user = portal.account("ada", "user", PASSWORD).await?;
    let session = user.launch("broken").await?.id;
    user.until(&session, "failed").await?;
    let visitors = [
        ("nobody", portal.stranger()?),
        ("the owner", user),
        ("another user", portal.account("eve", "user", PASSWORD).await?),
        (
            "an administrator",
            portal.account("root", "admin", PASSWORD).await?,
        ),
    ];
    Ok(Scene {
        portal,
        visitors,
        session,
    })
}

impl Scene {
    /// The path with something real in the place of its parameters.
    fn path(&self, pattern: &str) -> String {
        let id = match pattern {
            path if path.contains("/sessions/") => self.session.as_str(),
            path if path.contains("/plugins/") => "container",
            path if path.contains("/tokens/") => "01890000-0000-7000-8000-000000000000",
            _ => "wiki",
        };
        pattern
            .replace("{id}", id)
            .replace("{name}", "nobody-has-this-name")
            .replace("{*name}", "app.css")
    }
}

/// An empty body of the type that the route takes.
fn empty_body(method: &str, path: &str) -> (&'static [(&'static str, &'static str)], &'static str) {
    if method == "GET" || method == "DELETE" {
        (&[], "")
    } else if path.starts_with("/api/") {
        (&[("content-type", "application/json")], "{}")
    } else {
        (&[("content-type", "application/x-www-form-urlencoded")], "")
    }
}

#[test]
fn every_route_has_its_row_and_every_row_its_route() {
    let listed: Vec<String> = launchpad_server::routes()
        .iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    let rows: Vec<String> = ROWS
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let without_row: Vec<_> = listed.iter().filter(|route| !rows.contains(route)).collect();
    let without_route: Vec<_> = rows.iter().filter(|row| !listed.contains(row)).collect();
    assert!(
        without_row.is_empty(),
        "nobody has said who may enter {without_row:?}"
    );
    assert!(without_route.is_empty(), "no route: {without_route:?}");
    assert_eq!(rows.len(), listed.len(), "a row stands twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_enters_where_they_may_and_nowhere_else() -> anyhow::Result<()> {
    let scene = scene().await?;
    let mut wrong = Vec::new();
    for (method, pattern, expected) in ROWS {
        let path = scene.path(pattern);
        let (headers, body) = empty_body(method, &path);
        for ((who, visitor), expected) in scene.visitors.iter().zip(expected) {
            let answer = visitor.exactly(method.parse()?, &path, headers, body).await?;
            let status = answer.status.as_u16();
            if status != *expected {
                wrong.push(format!(
                    "{method} {path} as {who}: {status} instead of {expected}"
                ));
            }
            let is_page = !path.starts_with("/api/") && !path.starts_with("/ws/") && path != "/apps.json";
            let led = answer.location().is_some_and(|to| to.starts_with("/sign-in"));
            if *who == "nobody" && status == TO_SIGN_IN && !(is_page && led) {
                wrong.push(format!(
                    "{method} {path} as nobody leads to {:?}",
                    answer.location()
                ));
            }
        }
    }
    ensure!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_or_streamed_for_a_page_of_another_origin() -> anyhow::Result<()> {
    let scene = scene().await?;
    let mut admin = scene.portal.stranger()?;
    admin
        .submit("/sign-in", &[("name", "root"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    let cookie = admin.cookie().context("signed in")?.to_owned();
    let bare = scene.portal.stranger()?;
    let mut wrong = Vec::new();
    for (method, pattern, _) in ROWS
        .iter()
        .filter(|(method, path, _)| *method != "GET" || path.starts_with("/ws/"))
    {
        let path = scene.path(pattern);
        let (kind, body) = empty_body(method, &path);
        for origin in ["https://evil.example", "null", "http://localhost:1"] {
            let mut headers = kind.to_vec();
            headers.extend([("origin", origin), ("cookie", cookie.as_str())]);
            if path.starts_with("/ws/") {
                headers.extend([("connection", "upgrade"), ("upgrade", "websocket")]);
            }
            let answer = bare.exactly(method.parse()?, &path, &headers, body).await?;
            if answer.status != 403 {
                wrong.push(format!("{method} {path} from {origin}: {}", answer.status));
            }
        }
    }
    // A cookie without an origin was sent by no browser.
    let headers = [("cookie", cookie.as_str()), ("content-type", "application/json")];
    let answer = bare
        .exactly(Method::DELETE, "/api/apps/wiki", &headers, "")
        .await?;
    ensure!(
        answer.status == 403,
        "a cookie alone changes something: {}",
        answer.status
    );
    ensure!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    admin.get("/api/apps/wiki").await?.expect(200)?;
    let audit = admin.get("/api/audit").await?.expect(200)?;
    ensure!(
        audit.body.contains("REFUSE_ACCESS"),
        "refusals are in the audit log"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fragment_for_nobody_is_no_sign_in_page() -> anyhow::Result<()> {
    let scene = scene().await?;
    let nobody = scene.portal.stranger()?;
    for path in ["/", "/?q=wiki", "/sessions"] {
        nobody
            .exactly(Method::GET, path, &[("hx-request", "true")], "")
            .await?
            .expect(401)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_out_at_once() -> anyhow::Result<()> {
    let scene = scene().await?;
    let [_, (_, user), _, (_, admin)] = &scene.visitors;
    user.get("/api/apps").await?.expect(200)?;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    admin
        .exactly(Method::POST, "/admin/users/ada/disable", &form, "")
        .await?
        .expect(303)?;
    user.get("/api/apps").await?.expect(401)?;
    let mut browser = scene.portal.stranger()?;
    browser
        .submit("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await?
        .expect(401)?;
    Ok(())
}
