//! The plugins that are part of the program.

use crate::Source;

type Files = &'static [(&'static str, &'static [u8])];

/// Written by the build script, from the folders of `plugins/`.
const SHIPPED: &[(&str, Files)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

impl Source {
    /// The plugins that are part of the program.
    pub fn shipped() -> Vec<Self> {
        SHIPPED
            .iter()
            .map(|(name, files)| Self::Shipped { name, files })
            .collect()
    }
}
