//! What people see: one struct for each page, filled from the words of the domain, drawn by `templates/`.
//!
//! A page is a whole document; a fragment is a named block of the same template (`as_results()` and the like),
//! so that what htmx swaps in can never differ from what a reload shows. Nothing here asks a service.

mod account;
mod admin;
mod analytics;
mod app_form;
mod assets;
mod audit;
mod branding;
mod catalogue;
mod error;
mod form;
mod icon;
mod page;
mod plot;
mod plugins;
mod schema_form;
mod sessions;
mod sign_in;
#[cfg(test)]
mod tests;
mod when;
mod workspaces;

pub(crate) use account::{AccountPage, TokenRow};
pub(crate) use admin::{AllSessionsPage, UsersPage};
pub(crate) use analytics::{AnalyticsFields, AnalyticsPage};
pub(crate) use app_form::{AppDeletePage, AppFields, AppFormPage, AppsPage};
pub(crate) use assets::Asset;
pub(crate) use audit::{AuditFields, AuditPage};
pub(crate) use branding::BrandingCss;
pub(crate) use catalogue::{AppPage, CataloguePage};
pub(crate) use error::ErrorPage;
pub(crate) use page::Page;
pub(crate) use plugins::{PluginPage, PluginTry, PluginsPage};
pub(crate) use schema_form::SchemaForm;
pub(crate) use sessions::{SessionPage, SessionsPage, ViewerPage};
pub(crate) use sign_in::{SetupPage, SignInPage};
pub(crate) use workspaces::{WorkspaceDeletePage, WorkspacesPage};
