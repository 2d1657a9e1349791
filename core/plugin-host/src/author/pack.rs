//! What is given away of a plugin, and the checksum that seals it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

use toml::de::DeTable;

use super::bench::{Bench, Tested};
use super::findings::Finding;
use crate::Source;
use crate::limits::{MAX_COMPONENT, MAX_DOCUMENT};
use crate::load::{sha256, text};
use crate::manifest::Manifest;

/// Files for people that go along where they are there.
const BESIDE: &[&str] = &["LICENSE", "LICENSE.md", "LICENSE.txt", "README.md"];

/// A manifest into which the checksum was written.
#[derive(Debug)]
pub struct Sealed {
    before: String,
}

impl Sealed {
    /// Puts the manifest back as it was.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn undo(self, folder: &Path) -> std::io::Result<()> {
        fs::write(folder.join("plugin.toml"), self.before)
    }
}

/// Writes the entry's SHA-256 into `plugin.toml`, and leaves everything else there as it is.
///
/// # Errors
/// Where there is no such manifest or entry, or it cannot be written.
pub fn seal(folder: &Path) -> Result<Sealed, Finding> {
    let source = Source::Folder(folder.to_owned());
    let told = |error: crate::LoadError| Finding::error("plugin.toml", error.to_string());
    let before = text(&source, "plugin.toml", MAX_DOCUMENT).map_err(told)?;
    let manifest = Manifest::parse(&before).map_err(told)?;
    let digest = sha256(&source.read(&manifest.entry, MAX_COMPONENT).map_err(told)?);
    let after = with_digest(&before, &digest)
        .filter(|text| Manifest::parse(text).is_ok_and(|manifest| manifest.sha256.as_ref() == Some(&digest)))
        .ok_or_else(|| {
            Finding::error("plugin.toml", "the checksum cannot be written").mended_by(format!(
                "write it yourself, under [runtime]: sha256 = \"{digest}\""
            ))
        })?;
    if after != before {
        fs::write(folder.join("plugin.toml"), after).map_err(|error| {
            Finding::error("plugin.toml", format!("the checksum cannot be written: {error}"))
        })?;
    }
    Ok(Sealed { before })
}

/// In the place of the one that is there, or below the entry.
fn with_digest(text: &str, digest: &str) -> Option<String> {
    let table = DeTable::parse(text).ok()?;
    let runtime = table.get_ref().get("runtime")?.get_ref().as_table()?;
    let mut text = text.to_owned();
    if let Some(old) = runtime.get("sha256") {
        text.replace_range(old.span(), &format!("\"{digest}\""));
        return Some(text);
    }
    let entry = runtime.get("entry")?.span();
    let end = text
        .get(entry.end..)?
        .find('\n')
        .map_or(text.len(), |end| entry.end + end);
    text.insert_str(end, &format!("\nsha256 = \"{digest}\""));
    Some(text)
}

impl Bench {
    /// The files that make the plugin, in order: what the manifest names, and a licence and a page about it.
    pub fn files(&self) -> Vec<String> {
        let (plugin, source) = self.parts();
        let manifest = &plugin.manifest;
        let optional = [
            &manifest.settings_schema,
            &manifest.params_schema,
            &manifest.config_schema,
        ];
        let hosts = manifest.tests.iter().map(|test| &test.host);
        let tests = manifest.tests.iter().flat_map(|test| [&test.ctx, &test.expect]);
        let named = optional
            .into_iter()
            .chain(hosts)
            .flatten()
            .chain(tests)
            .chain([&manifest.entry]);
        let mut files: BTreeSet<String> = named.cloned().collect();
        let beside = BESIDE
            .iter()
            .filter(|name| source.read(name, MAX_DOCUMENT).is_ok());
        files.extend(beside.map(|name| (*name).to_owned()));
        files.insert("plugin.toml".to_owned());
        files.into_iter().collect()
    }

    /// Reads a file of the plugin.
    ///
    /// # Errors
    /// In words, where it is missing, too large, or not inside the folder.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let (_, source) = self.parts();
        source
            .read(name, MAX_COMPONENT)
            .map_err(|error| error.to_string())
    }

    /// Writes what a recorded call answers now as what is expected of it.
    ///
    /// # Errors
    /// In words, where it answered nothing that can be recorded, or the file is not inside the plugin's folder.
    pub fn record(&self, test: &Tested) -> Result<(), String> {
        let answer = test.answer.as_ref().ok_or("there is no answer")?;
        if answer.get("fault").is_some() {
            return Err(format!("a fault is not recorded: {:#}", answer["fault"]));
        }
        let (_, Source::Folder(folder)) = self.parts() else {
            return Err("the plugin is gone".to_owned());
        };
        let inside = Path::new(&test.expect)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let path = folder.join(&test.expect);
        let parent = path
            .parent()
            .filter(|_| inside)
            .ok_or("expect must name a file in the plugin's folder")?;
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", test.expect);
        fs::create_dir_all(parent).map_err(failed)?;
        let real = path
            .canonicalize()
            .or_else(|_| parent.canonicalize())
            .map_err(failed)?;
        // A link may not lead the answer of a plugin to another place.
        if !real.starts_with(folder.canonicalize().map_err(failed)?) {
            return Err(format!("{} is a link out of the plugin's folder", test.expect));
        }
        fs::write(path, format!("{answer:#}\n")).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_written_once_and_nothing_else_changes() {
        let text = "a = 1\n[runtime]\ntype = \"rhai\" # why\nentry = \"main.rhai\" # that\napi = \"^1.0\"\n";
        let once = with_digest(text, "aa").unwrap();
        assert_eq!(once, text.replace("# that\n", "# that\nsha256 = \"aa\"\n"));
        assert_eq!(with_digest(&once, "bb").unwrap(), once.replace("aa", "bb"));
        assert_eq!(with_digest("[plugin]\n", "aa"), None);
    }
}
