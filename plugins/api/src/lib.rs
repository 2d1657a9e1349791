//! Write a Launchpad launch type in Rust.
//!
//! ```ignore
//! use launchpad_plugin_api::{Context, Error, LaunchType, Plan};
//!
//! struct Wiki;
//!
//! impl LaunchType for Wiki {
//!     fn plan(ctx: Context) -> Result<Plan, Error> {
//!         Ok(Plan::url(format!("https://wiki.example.org/{}", ctx.user.name)))
//!     }
//! }
//!
//! launchpad_plugin_api::export!(Wiki);
//! ```
//!
//! Time and randomness come in the [`Context`]: the clocks of the standard library panic on this target, and a call
//! can be replayed from its context alone.

mod documents;
mod error;
mod glue;

pub use documents::{App, Claim, Context, Endpoint, Plan, PluginInfo, Problem, Session, User};
pub use error::Error;
pub use glue::{Level, LaunchType, log};

/// The raw bindings, for [`export!`].
#[doc(hidden)]
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "written by wit-bindgen"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit/v1",
        world: "full",
        pub_export_macro: true,
        default_bindings_module: "launchpad_plugin_api::bindings",
    });
}

#[doc(hidden)]
pub use glue::{call_plan, call_validate};

/// Makes a type that implements [`LaunchType`] the plugin that this component is. Once per component.
#[macro_export]
macro_rules! export {
    ($launch_type:ty) => {
        struct LaunchpadGuest;

        impl $crate::bindings::Guest for LaunchpadGuest {
            fn plan(ctx: String) -> Result<String, $crate::bindings::PluginError> {
                $crate::call_plan::<$launch_type>(&ctx)
            }

            fn validate(ctx: String) -> Result<String, $crate::bindings::PluginError> {
                $crate::call_validate::<$launch_type>(&ctx)
            }
        }

        $crate::bindings::export!(LaunchpadGuest with_types_in $crate::bindings);
    };
}
