//! The plugins that `launchpad plugin new` begins with: working ones, named `my-plugin`.

use clap::ValueEnum;

/// What a new plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// A script that the server interprets
    Rhai,
    /// A small and fast component
    Rust,
    /// A component with an interpreter in it
    Js,
    /// A component with an interpreter in it
    Python,
}

/// A file by its name in the new folder.
pub(super) type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal => $under:literal: [$($file:literal),* $(,)?]) => {
        &[$((
            concat!($under, $file),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/", $folder, "/", $file)),
        )),*]
    };
}

/// What all of them have, in each language by its own name.
macro_rules! plugin {
    ($folder:literal, [$($file:literal),*]) => {
        files!($folder => "": [
            "plugin.toml",
            "settings.schema.json",
            "README.md",
            "tests/greeting.ctx.json",
            "tests/greeting.plan.json",
            "tests/no-sidecar.ctx.json",
            "tests/no-sidecar.error.json",
            $($file),*
        ])
    };
}

const RHAI: &[File] = plugin!("new/rhai", ["main.rhai"]);
const RUST: &[File] = plugin!("new/rust", ["Cargo.toml", "gitignore", "build.sh", "src/lib.rs"]);
const JS: &[File] = plugin!(
    "new/js",
    ["main.js", "package.json", "gitignore", "build.sh", "build.mjs"]
);
const PYTHON: &[File] = plugin!("new/python", ["app.py", "gitignore", "build.sh"]);

/// The guest SDK, so that a plugin in Rust builds anywhere.
const SDK: &[File] = files!("api" => "sdk/": [
    "Cargo.toml",
    "src/documents.rs",
    "src/error.rs",
    "src/glue.rs",
    "src/host.rs",
    "src/lib.rs",
    "src/memory.rs",
    "src/screen.rs",
    "wit/v1/world.wit",
]);
const TOOLCHAIN: &[File] = files!("." => "sdk/": ["toolchain.sh"]);
const LOCK: &[File] = files!("." => "": ["Cargo.lock"]);
const WIT: &[File] = files!("api" => "": ["wit/v1/world.wit"]);

impl Language {
    /// Every file of a new plugin.
    pub(super) fn files(self) -> impl Iterator<Item = File> {
        let parts: &[&[File]] = match self {
            Self::Rhai => &[RHAI],
            Self::Rust => &[RUST, SDK, TOOLCHAIN, LOCK],
            Self::Js => &[JS, WIT],
            Self::Python => &[PYTHON, WIT],
        };
        parts.iter().flat_map(|files| files.iter().copied())
    }

    /// Whether there is something to build before the plugin can be loaded.
    pub(super) fn is_built(self) -> bool {
        self != Self::Rhai
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sdk_goes_along() {
        let api = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/api");
        for folder in ["src", "wit/v1"] {
            for entry in std::fs::read_dir(format!("{api}/{folder}")).unwrap() {
                let name = format!("sdk/{folder}/{}", entry.unwrap().file_name().display());
                assert!(
                    SDK.iter().any(|(file, _)| *file == name),
                    "{name} is not embedded"
                );
            }
        }
    }
}
