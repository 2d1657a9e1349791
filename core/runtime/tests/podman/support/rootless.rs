//! An ordinary user with a Podman of his own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::{build_images, text};

const USER: &str = "launchpad-test";

/// Makes the user, gives him the example images, and returns a program that is his `podman`.
pub(crate) fn prepare() -> String {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(make).clone()
}

fn make() -> String {
    if !Command::new("id").arg(USER).output().unwrap().status.success() {
        root(&["useradd", "--create-home", USER]);
    }
    let id = text(&Command::new("id").args(["-u", USER]).output().unwrap());
    // What a sign-in on the machine would make.
    let run = format!("/run/user/{id}");
    root(&["install", "--directory", "--mode", "700", "--owner", USER, &run]);

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join("podman-of-an-ordinary-user");
    let script = format!(
        "#!/bin/sh\ncd /\nexec runuser -u {USER} -- env HOME=/home/{USER} XDG_RUNTIME_DIR={run} podman \"$@\"\n"
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();

    let archive = folder.join("images.tar");
    build_images(&["--archive", archive.to_str().unwrap()]);
    let images = fs::File::open(&archive).unwrap();
    let loaded = Command::new(&program)
        .args(["load", "--quiet"])
        .stdin(images)
        .output()
        .unwrap();
    assert!(
        loaded.status.success(),
        "{}",
        String::from_utf8_lossy(&loaded.stderr)
    );
    program.to_str().unwrap().to_owned()
}

fn root(command: &[&str]) {
    let done = Command::new(command[0]).args(&command[1..]).output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
