//! Every route of the portal, in one list.

mod account;
pub(crate) mod analytics;
pub(crate) mod apps;
pub(crate) mod audit;
mod catalogue;
pub(crate) mod config;
mod frame;
pub(crate) mod health;
pub(crate) mod launch;
mod launch_form;
pub(crate) mod plugins;
pub(crate) mod preferences;
pub(crate) mod sessions;
mod setup;
mod sign_in;
mod static_files;
mod stream;
mod users;
pub(crate) mod workspaces;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use launchpad_domain::Action::{
    ChangeAccounts, ChangeApps, EndSession, Launch, ListOwnSessions, ListOwnWorkspaces, ListSessions,
    ManagePlugins, ManageWorkspaces, OwnSettings, ReadAnalytics, ReadAudit, SeeCatalogue, SeeSession,
    StreamSession,
};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::Site;
use crate::error::{self, WebError};
use crate::guard::Access::{self, Anyone, Needs, OfSession, Open};
use crate::{guard, headers, input, said, session_origin};

pub(crate) use frame::error_page;

/// A method at a path, what it asks of whoever comes, and what answers.
struct Route {
    method: Method,
    path: &'static str,
    access: Access,
    handler: MethodRouter<Site>,
}

fn get<H: Handler<T, Site>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route {
        method: Method::GET,
        path,
        access,
        handler: on(MethodFilter::GET, handler),
    }
}

fn post<H: Handler<T, Site>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route {
        method: Method::POST,
        path,
        access,
        handler: on(MethodFilter::POST, handler),
    }
}

fn put<H: Handler<T, Site>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route {
        method: Method::PUT,
        path,
        access,
        handler: on(MethodFilter::PUT, handler),
    }
}

fn delete<H: Handler<T, Site>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route {
        method: Method::DELETE,
        path,
        access,
        handler: on(MethodFilter::DELETE, handler),
    }
}

/// The list. What is not in it answers 404.
#[expect(clippy::too_many_lines, reason = "it is one list")]
fn table() -> Vec<Route> {
    vec![
        // Pages for everybody who is signed in
        get("/", Needs(SeeCatalogue), catalogue::show),
        get("/apps/{id}", Needs(SeeCatalogue), catalogue::show_app),
        get("/go/{id}", Needs(Launch), catalogue::go),
        get("/sessions", Needs(ListOwnSessions), sessions::list_page),
        post("/sessions", Needs(Launch), launch::by_form),
        get("/sessions/{id}", OfSession(SeeSession), sessions::show),
        get("/sessions/{id}/events", OfSession(SeeSession), sessions::events),
        get("/sessions/{id}/open", OfSession(StreamSession), sessions::open),
        post("/sessions/{id}/end", OfSession(EndSession), sessions::end_by_form),
        get("/account", Needs(OwnSettings), account::show),
        post("/account/password", Needs(OwnSettings), account::set_password),
        post("/account/tokens", Needs(OwnSettings), account::create_token),
        post(
            "/account/tokens/{id}/revoke",
            Needs(OwnSettings),
            account::revoke_token,
        ),
        post("/sign-out", Needs(OwnSettings), sign_in::sign_out),
        // Pages for administrators
        get("/admin", Needs(ChangeApps), apps::front),
        get("/admin/apps", Needs(ChangeApps), apps::page),
        get("/admin/apps/new", Needs(ChangeApps), apps::new),
        post("/admin/apps", Needs(ChangeApps), apps::create_by_form),
        get("/admin/apps/{id}", Needs(ChangeApps), apps::edit),
        post("/admin/apps/{id}", Needs(ChangeApps), apps::update_by_form),
        get("/admin/apps/{id}/delete", Needs(ChangeApps), apps::confirm_delete),
        post("/admin/apps/{id}/delete", Needs(ChangeApps), apps::delete_by_form),
        post(
            "/admin/apps/{id}/restore",
            Needs(ChangeApps),
            apps::restore_by_form,
        ),
        post("/admin/apps/{id}/shift", Needs(ChangeApps), apps::shift_by_form),
        get("/admin/sessions", Needs(ListSessions(None)), sessions::all_page),
        get("/admin/workspaces", Needs(ManageWorkspaces), workspaces::page),
        get(
            "/admin/workspaces/{name}/delete",
            Needs(ManageWorkspaces),
            workspaces::confirm_delete,
        ),
        post(
            "/admin/workspaces/{name}/delete",
            Needs(ManageWorkspaces),
            workspaces::delete_by_form,
        ),
        get("/admin/audit", Needs(ReadAudit), audit::page),
        get("/admin/analytics", Needs(ReadAnalytics), analytics::page),
        get("/admin/plugins", Needs(ManagePlugins), plugins::page),
        post(
            "/admin/plugins/reload",
            Needs(ManagePlugins),
            plugins::reload_by_form,
        ),
        get("/admin/plugins/{id}", Needs(ManagePlugins), plugins::show),
        post(
            "/admin/plugins/{id}/try",
            Needs(ManagePlugins),
            plugins::try_by_form,
        ),
        post(
            "/admin/plugins/{id}/enable",
            Needs(ManagePlugins),
            plugins::enable_by_form,
        ),
        post(
            "/admin/plugins/{id}/disable",
            Needs(ManagePlugins),
            plugins::disable_by_form,
        ),
        post(
            "/admin/plugins/{id}/grants",
            Needs(ManagePlugins),
            plugins::grant_by_form,
        ),
        get("/admin/users", Needs(ChangeAccounts), users::page),
        post("/admin/users", Needs(ChangeAccounts), users::create),
        post(
            "/admin/users/{name}/disable",
            Needs(ChangeAccounts),
            users::disable,
        ),
        // The way in
        get("/sign-in", Anyone, sign_in::page),
        post("/sign-in", Anyone, sign_in::sign_in),
        get("/setup", Anyone, setup::page),
        post("/setup", Anyone, setup::set_up),
        // JSON
        get("/api/apps", Needs(SeeCatalogue), apps::list),
        post("/api/apps", Needs(ChangeApps), apps::create),
        get("/api/apps/{id}", Needs(SeeCatalogue), apps::read),
        put("/api/apps/{id}", Needs(ChangeApps), apps::update),
        delete("/api/apps/{id}", Needs(ChangeApps), apps::delete),
        post("/api/apps/{id}/restore", Needs(ChangeApps), apps::restore),
        get("/api/deleted-apps", Needs(ChangeApps), apps::deleted),
        put("/api/app-order", Needs(ChangeApps), apps::order),
        get("/api/sessions", Needs(ListOwnSessions), sessions::list),
        post("/api/sessions", Needs(Launch), launch::by_json),
        get("/api/sessions/{id}", OfSession(SeeSession), sessions::read),
        delete("/api/sessions/{id}", OfSession(EndSession), sessions::end),
        get("/api/workspaces", Needs(ListOwnWorkspaces), workspaces::list),
        delete(
            "/api/workspaces/{name}",
            Needs(ManageWorkspaces),
            workspaces::delete,
        ),
        get("/api/preferences", Needs(OwnSettings), preferences::read),
        put("/api/preferences", Needs(OwnSettings), preferences::replace),
        get("/api/plugins", Needs(ManagePlugins), plugins::list),
        post("/api/plugins/reload", Needs(ManagePlugins), plugins::reload),
        get("/api/plugins/{id}", Needs(ManagePlugins), plugins::read),
        get("/api/plugins/{id}/calls", Needs(ManagePlugins), plugins::calls),
        post("/api/plugins/{id}/enable", Needs(ManagePlugins), plugins::enable),
        post(
            "/api/plugins/{id}/disable",
            Needs(ManagePlugins),
            plugins::disable,
        ),
        put("/api/plugins/{id}/grants", Needs(ManagePlugins), plugins::grant),
        get("/api/audit", Needs(ReadAudit), audit::list),
        get("/api/audit.csv", Needs(ReadAudit), audit::csv),
        get("/api/audit.jsonl", Needs(ReadAudit), audit::json_lines),
        get("/api/analytics", Needs(ReadAnalytics), analytics::counts),
        get("/api/analytics.csv", Needs(ReadAnalytics), analytics::csv),
        post("/api/analytics/launch", Needs(Launch), analytics::record_launch),
        get("/api/config", Open, config::branding),
        get("/api/openapi.json", Needs(SeeCatalogue), config::openapi),
        get("/apps.json", Needs(SeeCatalogue), apps::catalogue),
        // The screen
        get("/ws/sessions/{id}", OfSession(StreamSession), stream::open),
        // The same for everybody
        get("/healthz", Open, health::live),
        get("/readyz", Open, health::ready),
        get("/branding.css", Open, static_files::branding),
        get("/favicon.ico", Open, static_files::favicon),
        get("/static/{*name}", Open, static_files::file),
    ]
}

/// Method and path of every route, for the test that tries each as everybody.
pub fn listed() -> Vec<(Method, &'static str)> {
    table()
        .into_iter()
        .map(|route| (route.method, route.path))
        .collect()
}

/// Everything that answers.
pub fn router(site: Site) -> Router {
    let mut router = Router::new();
    for route in table() {
        let door = from_fn_with_state((site.clone(), route.access), guard::enter);
        router = router.route(route.path, route.handler.route_layer(door));
    }
    // What is no route is not told apart from what is one, but to those who are signed in.
    let door = from_fn_with_state((site.clone(), Needs(SeeCatalogue)), guard::enter);
    router
        .fallback((async || WebError::NoRoute).layer(door.clone()))
        .method_not_allowed_fallback((async || WebError::WrongMethod).layer(door))
        .layer(DefaultBodyLimit::max(input::MAX_BODY))
        .layer(CatchPanicLayer::custom(|_| WebError::Panicked.into_response()))
        .layer(from_fn_with_state(site.clone(), error::tell))
        .layer(from_fn_with_state(site.clone(), said::once))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(from_fn_with_state(site.clone(), headers::dress))
        // Before everything else: what is asked of a session's origin never reaches a route of the portal.
        .layer(from_fn_with_state(site.clone(), session_origin::divert))
        .with_state(site)
}
