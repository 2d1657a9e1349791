//! Backups as an operator takes, verifies and restores them, beside a portal that people use.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, ensure};
use launchpad_tests::{Buckets, Client, Portal, Postgres, Recipe, Seed, link};
use reqwest::Method;
use serde_json::{Value, json};

use crate::commands::{out, says};
use crate::{PASSWORD, portal};

/// A catalogue of links: no engine is needed for them.
fn recipe() -> Recipe {
    let apps = vec![link("wiki", "https://wiki.example/")];
    portal().seed(Seed::Apps(apps)).set("LAUNCHPAD_RUNTIME", "none")
}

/// The snapshots in a folder, oldest first.
fn snapshots(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        found.push(entry?.path());
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
    found.sort();
    Ok(found)
}

/// What is backed up while people work is what they had been told is saved, whichever database it was in, and goes
/// into a portal that has another.
async fn moves(from: Recipe, to: Recipe) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().join("backups");
    moves_by(folder.to_str().context("a folder's name")?, from, to).await
}

/// The same, by this folder or bucket.
async fn moves_by(destination: &str, from: Recipe, to: Recipe) -> anyhow::Result<()> {
    let source = from.start().await?;
    let ada = source.account("ada", "admin", PASSWORD).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_until(
        stop.clone(),
        Client::with_token(&source.url(), token(&ada)?)?,
    ));
    let mut saved = 0;
    for _ in 0..3 {
        // What is acknowledged before a backup is in it.
        saved = apps(&ada).await?.len();
        says(&source, &["backup", destination], "", 0).await?;
    }
    stop.store(true, Ordering::Relaxed);
    writer.await??;
    let verified = says(&source, &["backup", "verify", destination, "--json"], "", 0).await?;
    let verified: Value = serde_json::from_slice(&verified.stdout)?;
    ensure!(verified.as_array().map(Vec::len) == Some(3), "{verified}");

    let mut target = to.start().await?;
    let refused = says(&target, &["restore", destination], "", 1).await?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(told.contains("is in use: stop the portal"), "{told}");
    target.kill().await?;
    // The key of the audit log is in no backup.
    let missing = says(&target, &["restore", destination], "", 1).await?;
    let missing = String::from_utf8_lossy(&missing.stderr).into_owned();
    ensure!(missing.contains("put the key back"), "{missing}");
    let place = missing
        .split(", but ")
        .nth(1)
        .and_then(|rest| rest.split(" is ").next());
    let place = target.folder().join(place.context("where to put it")?);
    std::fs::copy(audit_key(&source)?, place)?;
    let told = out(&says(&target, &["restore", destination], "", 0).await?);
    says(&target, &["audit", "verify"], "", 0).await?;
    ensure!(
        told.contains("what was there before is kept") && told.contains("new instance"),
        "{told}"
    );
    target.start_again().await?;
    // Her token is in the backup too.
    let there = Client::with_token(&target.url(), token(&ada)?)?;
    let (before, after) = (apps(&ada).await?, apps(&there).await?);
    ensure!(after.len() >= saved && saved > 1, "{} of {saved}", after.len());
    ensure!(after.iter().all(|app| before.contains(app)), "{after:?}");
    let audit = there.get("/api/audit").await?.expect(200)?;
    ensure!(audit.body.contains("RESTORE"), "{}", audit.body);
    Ok(())
}

fn audit_key(portal: &Portal) -> anyhow::Result<PathBuf> {
    let mut files = std::fs::read_dir(portal.folder())?.filter_map(|entry| Some(entry.ok()?.path()));
    let key = files.find(|path| path.to_string_lossy().ends_with("audit-key"));
    key.context("the key of the audit log")
}

fn token(client: &Client) -> anyhow::Result<&str> {
    client.token().context("a token")
}

async fn apps(client: &Client) -> anyhow::Result<Vec<Value>> {
    let listed = client.get("/api/apps").await?.expect(200)?.json()?;
    let list = listed.as_array().or_else(|| listed["applications"].as_array());
    list.cloned().with_context(|| listed.to_string())
}

async fn write_until(stop: Arc<AtomicBool>, client: Client) -> anyhow::Result<()> {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let app = link(&format!("app-{number}"), "https://app.example/");
        client
            .send_json(Method::POST, "/api/apps", &app)
            .await?
            .expect(201)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_restored_elsewhere() -> anyhow::Result<()> {
    moves(recipe(), recipe()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_from_a_file_to_a_server_and_back() -> anyhow::Result<()> {
    let server = Postgres::start().await?;
    moves(recipe(), recipe().database(server.url())).await?;
    let server = Postgres::start().await?;
    moves(recipe().database(server.url()), recipe()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_through_a_bucket() -> anyhow::Result<()> {
    let buckets = Buckets::start().await?;
    let (from, to) = (buckets.told_to(recipe()), buckets.told_to(recipe()));
    moves_by(Buckets::PLACE, from, to).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_so_many_backups_and_what_is_wrong_with_them_is_found() -> anyhow::Result<()> {
    let buckets = Buckets::start().await?;
    let mut portal = buckets.told_to(recipe()).start().await?;
    says(&portal, &["backup", "verify", Buckets::PLACE], "", 1).await?;
    for _ in 0..3 {
        says(&portal, &["backup", Buckets::PLACE, "--keep", "2"], "", 0).await?;
    }
    let verified = out(&says(&portal, &["backup", "verify", Buckets::PLACE], "", 0).await?);
    ensure!(verified.lines().count() == 2, "{verified}");

    let found = snapshots(&buckets.objects())?;
    ensure!(found.len() == 2, "{found:?}");
    let mut flipped = std::fs::read(&found[1])?;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&found[1], flipped)?;
    portal.kill().await?;
    let database = std::fs::read(portal.folder().join("launchpad.db"))?;
    let told = says(&portal, &["restore", Buckets::PLACE], "", 1).await?;
    ensure!(
        String::from_utf8_lossy(&told.stderr).contains("checksum"),
        "{told:?}"
    );
    ensure!(
        std::fs::read(portal.folder().join("launchpad.db"))? == database,
        "it was changed"
    );
    std::fs::remove_file(found[0].with_extension("json"))?;
    let told = out(&says(&portal, &["backup", "verify", Buckets::PLACE], "", 1).await?);
    ensure!(
        told.contains("checksum is not") && told.contains("no manifest"),
        "{told}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_refuses_or_is_away_is_told() -> anyhow::Result<()> {
    let buckets = Buckets::start().await?;
    let told = async |recipe: Recipe, place: &str| {
        let portal = recipe.unstarted()?;
        says(&portal, &["migrate", "up"], "", 0).await?;
        let refused = says(&portal, &["backup", place], "", 1).await?;
        anyhow::Ok(String::from_utf8_lossy(&refused.stderr).into_owned())
    };
    let there = || buckets.told_to(recipe());
    let wrong_key = there().set("AWS_SECRET_ACCESS_KEY", "other");
    let said = told(wrong_key, Buckets::PLACE).await?;
    ensure!(said.contains("refuses these credentials"), "{said}");
    let said = told(there(), "s3://nowhere/launchpad").await?;
    ensure!(said.contains("no such bucket"), "{said}");
    let nobody = there().set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let said = told(nobody, Buckets::PLACE).await?;
    ensure!(said.contains("look at AWS_ENDPOINT_URL"), "{said}");
    for address in ["s3://", "s3://key:secret@backups/", "ftp://backups/"] {
        told(there(), address).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_time_is_found() -> anyhow::Result<()> {
    let mut portal = recipe().start().await?;
    let mut times = Vec::new();
    for name in ["ada", "eve"] {
        portal.account(name, "admin", PASSWORD).await?;
        let taken = says(&portal, &["backup", "backups", "--json"], "", 0).await?;
        let manifest: Value = serde_json::from_slice(&taken.stdout)?;
        times.push(manifest["taken_at"].as_str().context("a time")?.to_owned());
    }
    portal.kill().await?;
    let too_early = says(
        &portal,
        &["restore", "backups", "--at", "2020-01-01T00:00:00Z"],
        "",
        1,
    )
    .await?;
    ensure!(String::from_utf8_lossy(&too_early.stderr).contains("so early"));
    says(&portal, &["restore", "backups", "--at", "yesterday"], "", 2).await?;
    says(&portal, &["restore", "nowhere"], "", 1).await?;
    for (time, accounts) in times.iter().zip([1, 2]) {
        let told = says(
            &portal,
            &["restore", "backups", "--at", time, "--keep-instance"],
            "",
            0,
        )
        .await?;
        ensure!(!out(&told).contains("new instance"), "{}", out(&told));
        let list = says(&portal, &["user", "list", "--json"], "", 0).await?;
        let list: Value = serde_json::from_slice(&list.stdout)?;
        ensure!(list.as_array().map(Vec::len) == Some(accounts), "{time}: {list}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_as_many_backups_are_kept_as_asked_for() -> anyhow::Result<()> {
    let portal = portal().start().await?;
    for _ in 0..3 {
        says(&portal, &["backup", "backups"], "", 0).await?;
    }
    let taken = says(&portal, &["backup", "backups", "--keep", "2"], "", 0).await?;
    let newest = out(&taken);
    let left: Value = serde_json::from_slice(
        &says(&portal, &["backup", "verify", "backups", "--json"], "", 0)
            .await?
            .stdout,
    )?;
    let names: Vec<&str> = left
        .as_array()
        .context("a list")?
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    ensure!(names.len() == 2, "{names:?}");
    let first = names[0].trim_end_matches(".json");
    ensure!(newest.contains(first), "{first} is not the newest: {newest}");
    says(&portal, &["backup", "backups", "--keep", "0"], "", 2).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_backup_is_found() -> anyhow::Result<()> {
    let mut portal = recipe().start().await?;
    portal.account("ada", "admin", PASSWORD).await?;
    says(&portal, &["backup", "verify", "backups"], "", 1).await?;
    says(&portal, &["backup"], "", 2).await?;
    says(&portal, &["backup", "ftp://host/"], "", 1).await?;
    for _ in 0..4 {
        says(&portal, &["backup", "backups"], "", 0).await?;
    }
    portal.kill().await?;
    let folder = portal.folder().join("backups");
    let found = snapshots(&folder)?;
    let manifest = |snapshot: &Path| snapshot.with_extension("json");
    let database = std::fs::read(portal.folder().join("launchpad.db"))?;

    // One bit of content, in the newest.
    let mut flipped = std::fs::read(&found[3])?;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&found[3], flipped)?;
    let told = says(&portal, &["restore", "backups"], "", 1).await?;
    ensure!(
        String::from_utf8_lossy(&told.stderr).contains("checksum"),
        "{told:?}"
    );
    ensure!(
        std::fs::read(portal.folder().join("launchpad.db"))? == database,
        "it was changed"
    );
    ensure!(!portal.folder().join("launchpad.db.restoring").exists());
    // A manifest that promises what the file does not hold.
    let mut promise: Value = serde_json::from_str(&std::fs::read_to_string(manifest(&found[2]))?)?;
    promise["rows"]["accounts"] = json!(2);
    std::fs::write(manifest(&found[2]), promise.to_string())?;
    // A backup that was interrupted.
    std::fs::remove_file(manifest(&found[1]))?;

    let told = out(&says(&portal, &["backup", "verify", "backups"], "", 1).await?);
    for problem in ["checksum is not", "does not hold what", "no manifest", ": whole"] {
        ensure!(told.contains(problem), "{problem}: {told}");
    }
    // The whole one can still be had.
    let at = std::fs::read_to_string(manifest(&found[0]))?;
    let at: Value = serde_json::from_str(&at)?;
    let at = at["taken_at"].as_str().context("a time")?.to_owned();
    says(&portal, &["restore", "backups", "--at", &at], "", 0).await?;
    ensure!(!leftovers(&folder)?, "something is left behind");
    Ok(())
}

fn leftovers(folder: &Path) -> anyhow::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        if entry?.file_name().to_string_lossy().contains("partial") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_schema_is_told() -> anyhow::Result<()> {
    let portal: Portal = recipe().start().await?;
    let told = out(&says(&portal, &["migrate", "status"], "", 0).await?);
    ensure!(
        told.lines().count() >= 2 && told.lines().all(|line| line.starts_with("applied")),
        "{told}"
    );
    let told = out(&says(&portal, &["migrate", "up"], "", 0).await?);
    ensure!(told == "the schema is up to date\n", "{told}");
    // Of a database that is not there it is told too, and none is made.
    let told = out(&says(&portal, &["migrate", "status", "--db", "other.db"], "", 0).await?);
    ensure!(told.lines().all(|line| line.starts_with("pending")), "{told}");
    ensure!(!portal.folder().join("other.db").exists());
    says(&portal, &["migrate", "up", "--db", "other.db"], "", 0).await?;
    ensure!(portal.folder().join("other.db").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_backs_itself_up() -> anyhow::Result<()> {
    let mut portal = recipe()
        .set("LAUNCHPAD_BACKUP__DESTINATION", "own")
        .set("LAUNCHPAD_BACKUP__KEEP", "1")
        .start()
        .await?;
    let folder = portal.folder().join("own");
    let is_manifest = |path: PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let deadline = std::time::Instant::now() + launchpad_tests::PATIENCE;
    loop {
        let mut files = std::fs::read_dir(&folder).into_iter().flatten();
        if files.any(|entry| entry.is_ok_and(|entry| is_manifest(entry.path()))) {
            break;
        }
        ensure!(
            std::time::Instant::now() < deadline,
            "no backup is taken: {}",
            portal.log()
        );
        tokio::task::yield_now().await;
    }
    says(&portal, &["backup", "verify", "own"], "", 0).await?;
    // It is not due again at the next start.
    portal.kill().await?;
    portal.start_again().await?;
    says(&portal, &["backup", "verify", "own"], "", 0).await?;
    ensure!(snapshots(&folder)?.len() == 1);
    let wrong = says(&portal, &["config"], "", 0).await?;
    ensure!(out(&wrong).contains("backup.keep"), "{}", out(&wrong));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_moves_to_a_server() -> anyhow::Result<()> {
    let mut portal = recipe().start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    let server = Postgres::start().await?;
    let url = server.url();
    let copy = ["db", "copy", "--from", "launchpad.db", "--to", url.as_str()];
    let refused = says(&portal, &copy, "", 1).await?;
    ensure!(
        String::from_utf8_lossy(&refused.stderr).contains("is in use"),
        "{refused:?}"
    );
    let before = apps(&ada).await?;
    portal.kill().await?;
    let told = out(&says(&portal, &copy, "", 0).await?);
    ensure!(
        told.contains("read again, each the same") && told.contains("is retired"),
        "{told}"
    );
    let refused = says(&portal, &["serve"], "", 1).await?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(told.contains("was moved to postgres://"), "{told}");
    says(&portal, &["db", "copy", "--from", "launchpad.db"], "", 2).await?;

    let moved = |arguments: &[&str]| {
        let mut all: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        all.extend(["--db".to_owned(), url.clone()]);
        all
    };
    let verify = moved(&["audit", "verify"]);
    let verify: Vec<&str> = verify.iter().map(String::as_str).collect();
    says(&portal, &verify, "", 0).await?;
    let export = moved(&["export"]);
    let export: Vec<&str> = export.iter().map(String::as_str).collect();
    let export = says(&portal, &export, "", 0).await?;
    let export: Value = serde_json::from_slice(&export.stdout)?;
    ensure!(
        export["applications"].as_array().map(Vec::len) == Some(before.len()),
        "{export}"
    );
    Ok(())
}
