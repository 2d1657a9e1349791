//! The command line, as operators and scripts use it beside a running portal.

use std::process::Output;

use anyhow::{Context, ensure};
use launchpad_tests::{Portal, Seed, link};
use serde_json::{Value, json};

use crate::{PASSWORD, portal};

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) async fn says(
    portal: &Portal,
    arguments: &[&str],
    input: &str,
    code: i32,
) -> anyhow::Result<Output> {
    let output = portal.run(arguments, input).await?;
    ensure!(
        output.status.code() == Some(code),
        "{arguments:?}: {} instead of {code}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_kept_by_commands() -> anyhow::Result<()> {
    let portal = portal().start().await?;
    says(
        &portal,
        &["user", "add", "ada", "--role", "admin", "--password-stdin"],
        PASSWORD,
        0,
    )
    .await?;
    says(&portal, &["user", "add", "ADA"], "", 1).await?;
    says(&portal, &["user", "add", "eve", "--password-stdin"], "short", 1).await?;
    says(&portal, &["user", "add", "no name"], "", 1).await?;
    let list: Value =
        serde_json::from_slice(&says(&portal, &["user", "list", "--json"], "", 0).await?.stdout)?;
    ensure!(list.as_array().is_some_and(|list| list.len() == 1), "{list}");
    ensure!(list[0]["name"] == "ada" && list[0]["role"] == "admin", "{list}");

    let mut browser = portal.stranger()?;
    browser
        .submit("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    says(&portal, &["user", "passwd", "ada"], "another password\n", 0).await?;
    let mut again = portal.stranger()?;
    again
        .submit("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await?
        .expect(401)?;
    again
        .submit("/sign-in", &[("name", "ada"), ("password", "another password")])
        .await?
        .expect(303)?;
    says(&portal, &["user", "disable", "nobody"], "", 1).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_listed_and_revoked() -> anyhow::Result<()> {
    let portal = portal().start().await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    ada.get("/api/apps").await?.expect(200)?;
    let list = says(&portal, &["token", "list", "--user", "ada", "--json"], "", 0).await?;
    let list: Value = serde_json::from_slice(&list.stdout)?;
    let id = list[0]["id"].as_str().context("an id")?.to_owned();
    ensure!(!list.to_string().contains("lpt_"), "a secret is in the list");
    says(&portal, &["token", "revoke", &id], "", 0).await?;
    says(&portal, &["token", "revoke", &id], "", 1).await?;
    let listed = says(&portal, &["token", "list"], "", 0).await?;
    ensure!(out(&listed).is_empty(), "{}", out(&listed));
    // Within five seconds also in the process that has just seen it used.
    let deadline = std::time::Instant::now() + launchpad_tests::PATIENCE;
    while ada.get("/api/apps").await?.status != 401 {
        ensure!(std::time::Instant::now() < deadline, "the token still counts");
    }
    says(
        &portal,
        &["token", "create", "--user", "ada", "--expires", "soon"],
        "",
        2,
    )
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_is_exported_and_imported() -> anyhow::Result<()> {
    let apps = vec![link("a", "https://a.example/"), link("b", "https://b.example/")];
    let portal = portal().seed(Seed::Apps(apps)).start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    says(&portal, &["export", "out.json"], "", 0).await?;
    let file = portal.folder().join("out.json");
    let mut document: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    let same = says(&portal, &["import", "out.json", "--prune", "--json"], "", 0).await?;
    let same: Value = serde_json::from_slice(&same.stdout)?;
    ensure!(same["unchanged"] == 2 && same["updated"] == json!([]), "{same}");

    let entries = document["applications"].as_array_mut().context("a list")?;
    entries.remove(1);
    entries[0]["name"] = "Another".into();
    entries.push(link("c", "https://c.example/"));
    ensure!(
        document["order"].is_null(),
        "nobody gave an app a place: {document}"
    );
    document["order"] = json!(["c", "a"]);
    std::fs::write(&file, document.to_string())?;
    let told = out(&says(&portal, &["import", "out.json", "--prune", "--dry-run"], "", 0).await?);
    ensure!(
        ["~ a (name)", "- b", "+ c", "~ the order"]
            .iter()
            .all(|line| told.contains(line)),
        "{told}"
    );
    let before = ada.get("/apps.json").await?.expect(200)?;
    ensure!(
        before.json()?["applications"].as_array().map(Vec::len) == Some(2),
        "{}",
        before.body
    );

    says(&portal, &["import", "out.json", "--prune"], "", 0).await?;
    // The serving process looks again after some seconds.
    let deadline = std::time::Instant::now() + launchpad_tests::PATIENCE;
    while ada.get("/api/apps/c").await?.status != 200 {
        ensure!(std::time::Instant::now() < deadline, "the import does not show");
    }
    ada.get("/api/apps/b").await?.expect(404)?;
    let again = says(&portal, &["export"], "", 0).await?;
    let again: Value = serde_json::from_slice(&again.stdout)?;
    ensure!(
        again["order"] == json!(["c", "a"]) && again["applications"][0]["id"] == "c",
        "{again}"
    );
    let audit = ada.get("/api/audit").await?.expect(200)?;
    ensure!(
        audit.body.contains("DELETE_APP") && audit.body.contains("command line"),
        "{}",
        audit.body
    );

    std::fs::write(
        &file,
        r#"{"applications": [{"id": "BAD", "name": ""}, {"id": "d", "name": "D"}],
            "order": ["nowhere"]}"#,
    )?;
    let refused = says(&portal, &["import", "out.json"], "", 1).await?;
    let told = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        ["applications[0].id", "applications[1].url", "order[0]"]
            .iter()
            .all(|place| told.contains(place)),
        "{told}"
    );
    ada.get("/api/apps/d").await?.expect(404)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_and_wrong_settings_end_with_two() -> anyhow::Result<()> {
    let portal = portal().start().await?;
    says(&portal, &["fly"], "", 2).await?;
    says(&portal, &["user", "add", "ada", "--role", "king"], "", 2).await?;
    let wrong = says(&portal, &["--port", "none", "--db", "mysql://x"], "", 2).await?;
    let told = String::from_utf8_lossy(&wrong.stderr);
    ensure!(
        told.contains("port (option --port)") && told.contains("db (option --db)"),
        "{told}"
    );
    let shown = says(&portal, &["config"], "", 0).await?;
    ensure!(
        out(&shown).contains("environment variable LAUNCHPAD_PORT"),
        "{}",
        out(&shown)
    );
    let help = says(&portal, &["--help"], "", 0).await?;
    ensure!(out(&help).contains("Examples:"), "{}", out(&help));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_portal_on_the_same_port_changes_nothing() -> anyhow::Result<()> {
    let portal = portal().start().await?;
    let link = portal.setup_link().await?;
    let second = says(&portal, &["serve"], "", 1).await?;
    let told = String::from_utf8_lossy(&second.stderr);
    ensure!(told.contains("cannot listen on"), "{told}");
    // Its start would have made the first one's setup link worthless.
    let token = link.split('#').nth(1).context("a token")?;
    let fields = [("token", token), ("name", "ada"), ("password", PASSWORD)];
    portal.stranger()?.submit("/setup", &fields).await?.expect(303)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_puts_an_empty_database_in_the_place_of_a_lost_one() -> anyhow::Result<()> {
    let mut portal = portal().set("LAUNCHPAD_RUNTIME", "none").start().await?;
    portal.end().await?;
    let file = portal.folder().join("launchpad.db");
    std::fs::remove_file(&file)?;
    for arguments in [
        &["audit", "verify"][..],
        &["backup", "backups"],
        &["migrate", "up"],
        &["user", "list"],
        &["export"],
    ] {
        says(&portal, arguments, "", 1).await?;
        ensure!(!file.exists(), "{arguments:?} made one");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_database_yet_only_some_commands_make_one() -> anyhow::Result<()> {
    let mut portal = portal().set("LAUNCHPAD_RUNTIME", "none").start().await?;
    portal.end().await?;
    let empty = tempfile::tempdir()?;
    let file = empty.path().join("launchpad.db");
    let place = file.to_str().context("a path")?;
    for (arguments, code) in [
        (&["user", "list"][..], 1),
        (&["user", "passwd", "ada"], 1),
        (&["token", "list"], 1),
        (&["app", "deleted"], 1),
        (&["plugin", "list"], 0),
        (&["doctor"], 0),
    ] {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--db", place]).collect();
        let told = says(&portal, &arguments, PASSWORD, code).await?;
        ensure!(!file.exists(), "{arguments:?} made one");
        if code == 1 {
            let told = String::from_utf8_lossy(&told.stderr);
            ensure!(told.contains("there is no database"), "{arguments:?}: {told}");
        }
    }
    says(&portal, &["user", "add", "ada", "--db", place], "", 0).await?;
    ensure!(file.exists());
    Ok(())
}

#[test]
fn whoever_reads_only_the_beginning_of_an_answer_is_told_no_error() -> anyhow::Result<()> {
    let mut program = std::process::Command::new(crate::PROGRAM)
        .args(["plugin", "definitions"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    // Closed before the program has begun to write.
    drop(program.stdout.take());
    let ended = program.wait_with_output()?;
    let told = String::from_utf8_lossy(&ended.stderr);
    ensure!(
        ended.status.success() && told.is_empty(),
        "{}: {told}",
        ended.status
    );
    Ok(())
}
