//! The plugins that are part of the program.

use crate::Source;

macro_rules! shipped {
    ($($name:literal: [$($file:literal),* $(,)?]),* $(,)?) => {
        &[$((
            $name,
            &[$((
                $file,
                include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/", $name, "/", $file)),
            )),*],
        )),*]
    };
}

type Files = &'static [(&'static str, &'static [u8])];

/// Each file by name, so that the compiler notices when one of them changes or goes away.
const SHIPPED: &[(&str, Files)] = shipped! {
    "container": ["plugin.toml", "settings.schema.json", "plugin.wasm"],
    "container-pvc": ["plugin.toml", "settings.schema.json", "main.rhai"],
    "url": ["plugin.toml", "settings.schema.json", "main.rhai"],
};

impl Source {
    /// The plugins that are part of the program.
    pub fn shipped() -> Vec<Self> {
        SHIPPED
            .iter()
            .map(|(name, files)| Self::Shipped { name, files })
            .collect()
    }
}
