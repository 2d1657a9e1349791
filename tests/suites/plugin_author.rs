//! The command line as authors of plugins use it: no portal, no settings, a folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use launchpad_tests::program;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::PROGRAM;

/// Runs the program in a folder; what it says on standard output, and its last word on standard error.
pub(crate) fn launchpad(folder: &Path, arguments: &[&str], code: i32) -> anyhow::Result<(String, String)> {
    let output = run(folder, arguments)?;
    let said = String::from_utf8(output.stdout)?;
    let told = String::from_utf8(output.stderr)?;
    ensure!(
        output.status.code() == Some(code),
        "{arguments:?}: {} instead of {code}: {said}{told}",
        output.status
    );
    Ok((said, told))
}

fn run(folder: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    Ok(program(PROGRAM)
        .args(arguments)
        .env("LAUNCHPAD_PLUGINS__DIRS", folder)
        .current_dir(folder)
        .output()?)
}

/// A new plugin in Rhai, in a folder that goes away.
fn script() -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    launchpad(folder.path(), &["plugin", "new", "hello"], 0)?;
    Ok(folder)
}

/// Changes a file of the plugin.
pub(crate) fn change(folder: &TempDir, file: &str, from: &str, to: &str) -> anyhow::Result<()> {
    let path = folder.path().join("hello").join(file);
    let text = std::fs::read_to_string(&path)?;
    ensure!(text.contains(from), "{file} has no `{from}`");
    Ok(std::fs::write(path, text.replace(from, to))?)
}

#[test]
fn a_new_script_is_sound_and_passes_its_tests() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (made, _) = launchpad(folder.path(), &["plugin", "new", "hello", "--lang", "rhai"], 0)?;
    ensure!(made.lines().count() == 4, "{made}");
    let (checked, _) = launchpad(folder.path(), &["plugin", "check", "hello"], 0)?;
    ensure!(checked.starts_with("hello 0.1.0: ok"), "{checked}");
    let (tested, told) = launchpad(folder.path(), &["plugin", "test", "hello"], 0)?;
    ensure!(tested.ends_with("2 recorded calls, 0 failed\n"), "{tested}");
    ensure!(told.contains("planning"), "what it logs is told: {told}");
    // What the answer to `new` says may be typed as it stands.
    for command in made.lines().skip(1).take(2) {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        launchpad(folder.path(), &words, 0)?;
    }
    Ok(())
}

#[test]
fn a_new_plugin_replaces_nothing_and_has_a_name() -> anyhow::Result<()> {
    let folder = script()?;
    let (_, told) = launchpad(folder.path(), &["plugin", "new", "hello"], 1)?;
    ensure!(told.contains("exists"), "{told}");
    for wrong in ["Hello", "x", "-x", "1x", "x-", "../x", "a b"] {
        launchpad(folder.path(), &["plugin", "new", "--", wrong], 2)?;
    }
    launchpad(folder.path(), &["plugin", "new", "other", "--lang", "cobol"], 2)?;
    ensure!(!folder.path().join("other").exists(), "a folder was made");
    Ok(())
}

#[test]
fn every_language_writes_what_its_manifest_names() -> anyhow::Result<()> {
    for lang in ["rhai", "rust", "js", "python"] {
        let folder = tempfile::tempdir()?;
        launchpad(folder.path(), &["plugin", "new", "hello", "--lang", lang], 0)?;
        let manifest = std::fs::read_to_string(folder.path().join("hello/plugin.toml"))?;
        ensure!(manifest.contains("id = \"hello\""), "{manifest}");
        let (said, told) = (run(folder.path(), &["plugin", "check", "hello"])?, lang);
        let said = String::from_utf8(said.stdout)?;
        // The component itself is built by its own toolchain; nothing else is wrong.
        ensure!(
            lang == "rhai" || said.lines().filter(|line| line.starts_with("error")).count() == 1,
            "{told}: {said}"
        );
        ensure!(
            lang == "rhai" || said.contains("error: plugin.wasm: cannot be read"),
            "{said}"
        );
    }
    Ok(())
}

#[test]
fn every_mistake_is_told_with_its_line() -> anyhow::Result<()> {
    let folder = script()?;
    let check = |code| launchpad(folder.path(), &["plugin", "check", "hello"], code);
    change(&folder, "plugin.toml", "opens = \"pod\"", "opens = \"door\"")?;
    change(&folder, "plugin.toml", "0.1.0", "one")?;
    let (said, told) = check(1)?;
    ensure!(said.contains("error: plugin.toml:5: `plugin.version`"), "{said}");
    ensure!(said.contains("error: plugin.toml:7: `plugin.opens`"), "{said}");
    ensure!(told.contains("hello: 2 errors"), "{told}");
    change(&folder, "plugin.toml", "opens = \"door\"", "opens = \"pod\"")?;
    change(&folder, "plugin.toml", "\"one\"", "\"1.0.0\"")?;
    change(&folder, "settings.schema.json", "\"title\"", "title")?;
    ensure!(
        check(1)?.0.contains("error: settings.schema.json:3: is not JSON"),
        "{said}"
    );
    std::fs::write(
        folder.path().join("hello/settings.schema.json"),
        "{\"properties\": {}}",
    )?;
    change(&folder, "main.rhai", "let greeting =", "let greeting")?;
    let (said, _) = check(1)?;
    ensure!(said.contains("error: main.rhai:9: cannot be compiled"), "{said}");
    change(&folder, "main.rhai", "let greeting", "let greeting =")?;
    std::fs::write(folder.path().join("hello/tests/greeting.ctx.json"), "{]")?;
    let (said, _) = launchpad(folder.path(), &["plugin", "check", "hello", "--json"], 1)?;
    let report: Value = serde_json::from_str(&said)?;
    ensure!(report["ok"] == json!(false), "{report}");
    ensure!(report["findings"][0]["place"] == "plugin.toml:20", "{report}");
    let (_, told) = launchpad(folder.path(), &["plugin", "check", "nowhere"], 1)?;
    ensure!(told.contains("nowhere"), "{told}");
    Ok(())
}

#[test]
fn a_changed_answer_is_shown_at_its_place_and_can_be_recorded() -> anyhow::Result<()> {
    let folder = script()?;
    change(&folder, "main.rhai", "port: 5900", "port: 5901")?;
    let (said, told) = launchpad(folder.path(), &["plugin", "test", "hello"], 1)?;
    ensure!(
        said.contains("endpoint.port\n        expected 5900\n        answered 5901"),
        "{said}"
    );
    ensure!(
        told.contains("1 of 2 failed") && told.contains("--update"),
        "{told}"
    );
    let (said, _) = launchpad(folder.path(), &["plugin", "test", "hello", "--json"], 1)?;
    let list: Value = serde_json::from_str(&said)?;
    ensure!(
        list[0]["passed"] == json!(false) && list[1]["passed"] == json!(true),
        "{list}"
    );
    let (said, _) = launchpad(folder.path(), &["plugin", "test", "hello", "--update"], 0)?;
    ensure!(said.contains("wrote tests/greeting.plan.json"), "{said}");
    launchpad(folder.path(), &["plugin", "test", "hello"], 0)?;
    Ok(())
}

#[test]
fn what_the_server_would_refuse_fails_also_when_it_is_recorded() -> anyhow::Result<()> {
    let folder = script()?;
    change(&folder, "main.rhai", "schema: 1,", "schema: 1, root: true,")?;
    let (said, _) = launchpad(folder.path(), &["plugin", "test", "hello", "--update"], 1)?;
    ensure!(said.contains("the server would refuse this answer"), "{said}");
    change(&folder, "main.rhai", ", root: true,", ",")?;
    // A fault is shown, never recorded.
    change(
        &folder,
        "main.rhai",
        "fn plan(ctx) {",
        "fn plan(ctx) {\n    loop { }",
    )?;
    let before = std::fs::read_to_string(folder.path().join("hello/tests/greeting.plan.json"))?;
    let (said, _) = launchpad(folder.path(), &["plugin", "test", "hello", "--update"], 1)?;
    ensure!(said.contains("plugin-cpu"), "{said}");
    let after = std::fs::read_to_string(folder.path().join("hello/tests/greeting.plan.json"))?;
    ensure!(before == after, "a fault was recorded");
    Ok(())
}

#[test]
fn answers_are_recorded_inside_the_folder_alone() -> anyhow::Result<()> {
    let folder = script()?;
    let outside = folder.path().join("outside.json");
    std::fs::write(&outside, "{}")?;
    std::fs::remove_file(folder.path().join("hello/tests/greeting.plan.json"))?;
    std::os::unix::fs::symlink(&outside, folder.path().join("hello/tests/greeting.plan.json"))?;
    launchpad(folder.path(), &["plugin", "test", "hello", "--update"], 1)?;
    ensure!(
        std::fs::read_to_string(&outside)? == "{}",
        "written through a link"
    );
    change(
        &folder,
        "plugin.toml",
        "tests/greeting.plan.json",
        "../outside.json",
    )?;
    launchpad(folder.path(), &["plugin", "test", "hello", "--update"], 1)?;
    ensure!(
        std::fs::read_to_string(&outside)? == "{}",
        "written beside the folder"
    );
    Ok(())
}

#[test]
fn one_hook_is_called_with_a_document() -> anyhow::Result<()> {
    let folder = script()?;
    let call = |arguments: &[&str], code| {
        let words = [&["plugin", "run", "hello"], arguments].concat();
        launchpad(folder.path(), &words, code)
    };
    let (said, _) = call(&["--hook", "plan", "--ctx", "hello/tests/greeting.ctx.json"], 0)?;
    let plan: Value = serde_json::from_str(&said)?;
    ensure!(plan["endpoint"]["port"] == 5900, "{plan}");
    let (said, told) = call(&["--ctx", "hello/tests/no-sidecar.ctx.json"], 1)?;
    ensure!(said.contains("no-sidecar"), "{said}{told}");
    ensure!(
        call(&["--hook", "fly", "--ctx", "hello/tests/greeting.ctx.json"], 1)?
            .1
            .contains("no hook `fly`; it has plan")
    );
    ensure!(
        call(&["--ctx", "nothing.json"], 1)?
            .1
            .contains("nothing.json: cannot be read")
    );
    ensure!(call(&["--ctx", "hello/main.rhai"], 1)?.1.contains("is not JSON"));
    call(&[], 2)?;
    Ok(())
}

#[test]
fn a_packed_plugin_is_the_same_every_time_and_loads_where_it_is_unpacked() -> anyhow::Result<()> {
    let folder = script()?;
    let pack = |out: &str| launchpad(folder.path(), &["plugin", "pack", "hello", "--out", out], 0);
    pack("one.tar.gz")?;
    pack("two.tar.gz")?;
    let read = |name: &str| std::fs::read(folder.path().join(name));
    ensure!(read("one.tar.gz")? == read("two.tar.gz")?, "the archives differ");
    let manifest = String::from_utf8(read("hello/plugin.toml")?)?;
    ensure!(manifest.contains("\nsha256 = \""), "{manifest}");
    let there = folder.path().join("there");
    std::fs::create_dir(&there)?;
    let unpacked = Command::new("tar")
        .args(["xf", "../one.tar.gz"])
        .current_dir(&there)
        .status()?;
    ensure!(unpacked.success(), "tar");
    launchpad(&there, &["plugin", "test", "hello"], 0)?;
    let (shown, _) = launchpad(&there, &["plugin", "inspect", "hello", "--json"], 0)?;
    let facts: Value = serde_json::from_str(&shown)?;
    let digest = facts["sha256"].as_str().context("a digest")?;
    ensure!(manifest.contains(digest), "{manifest}: {digest}");
    // A changed entry is not the one that was packed; packing again seals it again.
    change(&folder, "main.rhai", "// The launch", "// This launch")?;
    ensure!(
        launchpad(folder.path(), &["plugin", "check", "hello"], 1)?
            .0
            .contains("plugin pack")
    );
    pack("three.tar.gz")?;
    change(&folder, "main.rhai", "port: 5900", "port: 5901")?;
    let before = read("hello/plugin.toml")?;
    launchpad(folder.path(), &["plugin", "pack", "hello"], 1)?;
    ensure!(
        read("hello/plugin.toml")? == before,
        "a refused plugin was sealed"
    );
    Ok(())
}

#[test]
fn what_a_plugin_is_and_asks_for_is_shown() -> anyhow::Result<()> {
    let plugins = launchpad_tests::workspace().join("plugins");
    let (shown, _) = launchpad(&plugins, &["plugin", "inspect", "container"], 0)?;
    ensure!(shown.contains("launchpad:plugin/host@1.0.0 log"), "{shown}");
    ensure!(shown.contains("plan, validate"), "{shown}");
    let (shown, _) = launchpad(&plugins, &["plugin", "inspect", "container-pvc", "--json"], 0)?;
    let facts: Value = serde_json::from_str(&shown)?;
    ensure!(facts["asks_for"] == json!(["pvc"]), "{facts}");
    Ok(())
}

#[test]
fn what_is_installed_is_listed_with_what_became_of_it() -> anyhow::Result<()> {
    let folder = script()?;
    launchpad(folder.path(), &["plugin", "new", "broken"], 0)?;
    std::fs::write(folder.path().join("broken/main.rhai"), "fn plan(")?;
    let (said, _) = launchpad(folder.path(), &["plugin", "list", "--json"], 0)?;
    let list: Value = serde_json::from_str(&said)?;
    let list = list.as_array().context("a list")?;
    let of = |name: &str| {
        let mut found = list.iter();
        found.find(|report| {
            report["source"]
                .as_str()
                .is_some_and(|source| source.ends_with(name))
        })
    };
    let broken = of("broken").context("a line for the broken one")?;
    ensure!(
        broken["state"] == "failed" && broken["loaded"].is_null(),
        "{broken}"
    );
    ensure!(
        of("container-pvc").context("a shipped one")?["state"] == "loaded",
        "{said}"
    );
    let (said, _) = launchpad(folder.path(), &["plugin", "list"], 0)?;
    ensure!(
        said.contains("loaded  hello 0.1.0") && said.contains("main.rhai cannot be compiled"),
        "{said}"
    );
    Ok(())
}

#[test]
fn the_doctor_tells_what_is_wrong_and_what_mends_it() -> anyhow::Result<()> {
    let folder = script()?;
    let (said, _) = launchpad(folder.path(), &["doctor", "--json"], 0)?;
    let lines: Value = serde_json::from_str(&said)?;
    let of = |what: &str| lines.as_array()?.iter().find(|line| line["what"] == what);
    for what in ["configuration", "database", "engine", "plugins"] {
        ensure!(
            of(what).is_some_and(|line| line["state"] == "ok"),
            "{what}: {said}"
        );
    }
    ensure!(of("plugins in Rust").is_some(), "{said}");
    ensure!(
        !folder.path().join("launchpad.db").exists(),
        "a database was made"
    );
    std::fs::write(
        folder.path().join("launchpad.db"),
        "no database, but long enough to be looked at".repeat(99),
    )?;
    let (said, told) = launchpad(folder.path(), &["doctor"], 1)?;
    ensure!(said.contains("wrong    database"), "{said}");
    ensure!(told.contains("wrong that the server needs"), "{told}");
    let (said, _) = launchpad(folder.path(), &["--db", "mysql://x", "doctor"], 1)?;
    ensure!(
        said.contains("wrong    configuration") && said.contains("launchpad config"),
        "{said}"
    );
    Ok(())
}

#[test]
fn calls_are_measured_with_the_share_of_each_limit() -> anyhow::Result<()> {
    let folder = script()?;
    let measure = ["plugin", "bench", "hello", "--calls", "50", "--json"];
    let report: Value = serde_json::from_str(&launchpad(folder.path(), &measure, 0)?.0)?;
    let first = &report["measured"][0];
    ensure!(
        first["calls"] == 50 && first["p50_us"].as_u64() > Some(0),
        "{report}"
    );
    let uses = first["uses"].as_array().context("uses")?;
    let most = |what: &str| {
        uses.iter()
            .find(|used| used["what"] == what)
            .and_then(|used| used["used"].as_u64())
    };
    ensure!(most("steps") > Some(10) && most("answer") > Some(100), "{report}");
    launchpad(folder.path(), &["plugin", "bench", "hello", "--calls", "0"], 2)?;
    change(
        &folder,
        "main.rhai",
        "fn plan(ctx) {",
        "fn plan(ctx) {\n    loop { }",
    )?;
    let (said, told) = launchpad(folder.path(), &["plugin", "bench", "hello"], 1)?;
    ensure!(
        said.contains("ends with a fault") && told.contains("2 could not be measured"),
        "{said}{told}"
    );
    let plugins = launchpad_tests::workspace().join("plugins");
    let (said, _) = launchpad(&plugins, &["plugin", "bench", "container", "--calls", "5"], 0)?;
    ensure!(said.contains("% of memory"), "{said}");
    Ok(())
}

#[test]
fn editors_are_told_what_scripts_may_use() -> anyhow::Result<()> {
    let folder = script()?;
    let (said, _) = launchpad(folder.path(), &["plugin", "definitions"], 0)?;
    for function in ["fn log(", "fn http_fetch(", "fn state_get(", "fn push("] {
        ensure!(said.contains(function), "{function}: {said}");
    }
    ensure!(!said.contains("fn eval("), "what is switched off is offered");
    let written = std::fs::read_to_string(folder.path().join("hello/launchpad.d.rhai"))?;
    ensure!(written.trim() == said.trim(), "the new plugin's is another");
    Ok(())
}

#[test]
fn a_plugin_is_tested_again_whenever_it_changes() -> anyhow::Result<()> {
    let folder = script()?;
    let mut watching = program(PROGRAM)
        .args(["plugin", "dev", "hello"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    let mut lines = BufReader::new(watching.stdout.take().context("stdout is piped")?).lines();
    let mut until = |end: &str| -> anyhow::Result<String> {
        let mut said = String::new();
        while !said.contains(end) {
            said += &lines.next().with_context(|| format!("it ended: {said}"))??;
            said.push('\n');
        }
        Ok(said)
    };
    until("2 recorded calls, 0 failed")?;
    change(&folder, "main.rhai", "port: 5900", "port: 5901")?;
    let said = until("1 of 2 failed")?;
    ensure!(said.contains("answered 5901"), "{said}");
    change(&folder, "main.rhai", "port: 5901", "port")?;
    let said = until("hello: 1 error")?;
    ensure!(said.contains("error: main.rhai:"), "{said}");
    watching.kill()?;
    watching.wait()?;
    Ok(())
}

#[test]
fn what_is_no_component_is_told_apart() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    launchpad(folder.path(), &["plugin", "new", "hello", "--lang", "js"], 0)?;
    let entry = folder.path().join("hello/plugin.wasm");
    std::fs::write(&entry, b"\0asm\x01\0\0\0\xff")?;
    let (said, _) = launchpad(folder.path(), &["plugin", "inspect", "hello"], 1)?;
    ensure!(
        said.contains("is a core module") && said.contains("plugin check"),
        "{said}"
    );
    let (said, _) = launchpad(folder.path(), &["plugin", "check", "hello"], 1)?;
    ensure!(said.contains("cannot become a component"), "{said}");
    std::fs::write(&entry, "no such thing")?;
    let (said, _) = launchpad(folder.path(), &["plugin", "check", "hello"], 1)?;
    ensure!(said.contains("error: plugin.wasm: cannot be compiled"), "{said}");
    Ok(())
}
