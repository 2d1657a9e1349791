//! The audit log as administrators and auditors use it: filtered, exported, and proved.

use std::io::Write;

use anyhow::{Context, ensure};
use launchpad_tests::{Client, Portal, Seed, link};
use reqwest::Method;
use serde_json::{Value, json};

use crate::commands::{out, says};
use crate::{PASSWORD, portal};

async fn started() -> anyhow::Result<(Portal, Client)> {
    let apps = vec![link("wiki", "https://wiki.example/")];
    let portal = portal()
        .seed(Seed::Apps(apps))
        .set("LAUNCHPAD_RUNTIME", "none")
        .start()
        .await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    Ok((portal, ada))
}

fn entries(text: &str) -> anyhow::Result<Vec<Value>> {
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_pages_and_exports_agree() -> anyhow::Result<()> {
    let (_portal, ada) = started().await?;
    for number in 0..7 {
        let mut app = link(&format!("app-{number}"), "https://app.example/");
        app["name"] = "=HYPERLINK(\"https://evil.example\")".into();
        ada.send_json(Method::POST, "/api/apps", &app)
            .await?
            .expect(201)?;
    }
    let filter = "user=ada&action=CREATE_APP&from=2020-01-01&to=2120-01-01T00:00:00Z";
    // Page by page, as the links lead.
    let mut seen = Vec::new();
    let mut next = Some(format!("/api/audit?{filter}&limit=3"));
    while let Some(path) = next {
        let page = ada.get(&path).await?.expect(200)?;
        seen.extend(page.json()?.as_array().context("a list")?.clone());
        let link = page.headers.get("link").and_then(|link| link.to_str().ok());
        next = link.and_then(|link| Some(link.split_once('<')?.1.split_once('>')?.0.to_owned()));
    }
    let targets: Vec<&str> = seen.iter().filter_map(|entry| entry["target"].as_str()).collect();
    ensure!(
        targets == ["app-6", "app-5", "app-4", "app-3", "app-2", "app-1", "app-0"],
        "{targets:?}"
    );
    ensure!(
        seen[0]["outcome"] == "done" && seen[0]["change"]["after"]["id"] == "app-6",
        "{}",
        seen[0]
    );

    let lines = ada
        .get(&format!("/api/audit.jsonl?{filter}"))
        .await?
        .expect(200)?;
    ensure!(entries(&lines.body)? == seen, "{}", lines.body);
    let csv = ada.get(&format!("/api/audit.csv?{filter}")).await?.expect(200)?;
    ensure!(
        csv.body.matches("\r\n").count() == 8 && csv.body.contains("\"CREATE_APP\""),
        "{}",
        csv.body
    );
    let one = ada.get("/api/audit?target=app-3").await?.expect(200)?;
    ensure!(one.json()?.as_array().map(Vec::len) == Some(1), "{}", one.body);
    let page = ada.get(&format!("/admin/audit?{filter}")).await?.expect(200)?;
    ensure!(
        page.body.contains("app-6") && page.body.contains("value=\"CREATE_APP\""),
        "{}",
        page.body
    );
    ensure!(!page.body.contains("wiki"), "the seed is not ada's");

    let wrong = ada
        .get("/api/audit?from=soon&to=never&limit=0")
        .await?
        .expect(422)?;
    for field in ["from", "to", "limit"] {
        ensure!(wrong.body.contains(field), "{field}: {}", wrong.body);
    }
    ada.get("/api/audit.csv?from=soon").await?.expect(422)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_no_end_but_that_of_the_log() -> anyhow::Result<()> {
    let (portal, ada) = started().await?;
    let preferences = json!({"theme": "dark", "collapsed_categories": [], "favorites": []});
    let before = entries(&ada.get("/api/audit.jsonl").await?.expect(200)?.body)?.len();
    for _ in 0..1_100 {
        ada.send_json(Method::PUT, "/api/preferences", &preferences)
            .await?
            .expect(200)?;
    }
    let all = entries(&ada.get("/api/audit.jsonl").await?.expect(200)?.body)?;
    ensure!(all.len() == before + 1_100, "{}", all.len());
    let told = says(&portal, &["audit", "verify", "--json"], "", 0).await?;
    let told: Value = serde_json::from_slice(&told.stdout)?;
    ensure!(told["signed"] == all.len() && told["before"] == 0, "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_behind_the_portal_is_found() -> anyhow::Result<()> {
    let (mut portal, _ada) = started().await?;
    let told = out(&says(&portal, &["audit", "verify"], "", 0).await?);
    ensure!(told.contains("signed with this key"), "{told}");
    says(&portal, &["backup", "backups"], "", 0).await?;
    portal.account("eve", "user", PASSWORD).await?;
    // The next start notes how far the log is.
    portal.kill().await?;
    portal.start_again().await?;
    says(&portal, &["audit", "verify"], "", 0).await?;
    portal.kill().await?;

    let key = portal.folder().join("launchpad.db.audit-key");
    let backups = std::fs::read_dir(portal.folder().join("backups"))?;
    let secret = std::fs::read_to_string(&key)?;
    for entry in backups {
        let content = std::fs::read(entry?.path())?;
        ensure!(
            !content
                .windows(64)
                .any(|window| window == secret.trim().as_bytes()),
            "the key is in a backup"
        );
    }
    // Somebody puts an old copy in the place of the database: each row of it is signed, and the end is missing.
    let database = portal.folder().join("launchpad.db");
    let whole = std::fs::read(&database)?;
    let log = std::fs::read(portal.folder().join("launchpad.db-wal")).ok();
    ensure!(log.is_none_or(|log| !whole.is_empty() || !log.is_empty()));
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(
            portal.folder().join(format!("launchpad.db{suffix}")),
        ));
    }
    let snapshot = std::fs::read_dir(portal.folder().join("backups"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "db"))
        .context("a backup")?;
    std::fs::copy(&snapshot, &database)?;
    let told = out(&says(&portal, &["audit", "verify"], "", 1).await?);
    ensure!(told.contains("is gone: a checkpoint has it"), "{told}");
    // Restored in order, nothing is missed.
    says(&portal, &["restore", "backups"], "", 0).await?;
    says(&portal, &["audit", "verify"], "", 0).await?;

    // A line of one's own among the checkpoints.
    let checkpoints = portal.folder().join("launchpad.db.audit-key.checkpoints");
    let before = std::fs::read_to_string(&checkpoints)?;
    let mut line: Value = serde_json::from_str(before.lines().last().context("a line")?)?;
    line["id"] = json!(0);
    let mut file = std::fs::OpenOptions::new().append(true).open(&checkpoints)?;
    writeln!(file, "{line}")?;
    let told = out(&says(&portal, &["audit", "verify"], "", 1).await?);
    ensure!(told.contains("not signed with this key"), "{told}");
    std::fs::write(&checkpoints, before)?;

    // Without its key the log cannot go on, unless somebody says so.
    std::fs::rename(&key, portal.folder().join("old-key"))?;
    let told = says(&portal, &["user", "list"], "", 1).await?;
    ensure!(
        String::from_utf8_lossy(&told.stderr).contains("put the key back"),
        "{told:?}"
    );
    let told = says(&portal, &["restore", "backups"], "", 1).await?;
    ensure!(
        String::from_utf8_lossy(&told.stderr).contains("--new-audit-key"),
        "{told:?}"
    );
    says(&portal, &["audit", "restart"], "", 0).await?;
    let told = out(&says(&portal, &["audit", "verify"], "", 0).await?);
    ensure!(told.contains("1 rows signed with this key"), "{told}");
    let told = out(&says(&portal, &["audit", "verify", "--key", "old-key"], "", 0).await?);
    ensure!(told.contains("1 after"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_is_not_begun_anew_unasked() -> anyhow::Result<()> {
    let (mut portal, _ada) = started().await?;
    portal.kill().await?;
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(
            portal.folder().join(format!("launchpad.db{suffix}")),
        ));
    }
    let refused = says(&portal, &["serve"], "", 1).await?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        told.contains("shows that there was a database") && told.contains("--init"),
        "{told}"
    );
    ensure!(!portal.folder().join("launchpad.db").exists());
    Ok(())
}
