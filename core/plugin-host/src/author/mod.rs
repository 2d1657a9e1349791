//! For who writes plugins: the server's own loader, carriers and limits, told in findings with their place and remedy.
//!
//! On the bench a plugin may what its manifest asks for, as if the operator granted all of it.

use std::path::Path;

use crate::Source;

mod bench;
mod component;
pub(crate) mod difference;
mod facts;
mod findings;
mod lines;
mod measure;
mod pack;

pub use bench::{Bench, Ran, Tested};
pub use component::{Made, componentise};
pub use facts::Facts;
pub use findings::{Finding, Severity};
pub use measure::{Measured, Use};
pub use pack::{Sealed, seal};

/// What the files in a folder look like from outside: changes when one of them may have changed.
pub fn look(folder: &Path) -> u64 {
    Source::Folder(folder.to_owned()).look()
}

/// A definitions file for editors: everything that a script may use, as the server's own interpreter has it.
pub fn definitions() -> String {
    crate::rhai_carrier::definitions()
}
