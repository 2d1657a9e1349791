//! Seed files for portals under test.

use std::path::Path;

use serde_json::{Value, json};

/// Which catalogue a portal starts with.
#[derive(Debug, Clone)]
pub enum Seed {
    /// `examples/apps.json`.
    Example,
    /// Another file of `examples`.
    File(&'static str),
    /// These entries; see [`app`], [`desktop`] and [`link`].
    Apps(Vec<Value>),
}

impl Seed {
    /// Writes the seed file.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        match self {
            Self::Example => return Self::File("apps.json").write(file),
            Self::File(name) => {
                std::fs::copy(crate::workspace().join("examples").join(name), file)?;
            }
            Self::Apps(apps) => std::fs::write(file, json!({ "applications": apps }).to_string())?,
        }
        Ok(())
    }
}

/// An entry of a catalogue with every published member.
pub fn app(id: &str, launch_type: &str, url: &str, image: &str) -> Value {
    json!({
        "id": id,
        "name": format!("App {id}"),
        "description": "made for a test",
        "url": url,
        "icon": "",
        "category": "Tests",
        "launch_type": launch_type,
        "container_image": image,
    })
}

/// An app that leads to `url`.
pub fn link(id: &str, url: &str) -> Value {
    app(id, "url", url, "")
}

/// An app that runs the example desktop.
pub fn desktop(id: &str) -> Value {
    app(id, "container", "", "localhost/launchpad/desktop:1")
}
