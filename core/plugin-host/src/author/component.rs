//! Core modules: what a compiler writes that knows nothing of components.

use std::path::{Path, PathBuf};

use wit_component::ComponentEncoder;

use super::findings::Finding;
use crate::Source;
use crate::limits::{MAX_COMPONENT, MAX_DOCUMENT};
use crate::load::text;
use crate::manifest::{CarrierKind, Manifest};

/// How a core module begins; a component has another number of layers.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A component that was made of a core module.
#[derive(Debug)]
pub struct Made {
    /// The file, by its name in the folder.
    pub entry: String,
    /// Its size as a component.
    pub bytes: usize,
}

/// Makes a component of the plugin's entry where that is a core module with its WIT in it, as guest SDKs build it, and
/// writes it in its place. Nothing is done to anything else; what else is wrong is for the loader to say.
///
/// # Errors
/// Where the module cannot become a component.
pub fn componentise(folder: &Path) -> Result<Option<Made>, Finding> {
    let source = Source::Folder(folder.to_owned());
    let manifest = text(&source, "plugin.toml", MAX_DOCUMENT).and_then(|text| Manifest::parse(&text));
    let Ok(manifest) = manifest else { return Ok(None) };
    if manifest.carrier != CarrierKind::Wasm {
        return Ok(None);
    }
    let Ok(module) = source.read(&manifest.entry, MAX_COMPONENT) else {
        return Ok(None);
    };
    if !is_core_module(&module) {
        return Ok(None);
    }
    let component = encode(&module).map_err(|reason| {
        Finding::error(
            &manifest.entry,
            format!("is a core module that cannot become a component: {reason}"),
        )
        .mended_by("build it with the SDK, or embed the world `full` of launchpad:plugin yourself")
    })?;
    write(&folder.join(&manifest.entry), &component).map_err(|error| {
        Finding::error(
            &manifest.entry,
            format!("the component cannot be written: {error}"),
        )
    })?;
    Ok(Some(Made {
        entry: manifest.entry,
        bytes: component.len(),
    }))
}

/// Whether this is a core module.
pub(super) fn is_core_module(bytes: &[u8]) -> bool {
    bytes.starts_with(CORE_MODULE)
}

fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| format!("{error:#}"))
}

/// All or nothing: a component that is cut off would be worse than the module.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = PathBuf::from(format!("{}.new", path.display()));
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)
}
