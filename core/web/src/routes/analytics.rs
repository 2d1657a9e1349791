//! How often apps are launched, by whom, and how it went.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use launchpad_domain::{AnalyticsQuery, AnalyticsReport, Problems};
use launchpad_services::Detail;
use serde::Deserialize;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::analytics_export::Table;
use crate::csv::CSV;
use crate::error::{ProblemDocument, WebError};
use crate::input::{JsonBody, Query};
use crate::json::{AnalyticsDocument, LinkLaunchBody};
use crate::views::{AnalyticsFields, AnalyticsPage};
use crate::visitor::SignedIn;

/// Of how many apps the page tells people and times, beside how often they were launched.
const DETAILED: usize = 25;

/// Which launches. What is empty is what it usually is: the last fourteen days of all apps, by days.
#[derive(Debug, Default, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Range {
    /// The first day, in UTC; a time means its day.
    #[serde(default)]
    from: String,
    /// The last day, likewise.
    #[serde(default)]
    to: String,
    /// Only of this app.
    #[serde(default)]
    app_id: String,
    /// `hour` (for at most 31 days) or `day` (for at most 731).
    #[serde(default)]
    granularity: String,
}

/// What of it a file holds.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `series` (where nothing is said), `apps` or `failures`.
    #[serde(default)]
    table: String,
}

/// `GET /admin/analytics`.
pub(super) async fn page(
    State(site): State<Site>,
    Frame(frame): Frame,
    Query(range): Query<Range>,
) -> Result<Response, WebError> {
    let analytics = &site.services.analytics;
    let ever = analytics.counts().await?;
    let today = analytics.today();
    let fields = |query: Option<&AnalyticsQuery>| {
        let of =
            |day: fn(&AnalyticsQuery) -> String, entered: &str| query.map_or_else(|| entered.to_owned(), day);
        AnalyticsFields {
            from: of(|query| query.from.to_string(), &range.from),
            to: of(|query| query.to.to_string(), &range.to),
            app_id: range.app_id.clone(),
            granularity: of(|query| query.granularity.as_str().to_owned(), &range.granularity),
        }
    };
    match range.query(&site) {
        Ok(query) => {
            let report = analytics.report(&query, Detail::Most(DETAILED)).await?;
            let fields = fields(Some(&report.query));
            Ok(drawn(&AnalyticsPage::new(frame, fields, today, &ever, &report))?.into_response())
        }
        Err(problems) => {
            let page = AnalyticsPage::refused(frame, fields(None), today, &ever, problems);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn(&page)?).into_response())
        }
    }
}

/// Launches of every kind, per app: of all time, or in the range that any of the parameters asks for.
#[utoipa::path(get, path = "/api/analytics", tag = "analytics", params(Range), responses(
    (status = 200, body = AnalyticsDocument), (status = 403, body = ProblemDocument),
    (status = 422, body = ProblemDocument)))]
pub(crate) async fn counts(
    State(site): State<Site>,
    Query(range): Query<Range>,
) -> Result<Json<AnalyticsDocument>, WebError> {
    if range.is_empty() {
        return Ok(Json(site.services.analytics.counts().await?.into()));
    }
    Ok(Json(range.report(&site).await?.into()))
}

/// A table of the range as comma-separated values. A cell that a spreadsheet would run begins with `'`.
#[utoipa::path(get, path = "/api/analytics.csv", tag = "analytics", params(Range, Wanted), responses(
    (status = 200, body = String, content_type = "text/csv"), (status = 403, body = ProblemDocument),
    (status = 422, body = ProblemDocument)))]
pub(crate) async fn csv(
    State(site): State<Site>,
    Query(range): Query<Range>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let mut problems = range.query(&site).err().unwrap_or_default();
    let table = problems.take("table", wanted.table.parse::<Table>());
    let Some(table) = table.filter(|_| problems.is_empty()) else {
        return Err(problems.into());
    };
    let report = range.report(&site).await?;
    let head = [
        (CONTENT_TYPE, CSV.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"analytics-{}.csv\"", table.name()),
        ),
    ];
    Ok((head, table.write(&report)).into_response())
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

impl Range {
    fn is_empty(&self) -> bool {
        [&self.from, &self.to, &self.app_id, &self.granularity]
            .into_iter()
            .all(String::is_empty)
    }

    /// Every problem at once.
    fn query(&self, site: &Site) -> Result<AnalyticsQuery, Problems> {
        let today = site.services.analytics.today();
        AnalyticsQuery::parse(&self.from, &self.to, &self.app_id, &self.granularity, today)
    }

    async fn report(&self, site: &Site) -> Result<AnalyticsReport, WebError> {
        let query = self.query(site)?;
        Ok(site.services.analytics.report(&query, Detail::Every).await?)
    }
}
