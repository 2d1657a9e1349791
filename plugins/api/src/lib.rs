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
mod host;
#[cfg(all(
    feature = "allocator",
    target_arch = "wasm32",
    not(target_feature = "atomics")
))]
mod memory;
mod screen;

pub use documents::{
    App, Choice, Claim, CleanupWish, Context, Endpoint, Event, EventAction, FieldOptions, Plan, PluginInfo,
    Problem, Readiness, ReadyCheck, Session, User,
};
pub use error::Error;
pub use glue::LaunchType;
pub use host::{
    Level, Request, Response, http_fetch, kv_cas, kv_get, log, lookup, progress, secret_read, secret_ref,
    state_get, state_set,
};
pub use screen::on_screen;

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
pub use glue::{call_cleanup, call_on_event, call_options, call_plan, call_ready, call_validate};

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

            fn options(ctx: String) -> Result<String, $crate::bindings::PluginError> {
                $crate::call_options::<$launch_type>(&ctx)
            }

            fn ready(ctx: String) -> Result<String, $crate::bindings::PluginError> {
                $crate::call_ready::<$launch_type>(&ctx)
            }

            fn on_event(ctx: String) -> Result<String, $crate::bindings::PluginError> {
                $crate::call_on_event::<$launch_type>(&ctx)
            }

            fn cleanup(ctx: String) -> Result<String, $crate::bindings::PluginError> {
                $crate::call_cleanup::<$launch_type>(&ctx)
            }
        }

        $crate::bindings::export!(LaunchpadGuest with_types_in $crate::bindings);
    };
}
