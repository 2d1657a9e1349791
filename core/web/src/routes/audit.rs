//! Who did what.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::LINK;
use axum::response::Html;
use launchpad_domain::{AuditEntry, Problems};
use serde::Deserialize;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::Query;
use crate::json::AuditDocument;
use crate::views::AuditPage;

/// Most entries of one answer.
const MOST: u64 = 100;

/// Which entries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// Only entries older than the one with this id.
    before: Option<i64>,
    /// At most so many; 1 to 100, where not given 100.
    limit: Option<u64>,
}

/// `GET /admin/audit`.
pub(super) async fn page(
    State(site): State<Site>,
    Frame(frame): Frame,
    Query(part): Query<Part>,
) -> Result<Html<String>, WebError> {
    let (entries, _) = read(&site, &part).await?;
    drawn(&AuditPage::new(frame, entries))
}

/// The newest entries, newest first. A `Link` header with `rel="next"` leads to the older ones.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(Part), responses(
    (status = 200, body = [AuditDocument]), (status = 403, body = ProblemDocument),
    (status = 422, body = ProblemDocument)))]
pub(crate) async fn list(
    State(site): State<Site>,
    Query(part): Query<Part>,
) -> Result<(HeaderMap, Json<Vec<AuditDocument>>), WebError> {
    let (entries, next) = read(&site, &part).await?;
    let mut headers = HeaderMap::new();
    if let Some(before) = next
        && let Ok(link) = format!(
            "</api/audit?before={before}&limit={}>; rel=\"next\"",
            limit(&part)
        )
        .parse()
    {
        headers.insert(LINK, link);
    }
    Ok((
        headers,
        Json(entries.into_iter().map(AuditDocument::from).collect()),
    ))
}

fn limit(part: &Part) -> u64 {
    part.limit.unwrap_or(MOST)
}

/// The entries, and the id before which older ones may follow.
async fn read(site: &Site, part: &Part) -> Result<(Vec<AuditEntry>, Option<i64>), WebError> {
    let limit = limit(part);
    if !(1..=MOST).contains(&limit) {
        return Err(Problems::one("limit", format!("must be 1 to {MOST}")).into());
    }
    let entries = site.services.audit.latest(part.before, limit).await?;
    let full = u64::try_from(entries.len()).is_ok_and(|count| count == limit);
    let next = entries.last().filter(|_| full).map(|entry| entry.id);
    Ok((entries, next))
}
