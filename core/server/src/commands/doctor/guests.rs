//! What builds plugins: needed by their authors, never by the server.

use std::process::Stdio;
use std::time::Duration;

use launchpad_domain::Finding;
use tokio::process::Command;

use crate::wiring::Surroundings;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(20);
/// The least version of Node that componentize-js runs with.
const LEAST_NODE: u32 = 20;
/// The least minor version of Python 3 that componentize-py runs with.
const LEAST_PYTHON: u32 = 10;

/// A line for each language that a plugin can be written in beside Rhai.
pub(super) async fn lines(surroundings: &Surroundings) -> Vec<Finding> {
    vec![
        rust(surroundings).await,
        javascript(surroundings).await,
        python(surroundings).await,
    ]
}

async fn rust(surroundings: &Surroundings) -> Finding {
    const TARGET: &str = "wasm32-unknown-unknown";
    let what = "plugins in Rust";
    if !surroundings.finds("cargo") {
        return Finding::missing(
            what,
            "cargo is not installed",
            "install Rust from https://rustup.rs",
        );
    }
    let folder = says(&["rustc", "--print", "target-libdir", "--target", TARGET]).await;
    if folder.is_some_and(|folder| std::path::Path::new(folder.trim()).is_dir()) {
        return Finding::ok(what, format!("rustc has the target {TARGET}"));
    }
    if surroundings.finds("apt-get") {
        return Finding::ok(
            what,
            format!("a plugin's build.sh fetches Debian's rustc-web; rustup target add {TARGET} is faster"),
        );
    }
    Finding::missing(
        what,
        format!("rustc lacks the target {TARGET}"),
        format!("rustup target add {TARGET}"),
    )
}

async fn javascript(surroundings: &Surroundings) -> Finding {
    let what = "plugins in JS";
    let version = says(&["node", "--version"]).await;
    let major = version
        .as_deref()
        .and_then(|text| number(text.trim().trim_start_matches('v'), 0));
    match (version, major) {
        (Some(version), Some(major)) if major >= LEAST_NODE && surroundings.finds("npm") => Finding::ok(
            what,
            format!(
                "Node {}; a plugin's build.sh fetches componentize-js",
                version.trim()
            ),
        ),
        (Some(version), _) => Finding::missing(
            what,
            format!("Node {} without npm, or older than {LEAST_NODE}", version.trim()),
            "install a newer one from https://nodejs.org",
        ),
        (None, _) => Finding::missing(
            what,
            "Node is not installed",
            "install it from https://nodejs.org",
        ),
    }
}

async fn python(_: &Surroundings) -> Finding {
    let what = "plugins in Python";
    let version = says(&["python3", "--version"]).await;
    let Some(version) = version else {
        return Finding::missing(what, "Python is not installed", "apt-get install python3-venv");
    };
    let words = version.trim().trim_start_matches("Python ");
    if number(words, 0) != Some(3) || number(words, 1).is_none_or(|minor| minor < LEAST_PYTHON) {
        return Finding::missing(
            what,
            format!("Python {words} is older than 3.{LEAST_PYTHON}"),
            "install a newer one from https://python.org",
        );
    }
    if says(&["python3", "-c", "import venv, ensurepip"]).await.is_none() {
        return Finding::missing(
            what,
            format!("Python {words} without venv"),
            "apt-get install python3-venv",
        );
    }
    Finding::ok(
        what,
        format!("Python {words}; a plugin's build.sh fetches componentize-py"),
    )
}

/// The number at a place of a version.
fn number(version: &str, place: usize) -> Option<u32> {
    version.split('.').nth(place)?.parse().ok()
}

/// What a program says, if it is there and ends well in time.
async fn says(words: &[&str]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    let run = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, run).await.ok()?.ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
