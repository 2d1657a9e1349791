//! For who writes plugins: the server's own loader, carriers and limits, told in findings with their place and remedy.
//!
//! On the bench a plugin may what its manifest asks for, as if the operator granted all of it.

mod bench;
mod component;
pub(crate) mod difference;
mod facts;
mod findings;
mod lines;
mod pack;

pub use bench::{Bench, Ran, Tested};
pub use component::{Made, componentise};
pub use facts::Facts;
pub use findings::{Finding, Severity};
pub use pack::{Sealed, seal};
