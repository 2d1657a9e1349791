//! The rows as they are stored, one file per table.
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "the columns are the published format; the derives make items public"
)]

pub(crate) mod account;
pub(crate) mod application;
pub(crate) mod audit_entry;
pub(crate) mod deleted_app;
pub(crate) mod entry;
pub(crate) mod fact;
pub(crate) mod launch;
pub(crate) mod launch_app;
pub(crate) mod launch_day;
pub(crate) mod launch_failure;
pub(crate) mod launch_hour;
pub(crate) mod launch_person;
pub(crate) mod plugin_grant;
pub(crate) mod plugin_off;
pub(crate) mod plugin_value;
pub(crate) mod preference;
pub(crate) mod recent_app;
pub(crate) mod session;
pub(crate) mod session_value;
pub(crate) mod sign_in;
pub(crate) mod token;
pub(crate) mod workspace_removal;
