//! Cookies and passwords: what a browser is given, for how long it counts, and what guessing leads to.

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Portal};
use reqwest::Method;

use crate::{PASSWORD, portal};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const ADAS: &str = "name=ada&password=correct+horse+battery+staple";

async fn with_ada(public_url: &str) -> anyhow::Result<Portal> {
    let recipe = match public_url {
        "" => portal(),
        url => portal().set("LAUNCHPAD_PUBLIC_URL", url),
    };
    let portal = recipe.start().await?;
    portal.account("ada", "admin", PASSWORD).await?;
    Ok(portal)
}

/// Signs in from a page of this origin, and answers the whole cookie.
async fn cookie_from(visitor: &Client, origin: &str) -> anyhow::Result<String> {
    let headers = [FORM, ("origin", origin)];
    let answer = visitor
        .exactly(Method::POST, "/sign-in", &headers, ADAS)
        .await?
        .expect(303)?;
    let cookie = answer.headers.get("set-cookie").context("no cookie")?;
    Ok(cookie.to_str()?.to_owned())
}

async fn status_with(visitor: &Client, cookie: &str) -> anyhow::Result<u16> {
    let answer = visitor
        .exactly(Method::GET, "/api/apps", &[("cookie", cookie)], "")
        .await?;
    Ok(answer.status.as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_this_machine_the_cookie_is_guarded() -> anyhow::Result<()> {
    let portal = with_ada("").await?;
    let visitor = portal.stranger()?;
    let cookie = cookie_from(&visitor, &portal.url()).await?;
    ensure!(cookie.starts_with("__Host-launchpad="), "{cookie}");
    for part in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        ensure!(cookie.contains(part), "{part} is not in {cookie}");
    }
    ensure!(!cookie.contains("Domain"), "{cookie}");
    let page = visitor.get("/sign-in").await?.expect(200)?;
    ensure!(
        !page.body.contains("not encrypted"),
        "a warning where none is due"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn over_plain_http_from_elsewhere_one_gets_in_and_is_warned() -> anyhow::Result<()> {
    let url = "http://apps.example:8080";
    let portal = with_ada(url).await?;
    let visitor = portal.stranger()?;
    let cookie = cookie_from(&visitor, url).await?;
    ensure!(
        cookie.starts_with("launchpad=") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap_or_default();
    ensure!(
        status_with(&visitor, pair).await? == 200,
        "the cookie does not count"
    );
    let page = visitor
        .exactly(Method::GET, "/", &[("cookie", pair)], "")
        .await?
        .expect(200)?;
    ensure!(page.body.contains("not encrypted"), "no warning");
    // The portal is reached at one address only: this machine's own names are foreign to it.
    let headers = [FORM, ("origin", "http://localhost:8080")];
    visitor
        .exactly(Method::POST, "/sign-in", &headers, ADAS)
        .await?
        .expect(403)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_a_plain_cookie_is_never_accepted() -> anyhow::Result<()> {
    let url = "https://apps.example";
    let portal = with_ada(url).await?;
    let visitor = portal.stranger()?;
    let cookie = cookie_from(&visitor, url).await?;
    let secret = cookie
        .split(';')
        .next()
        .and_then(|pair| pair.strip_prefix("__Host-launchpad="))
        .with_context(|| cookie.clone())?;
    ensure!(status_with(&visitor, &format!("__Host-launchpad={secret}")).await? == 200);
    for other in ["launchpad", "__host-launchpad", "__Secure-launchpad"] {
        ensure!(
            status_with(&visitor, &format!("{other}={secret}")).await? == 401,
            "{other}"
        );
    }
    let page = visitor.get("/sign-in").await?.expect(200)?;
    ensure!(page.headers.contains_key("strict-transport-security"), "no HSTS");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_cookie_and_a_new_password_ends_the_others() -> anyhow::Result<()> {
    let portal = with_ada("").await?;
    let mut here = portal.stranger()?;
    let mut there = portal.stranger()?;
    let credentials = [("name", "ada"), ("password", PASSWORD)];
    for browser in [&mut here, &mut there] {
        browser.submit("/sign-in", &credentials).await?.expect(303)?;
    }
    let wrong = [
        ("current_password", "not it"),
        ("new_password", "a quite different one"),
    ];
    here.submit("/account/password", &wrong).await?.expect(422)?;
    there.get("/api/apps").await?.expect(200)?;
    let right = [
        ("current_password", PASSWORD),
        ("new_password", "a quite different one"),
    ];
    here.submit("/account/password", &right).await?.expect(303)?;
    here.get("/api/apps").await?.expect(200)?;
    there.get("/api/apps").await?.expect(401)?;

    let old = here.cookie().context("signed in")?.to_owned();
    here.submit("/sign-out", &[]).await?.expect(303)?;
    ensure!(
        status_with(&portal.stranger()?, &old).await? == 401,
        "the old cookie still counts"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_tells_nothing_and_is_slowed_down() -> anyhow::Result<()> {
    let portal = with_ada("").await?;
    let mut visitor = portal.stranger()?;
    let known = visitor
        .submit("/sign-in", &[("name", "ada"), ("password", "wrong")])
        .await?
        .expect(401)?;
    let unknown = visitor
        .submit("/sign-in", &[("name", "eve"), ("password", "wrong")])
        .await?
        .expect(401)?;
    ensure!(
        known.body.replace("ada", "") == unknown.body.replace("eve", ""),
        "the answer tells whether there is such a name"
    );
    let mut last = known;
    for _ in 0..12 {
        last = visitor
            .submit("/sign-in", &[("name", "ada"), ("password", "wrong")])
            .await?;
    }
    ensure!(
        last.status == 429 && last.headers.contains_key("retry-after"),
        "{}",
        last.status
    );
    // The right password, too, has to wait now; another name does not.
    visitor
        .submit("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await?
        .expect(429)?;
    visitor
        .submit("/sign-in", &[("name", "eve"), ("password", "wrong")])
        .await?
        .expect(401)?;
    Ok(())
}
