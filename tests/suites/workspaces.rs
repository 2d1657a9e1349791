//! Workspaces: kept for their user over whatever happens to sessions and portal, and deleted when an administrator says
//! so.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Cluster, PATIENCE, Portal, Recipe, Seed, app};
use reqwest::Method;
use serde_json::Value;

use crate::{PASSWORD, portal};

/// Where apps keep what is to stay.
const FILE: &str = "/home/user/workspace/note";

fn keeper(id: &str) -> Value {
    app(id, "container-pvc", "", "localhost/launchpad/desktop:1")
}

async fn workspaces(client: &Client) -> anyhow::Result<Vec<Value>> {
    let answer = client.get("/api/workspaces").await?.expect(200)?.json()?;
    Ok(answer.as_array().context("a list")?.clone())
}

/// Launches an app and waits until it runs.
async fn running(client: &Client, app: &str) -> anyhow::Result<String> {
    let id = client.launch(app).await?.id;
    client.until(&id, "running").await?;
    Ok(id)
}

async fn end(portal: &Portal, client: &Client, session: &str) -> anyhow::Result<()> {
    client.end(session).await?;
    portal.engine()?.until_empty().await
}

fn inside(portal: &Portal, session: &str, command: &str) -> anyhow::Result<String> {
    portal.engine()?.inside(session, "app", command)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_keeps_is_found_again_by_nobody_else_until_it_is_deleted() -> anyhow::Result<()> {
    keep_and_delete(portal()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_kubernetes() -> anyhow::Result<()> {
    let namespace = Cluster::get().await?.namespace().await?;
    keep_and_delete(portal().in_namespace(&namespace)).await
}

async fn keep_and_delete(recipe: Recipe) -> anyhow::Result<()> {
    let mut portal = recipe.seed(Seed::Apps(vec![keeper("keep")])).start().await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let eve = portal.account("eve", "user", PASSWORD).await?;
    let root = portal.account("root", "admin", PASSWORD).await?;

    let first = running(&ada, "keep").await?;
    inside(&portal, &first, &format!("echo kept > {FILE}"))?;
    let listed = workspaces(&ada).await?;
    ensure!(
        listed.len() == 1 && listed[0]["user"] == "ada" && listed[0]["app_id"] == "keep",
        "{listed:?}"
    );
    ensure!(
        listed[0]["size"] == "5Gi" && listed[0]["sessions"][0] == first.as_str(),
        "{listed:?}"
    );
    let name = listed[0]["name"].as_str().context("a name")?.to_owned();
    ensure!(workspaces(&eve).await?.is_empty(), "a user sees another's");
    let path = format!("/api/workspaces/{name}");
    eve.delete(&path).await?.expect(403)?;
    let refused = root.delete(&path).await?.expect(409)?;
    ensure!(refused.body.contains(&first), "{}", refused.body);
    let second = ada.launch("keep").await?.id;
    let failed = ada.until(&second, "failed").await?;
    ensure!(
        failed
            .reason
            .as_ref()
            .is_some_and(|reason| reason == "workspace_in_use"),
        "{failed:?}"
    );

    portal.kill().await?;
    portal.start_again().await?;
    ensure!(inside(&portal, &first, &format!("cat {FILE}"))? == "kept", "lost");
    end(&portal, &ada, &first).await?;
    let again = running(&ada, "keep").await?;
    ensure!(
        inside(&portal, &again, &format!("cat {FILE}"))? == "kept",
        "a relaunch lost the file"
    );
    let of_eve = running(&eve, "keep").await?;
    ensure!(
        inside(&portal, &of_eve, &format!("cat {FILE}")).is_err(),
        "a user has another's file"
    );
    eve.end(&of_eve).await?;
    end(&portal, &ada, &again).await?;

    delete(&portal, &root, &name).await?;
    ensure!(workspaces(&ada).await?.is_empty(), "still there");
    let anew = running(&ada, "keep").await?;
    ensure!(
        inside(&portal, &anew, &format!("cat {FILE}")).is_err(),
        "a deleted workspace came back"
    );
    end(&portal, &ada, &anew).await
}

/// Deletes a workspace on the pages, as an administrator does.
async fn delete(portal: &Portal, root: &Client, name: &str) -> anyhow::Result<()> {
    let mut browser = portal.stranger()?;
    browser
        .submit("/sign-in", &[("name", "root"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    for (filter, others) in [("ada", false), ("", true), ("keep eve", true)] {
        let list = browser
            .get(&format!("/admin/workspaces?q={}", filter.replace(' ', "+")))
            .await?
            .expect(200)?;
        ensure!(list.body.contains("<bdi>eve</bdi>") == others, "{}", list.body);
    }
    let question = format!("/admin/workspaces/{name}/delete");
    let asked = browser.get(&question).await?.expect(200)?;
    ensure!(asked.body.contains("<bdi>ada</bdi>"), "{}", asked.body);
    browser.submit(&question, &[]).await?.expect(303)?;
    let deadline = Instant::now() + PATIENCE;
    while workspaces(root).await?.iter().any(|one| one["name"] == name) {
        ensure!(Instant::now() < deadline, "{name} does not go");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let written = root
        .get(&format!("/api/audit?action=DELETE_WORKSPACE&target={name}"))
        .await?
        .expect(200)?
        .json()?;
    ensure!(
        written.as_array().map(Vec::len) == Some(1) && written[0]["user"] == "root",
        "{written}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_tells_what_one_keeps() -> anyhow::Result<()> {
    let portal = portal()
        .seed(Seed::Apps(vec![keeper("keep"), keeper("shared")]))
        .start()
        .await?;
    let root = portal.account("root", "admin", PASSWORD).await?;
    let shared = serde_json::json!({"name": "Shared", "launch_type": "container-pvc",
        "container_image": "localhost/launchpad/desktop:1", "settings": {"workspace_sharing": "join"}});
    root.send_json(Method::PUT, "/api/apps/shared", &shared)
        .await?
        .expect(200)?;
    let mut browser = portal.stranger()?;
    browser
        .submit("/sign-in", &[("name", "root"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    let none = browser.get("/account").await?.expect(200)?;
    ensure!(none.body.contains("You have none."), "{}", none.body);

    let one = running(&root, "shared").await?;
    let other = running(&root, "shared").await?;
    inside(&portal, &one, &format!("echo together > {FILE}"))?;
    ensure!(
        inside(&portal, &other, &format!("cat {FILE}"))? == "together",
        "two sessions share no workspace"
    );
    let page = browser.get("/account").await?.expect(200)?;
    ensure!(
        page.body.contains("5Gi") && page.body.contains("In use"),
        "{}",
        page.body
    );
    root.end(&one).await?;
    root.end(&other).await?;
    portal.engine()?.until_empty().await
}
