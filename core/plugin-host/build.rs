//! Lists the shipped plugins, every folder of `plugins/` that holds a manifest: no launch type has its name in the core.
//!
//! Cargo notices a change in one of them by itself. After adding one, touch this file: watching the whole of `plugins/`
//! would watch its build output too.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its folder in no other way"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let mut list = String::from("&[\n");
    for folder in entries(&plugins)? {
        if folder.join("plugin.toml").is_file() {
            println!("cargo::rerun-if-changed={}", folder.display());
            writeln!(list, "({:?}, &[", name(&folder)?)?;
            for file in entries(&folder)?.iter().filter(|path| is_loaded(path)) {
                let path = file.to_str().ok_or("the path of the sources is not UTF-8")?;
                writeln!(list, "({:?}, include_bytes!({path:?}) as &[u8]),", name(file)?)?;
            }
            list.push_str("]),\n");
        }
    }
    list.push_str("]\n");
    let out = std::env::var_os("OUT_DIR").ok_or("cargo gives OUT_DIR")?;
    std::fs::write(PathBuf::from(out).join("shipped.rs"), list)?;
    Ok(())
}

/// What the loader reads of a plugin: the manifest, the schemas, and the component or the script.
fn is_loaded(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    matches!(&*name, "plugin.toml" | "plugin.wasm")
        || name.ends_with(".schema.json")
        || name.ends_with(".rhai")
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> Result<&str, Box<dyn Error>> {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    Ok(name.ok_or_else(|| format!("{}: not a name in UTF-8", path.display()))?)
}
