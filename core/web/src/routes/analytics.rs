//! How often apps are launched.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use launchpad_domain::Problems;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::JsonBody;
use crate::json::{AnalyticsDocument, LinkLaunchBody};
use crate::views::AnalyticsPage;
use crate::visitor::SignedIn;

/// `GET /admin/analytics`.
pub(super) async fn page(State(site): State<Site>, Frame(frame): Frame) -> Result<Html<String>, WebError> {
    let counts = site.services.analytics.counts().await?;
    drawn(&AnalyticsPage::new(frame, counts))
}

/// Launches of every kind, per app.
#[utoipa::path(get, path = "/api/analytics", tag = "analytics",
    responses((status = 200, body = AnalyticsDocument), (status = 403, body = ProblemDocument)))]
pub(crate) async fn counts(State(site): State<Site>) -> Result<Json<AnalyticsDocument>, WebError> {
    Ok(Json(site.services.analytics.counts().await?.into()))
}

/// Records the viewer's own opening of an app that is a link. Launches of sessions record themselves.
#[utoipa::path(post, path = "/api/analytics/launch", tag = "analytics", request_body = LinkLaunchBody,
    responses((status = 204), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn record_launch(
    State(site): State<Site>,
    caller: SignedIn,
    JsonBody(body): JsonBody<LinkLaunchBody>,
) -> Result<StatusCode, WebError> {
    let id = body
        .app_id
        .parse()
        .map_err(|message: String| WebError::from(Problems::one("app_id", message)))?;
    site.services
        .analytics
        .record_link_launch(&caller.actor, &caller.viewer, &id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
