//! Whether the portal lives, and whether it is ready.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::Site;
use crate::json::HealthDocument;

/// That the process answers.
#[utoipa::path(get, path = "/healthz", tag = "portal", security(()),
    responses((status = 200, body = String, description = "ok")))]
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Whether requests can be served. Only the database decides it: without an engine, links still open.
#[utoipa::path(get, path = "/readyz", tag = "portal", security(()),
    responses((status = 200, body = HealthDocument), (status = 503, body = HealthDocument)))]
pub(crate) async fn ready(State(site): State<Site>) -> (StatusCode, Json<HealthDocument>) {
    let report = site.services.health.report().await;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let document = HealthDocument {
        ready: report.ready,
        database: report.database,
        engine: report.engine,
        launch_types: report.launch_types,
        leads: report.leads,
    };
    (status, Json(document))
}
