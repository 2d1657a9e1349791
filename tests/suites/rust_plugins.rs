//! Plugins in Rust as their authors make them: outside this repository, with the target that the guide names.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;

use crate::plugin_author::{change, launchpad};

/// Builds a new plugin in Rust with the toolchain of the shipped ones, where `plugins/build.sh` has brought it or the
/// target is installed.
pub(crate) fn built_in_rust(folder: &Path) -> anyhow::Result<bool> {
    let target = launchpad_tests::workspace()
        .canonicalize()?
        .join("plugins/target");
    let found = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", "wasm32-unknown-unknown"])
        .output()?;
    let installed = Path::new(String::from_utf8(found.stdout)?.trim()).is_dir();
    if !installed && !target.join("toolchain/complete").exists() {
        return Ok(false);
    }
    let built = Command::new("hello/build.sh")
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &target)
        .output()?;
    ensure!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    Ok(true)
}

#[test]
fn a_new_plugin_in_rust_builds_outside_this_repository_and_its_panics_are_told() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    launchpad(folder.path(), &["plugin", "new", "hello", "--lang", "rust"], 0)?;
    if !built_in_rust(folder.path())? {
        return Ok(());
    }
    let (_, told) = launchpad(folder.path(), &["plugin", "test", "hello"], 1)?;
    ensure!(told.contains("cannot be loaded"), "{told}");
    let (said, _) = launchpad(folder.path(), &["plugin", "check", "hello"], 0)?;
    ensure!(said.contains("plugin.wasm was a core module"), "{said}");
    let (said, _) = launchpad(folder.path(), &["plugin", "check", "hello"], 0)?;
    ensure!(said.starts_with("hello 0.1.0: ok"), "{said}");
    let (said, _) = launchpad(folder.path(), &["plugin", "test", "hello"], 0)?;
    ensure!(said.ends_with("2 recorded calls, 0 failed\n"), "{said}");

    let planned = "let greeting = format!(";
    change(
        &folder,
        "src/lib.rs",
        planned,
        &format!("assert_eq!(1 + 1, 3, \"by mistake\");\n        {planned}"),
    )?;
    built_in_rust(folder.path())?;
    let (said, _) = launchpad(folder.path(), &["plugin", "check", "hello"], 1)?;
    ensure!(said.contains("its own test a greeting fails"), "{said}");
    let call = ["plugin", "run", "hello", "--ctx", "hello/tests/greeting.ctx.json"];
    let (said, told) = launchpad(folder.path(), &call, 1)?;
    ensure!(said.contains("plugin-trap"), "{said}");
    ensure!(
        told.contains("by mistake") && told.contains("src/lib.rs:"),
        "{told}"
    );
    Ok(())
}
