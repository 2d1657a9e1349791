//! The static files, inside the program, addressed by their content.

use std::borrow::Cow;

use rust_embed::RustEmbed;

/// The folder `templates/static`; read from the disk in debug builds, so that an edit shows at once.
#[derive(RustEmbed)]
#[folder = "../../templates/static"]
struct Static;

/// A static file as it is served.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its bytes.
    pub(crate) bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub(crate) media_type: &'static str,
    /// Its version: the `v` of its address and its `ETag`. Without `v` it may not be kept for ever: modules
    /// import each other by plain names.
    pub(crate) version: String,
}

impl Asset {
    /// The file of this name (`app.css`, `vendor/htmx/htmx.min.js`), if it is one that pages load or a licence.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let media_type = media_type(name)?;
        let file = Static::get(name)?;
        Some(Self {
            version: version(&file),
            bytes: file.data,
            media_type,
        })
    }
}

/// The address of a static file, with its version: an address never shows two contents.
pub(crate) fn asset(name: &str) -> String {
    match Static::get(name) {
        Some(file) => format!("/static/{name}?v={}", version(&file)),
        // Answers 404 when it is asked for, which the pages' test does for every address.
        None => format!("/static/{name}"),
    }
}

fn version(file: &rust_embed::EmbeddedFile) -> String {
    hex::encode(&file.metadata.sha256_hash()[..6])
}

/// What is not in this list lies in the folder for other reasons and is not served.
fn media_type(name: &str) -> Option<&'static str> {
    let (_, file) = name.rsplit_once('/').unwrap_or(("", name));
    match file.rsplit_once('.') {
        Some((_, "css")) => Some("text/css; charset=utf-8"),
        Some((_, "js")) => Some("text/javascript; charset=utf-8"),
        Some((_, "svg")) => Some("image/svg+xml"),
        _ if matches!(file, "LICENSE" | "LICENSE.txt" | "AUTHORS") => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}
