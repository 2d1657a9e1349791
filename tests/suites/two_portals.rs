//! Two portals on one PostgreSQL, with real containers: one leads, both serve, and either may die at any moment.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::future::join_all;
use launchpad_tests::{Client, PATIENCE, Portal, Postgres, Recipe, Seed, desktop, link};
use reqwest::Method;
use serde_json::{Value, json};

use crate::commands::says;
use crate::plugins::write_asking;
use crate::{PASSWORD, portal};

/// How soon a right that ended, or a session, is seen on an open screen.
const CUT: Duration = Duration::from_secs(5);

/// Two portals of one organisation. Dropped, everything is gone.
struct Pair {
    one: Portal,
    two: Portal,
    _key: tempfile::TempDir,
    _server: Postgres,
}

impl Pair {
    /// The first is there before the second, so it leads.
    async fn start() -> anyhow::Result<Self> {
        let server = Postgres::start().await?;
        let key = tempfile::tempdir()?;
        let file: PathBuf = key.path().join("audit-key");
        let plugins = key.path().join("plugins");
        write_asking(&plugins)?;
        let recipe = |seed: Option<Seed>| -> Recipe {
            let recipe = portal()
                .database(server.url())
                .set("LAUNCHPAD_AUDIT__KEY_FILE", file.clone().into_os_string())
                .set("LAUNCHPAD_PLUGINS__DIRS", plugins.clone())
                .set("LAUNCHPAD_SESSIONS__PER_USER", "3");
            match seed {
                Some(seed) => recipe.seed(seed),
                None => recipe,
            }
        };
        let apps = vec![desktop("desktop"), link("wiki", "https://wiki.example/")];
        let one = recipe(Some(Seed::Apps(apps))).start().await?;
        until_leads(&one, true).await?;
        let two = recipe(None).start().await?;
        ensure!(!leads(&two).await?, "two lead");
        Ok(Self {
            one,
            two,
            _key: key,
            _server: server,
        })
    }

    /// The same account at both.
    async fn account(&self, name: &str, role: &str) -> anyhow::Result<(Client, Client)> {
        let here = self.one.account(name, role, PASSWORD).await?;
        let there = Client::with_token(&self.two.url(), here.token().context("a token")?)?;
        Ok((here, there))
    }
}

/// Somebody who has signed in there.
async fn browser(portal: &Portal, name: &str) -> anyhow::Result<Client> {
    let mut browser = portal.stranger()?;
    let fields = [("name", name), ("password", PASSWORD)];
    browser.submit("/sign-in", &fields).await?.expect(303)?;
    Ok(browser)
}

async fn leads(portal: &Portal) -> anyhow::Result<bool> {
    let ready = portal.stranger()?.get("/readyz").await?.json()?;
    ready["leads"].as_bool().with_context(|| ready.to_string())
}

async fn until_leads(portal: &Portal, wanted: bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while leads(portal).await? != wanted {
        ensure!(
            Instant::now() < deadline,
            "it never came to lead, or to follow: {}",
            portal.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Stops a process without a word, or lets it go on.
fn signal(portal: &Portal, signal: &str) -> anyhow::Result<()> {
    let id = portal.process_id().context("it runs")?.to_string();
    ensure!(
        Command::new("kill").args([signal, &id]).status()?.success(),
        "kill {signal}"
    );
    Ok(())
}

/// One session, one pod.
fn one_pod(portal: &Portal, session: &str) -> anyhow::Result<()> {
    let pods = portal.engine()?.pods_of(session)?;
    ensure!(pods.len() == 1, "one session, one pod: {pods:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_shows_what_the_other_does() -> anyhow::Result<()> {
    let pair = Pair::start().await?;
    let (here, there) = pair.account("ada", "admin").await?;

    let browsers = [browser(&pair.one, "ada").await?, browser(&pair.two, "ada").await?];

    // A launch at the one that follows is seen at both; the leader does it.
    let session = there.launch("desktop").await?;
    let events = format!("/sessions/{}/events", session.id);
    // The pages at both are told of each step until the session ends.
    let pages = browsers.map(|browser| {
        let events = events.clone();
        tokio::spawn(async move { browser.get(&events).await })
    });
    let running = here.until(&session.id, "running").await?;
    there.until(&session.id, "running").await?;
    one_pod(&pair.one, &session.id)?;

    // A stop at one ends the screen at the other.
    let mut screen = here.screen(&running).await?;
    screen.picture().await?;
    let begun = Instant::now();
    there.end(&session.id).await?;
    let reason = screen.until_closed().await?;
    ensure!(
        reason == "session-over" && begun.elapsed() < CUT,
        "{reason} after {:?}",
        begun.elapsed()
    );
    for page in pages {
        let told = page.await??.expect(200)?.body;
        let cards = told.matches("\n\n").count();
        ensure!(cards >= 3, "{cards} cards: {told}");
    }

    // What one keeps in memory the other makes it forget.
    let app = link("handbook", "https://handbook.example/");
    here.send_json(Method::POST, "/api/apps", &app)
        .await?
        .expect(201)?;
    until(&there, "/api/apps", |apps| apps.to_string().contains("handbook")).await?;
    let preferences = json!({"theme": "dark", "collapsed_categories": ["Tests"], "favorites": []});
    there.get("/api/preferences").await?.expect(200)?;
    here.send_json(Method::PUT, "/api/preferences", &preferences)
        .await?
        .expect(200)?;
    until(&there, "/api/preferences", |found| found["theme"] == "dark").await?;

    // And what it gives a plugin the other gives too.
    let seats = "/api/plugins/seats";
    let given = json!({"capabilities": ["lookup:apps", "pvc"]});
    here.send_json(Method::PUT, "/api/plugins/seats/grants", &given)
        .await?
        .expect(200)?;
    until(&there, seats, |found| found["granted"] == given["capabilities"]).await?;

    // A right that ends at one ends at both.
    let (eve, eve_there) = pair.account("eve", "user").await?;
    let session = eve.launch("desktop").await?;
    let running = eve_there.until(&session.id, "running").await?;
    let mut screens = [eve.screen(&running).await?, eve_there.screen(&running).await?];
    let begun = Instant::now();
    says(&pair.two, &["user", "disable", "eve"], "", 0).await?;
    for screen in &mut screens {
        let reason = screen.until_closed().await?;
        ensure!(reason == "right-lost", "{reason}");
    }
    ensure!(
        begun.elapsed() < CUT + Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    eve.get("/api/sessions").await?.expect(401)?;
    eve_there.get("/api/sessions").await?.expect(401)?;
    here.end(&session.id).await?;
    pair.one.engine()?.until_empty().await
}

async fn until(client: &Client, path: &str, holds: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = client.get(path).await?.expect(200)?.json()?;
        if holds(&found) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{path} is still {found}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn either_may_be_killed_and_the_other_goes_on() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    let (here, there) = pair.account("ada", "user").await?;

    // The leader dies in the middle of a launch.
    let session = here.launch("desktop").await?;
    pair.one.engine()?.until_pod_of(&session.id).await?;
    pair.one.kill().await?;
    let running = there.until(&session.id, "running").await?;
    until_leads(&pair.two, true).await?;
    one_pod(&pair.two, &session.id)?;
    there.screen(&running).await?.picture().await?;

    // It comes back and follows; then the other one dies, right after an answer.
    pair.one.start_again().await?;
    ensure!(!leads(&pair.one).await?, "two lead");
    let second = there.launch("desktop").await?;
    pair.two.kill().await?;
    let running = here.until(&second.id, "running").await?;
    until_leads(&pair.one, true).await?;
    one_pod(&pair.one, &second.id)?;
    one_pod(&pair.one, &session.id)?;
    here.screen(&running).await?.picture().await?;

    // One that only stands still is followed as well, and does nothing more once it goes on.
    pair.two.start_again().await?;
    signal(&pair.one, "-STOP")?;
    let third = there.launch("desktop").await?;
    there.until(&third.id, "running").await?;
    until_leads(&pair.two, true).await?;
    signal(&pair.one, "-CONT")?;
    until_leads(&pair.one, false).await?;
    for id in [&session.id, &second.id, &third.id] {
        one_pod(&pair.two, id)?;
        here.end(id).await?;
    }
    pair.two.engine()?.until_empty().await?;
    says(&pair.two, &["audit", "verify"], "", 0).await?;
    let ended = here.get("/api/audit").await?;
    ensure!(ended.status == 403, "a user reads the audit log");
    // Each launch and each end once, whoever did it.
    let store = pair.two.store().await?;
    for action in ["CREATE_SESSION", "TERMINATE_SESSION"] {
        let filter = launchpad_domain::AuditFilter {
            action: Some(action.to_owned()),
            ..launchpad_domain::AuditFilter::default()
        };
        let rows = store.audit().page(&filter, None, 100).await?;
        ensure!(rows.len() == 3, "{action}: {rows:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_exact_over_both() -> anyhow::Result<()> {
    let pair = Pair::start().await?;
    let (here, there) = pair.account("ada", "user").await?;
    let wanted = json!({"app_id": "desktop"});
    let launches = (0..40).map(|number| {
        let client = if number % 2 == 0 { &here } else { &there };
        client.send_json(Method::POST, "/api/sessions", &wanted)
    });
    let mut made = 0;
    for answer in join_all(launches).await {
        match answer?.status.as_u16() {
            201 => made += 1,
            429 => {}
            other => bail!("{other}"),
        }
    }
    ensure!(made == 3, "{made} sessions of 3");
    let sessions = there.get("/api/sessions").await?.json()?;
    for session in sessions.as_array().context("a list")? {
        here.end(session["id"].as_str().context("an id")?).await?;
    }
    pair.one.engine()?.until_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_when_portals_die() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    let (here, there) = pair.account("ada", "admin").await?;
    let mut saved = Vec::new();
    for round in 0..4 {
        let writers = [(&here, "one"), (&there, "two")].map(|(client, name)| {
            let client = client.clone();
            tokio::spawn(write(client, format!("app-{round}-{name}")))
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let dying = if round % 2 == 0 {
            &mut pair.one
        } else {
            &mut pair.two
        };
        dying.kill().await?;
        dying.start_again().await?;
        for writer in writers {
            saved.extend(writer.await??);
        }
    }
    ensure!(saved.len() > 8, "only {} were saved", saved.len());
    for client in [&here, &there] {
        let apps = client.get("/api/apps").await?.expect(200)?.json()?;
        let apps = apps.as_array().context("a list")?;
        for id in &saved {
            let found = apps.iter().filter(|app| app["id"] == id.as_str()).count();
            ensure!(found == 1, "{id} is there {found} times");
        }
    }
    says(&pair.one, &["audit", "verify"], "", 0).await?;
    Ok(())
}

/// Adds apps until the portal is gone, or for so many; answers those that it said are saved.
async fn write(client: Client, name: String) -> anyhow::Result<Vec<String>> {
    let mut saved = Vec::new();
    for number in 0..60 {
        let id = format!("{name}-{number}");
        let app = link(&id, "https://app.example/");
        match client.send_json(Method::POST, "/api/apps", &app).await {
            Ok(answer) if answer.status == 201 => saved.push(id),
            Ok(answer) => bail!("{}: {}", answer.status, answer.body),
            Err(_) => break,
        }
    }
    Ok(saved)
}
