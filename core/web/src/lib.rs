//! The portal over HTTP: pages for people, JSON for scripts, and the stream between a browser and a session's screen.
//!
//! [`router`] is everything that answers. Its routes stand in one list, `routes::table`, each with the right that it
//! needs; a route without one does not compile. A request goes through the same few steps wherever it leads: the
//! guard finds out who asks and whether they may (`guard`), the handler turns the request into words of
//! `launchpad-domain` and calls a service, and an error becomes a problem document or a page in one place (`error`).
//!
//! This crate names neither the database nor the engine: it knows services.

mod address;
mod analytics_export;
mod audit_export;
mod csv;
mod error;
mod events;
mod guard;
mod headers;
mod input;
mod json;
mod openapi;
mod relay;
mod routes;
mod said;
mod session_origin;
mod site;
mod views;
mod visitor;

pub use address::{AppsDomain, PublicAddress};
pub use routes::{listed, router};
pub use site::Site;
pub use visitor::PeerAddress;
