//! The way of a person and of a script through the real program, over HTTP.

use anyhow::{Context, ensure};
use launchpad_tests::{Postgres, Seed, desktop, link};
use reqwest::Method;
use serde_json::json;

use crate::engines::use_a_desktop;
use crate::{PASSWORD, portal};

#[tokio::test(flavor = "multi_thread")]
async fn the_setup_link_makes_the_first_administrator_and_no_second_one() -> anyhow::Result<()> {
    let portal = portal().seed(Seed::Example).start().await?;
    let link = portal.setup_link().await?;
    let (page, token) = link
        .split_once('#')
        .context("the token is in the link's fragment")?;
    ensure!(page == format!("{}/setup", portal.url()), "{page}");

    let mut ada = portal.stranger()?;
    ada.get("/setup").await?.expect(200)?;
    let fields = [("token", token), ("name", "ada"), ("password", PASSWORD)];
    let answer = ada.submit("/setup", &fields).await?.expect(303)?;
    ensure!(
        answer.location() == Some("/"),
        "setup leads to {:?}",
        answer.location()
    );
    let catalogue = ada.get("/").await?.expect(200)?;
    ensure!(
        catalogue.body.contains("Debian packages"),
        "the seed is not in the catalogue"
    );

    let mut eve = portal.stranger()?;
    let fields = [("token", token), ("name", "eve"), ("password", PASSWORD)];
    eve.submit("/setup", &fields).await?.expect(404)?;
    eve.get("/setup").await?.expect(404)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_app_leads_to_its_address_and_is_counted_once() -> anyhow::Result<()> {
    let portal = portal()
        .seed(Seed::Apps(vec![link("wiki", "https://wiki.example/start")]))
        .start()
        .await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;

    let answer = ada.get("/go/wiki").await?;
    ensure!(answer.status.is_redirection(), "{}", answer.status);
    ensure!(
        answer.location() == Some("https://wiki.example/start"),
        "{:?}",
        answer.location()
    );

    let counts = ada.get("/api/analytics").await?.expect(200)?.json()?;
    ensure!(counts["total_launches"] == 1, "{counts}");
    let sessions = ada.get("/api/sessions").await?.expect(200)?.json()?;
    ensure!(sessions == json!([]), "a link makes no session: {sessions}");
    let refused = ada
        .send_json(Method::POST, "/api/sessions", &json!({ "app_id": "wiki" }))
        .await?
        .expect(422)?;
    ensure!(
        refused.body.contains("/go/wiki"),
        "the refusal names the link: {}",
        refused.body
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_app_runs_with_its_session_in_postgresql() -> anyhow::Result<()> {
    let server = Postgres::start().await?;
    let recipe = portal().database(server.url());
    use_a_desktop(recipe.seed(Seed::Apps(vec![desktop("desktop")]))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_its_owner_sees_a_session_or_its_screen() -> anyhow::Result<()> {
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let eve = portal.account("eve", "user", PASSWORD).await?;
    let root = portal.account("root", "admin", PASSWORD).await?;
    let launched = ada.launch("desktop").await?;
    let running = ada.until(&launched.id, "running").await?;
    let path = format!("/api/sessions/{}", running.id);

    portal.stranger()?.get(&path).await?.expect(401)?;
    eve.get(&path).await?.expect(404)?;
    eve.delete(&path).await?.expect(404)?;
    root.get(&path).await?.expect(200)?;
    for (who, visitor) in [
        ("nobody", portal.stranger()?),
        ("another user", eve),
        ("an administrator", root.clone()),
    ] {
        ensure!(visitor.screen(&running).await.is_err(), "{who} opened the screen");
    }
    root.end(&running.id).await?;
    portal.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill() -> anyhow::Result<()> {
    let mut portal = portal().start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    let app = link("wiki", "https://wiki.example/");
    ada.send_json(Method::POST, "/api/apps", &app)
        .await?
        .expect(201)?;
    portal.kill().await?;
    portal.start_again().await?;
    ada.get("/api/apps/wiki").await?.expect(200)?;
    let audit = ada.get("/api/audit").await?.expect(200)?;
    ensure!(audit.body.contains("CREATE_APP"), "{}", audit.body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_cut_when_its_viewer_loses_the_right() -> anyhow::Result<()> {
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let root = portal.account("root", "admin", PASSWORD).await?;
    let launched = ada.launch("desktop").await?;
    let running = ada.until(&launched.id, "running").await?;
    let mut screen = ada.screen(&running).await?;
    // By a command, so that the serving process is not told and has to look.
    let disabled = portal.run(&["user", "disable", "ada"], "").await?;
    ensure!(disabled.status.success(), "{disabled:?}");
    ensure!(
        screen.until_closed().await? == "right-lost",
        "the viewer is told why"
    );
    ada.get("/api/sessions").await?.expect(401)?;
    root.end(&running.id).await?;
    portal.engine()?.until_empty().await
}
