//! Who did what.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LINK};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Html;
use chrono::{DateTime, Days, NaiveDate, Utc};
use futures::TryStreamExt;
use launchpad_domain::{AuditEntry, AuditFilter, FieldProblem, Problems};
use serde::Deserialize;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::audit_export::{self, Format};
use crate::csv::CSV;
use crate::error::{ProblemDocument, WebError};
use crate::input::Query;
use crate::json::AuditDocument;
use crate::views::{AuditFields, AuditPage};

/// Most entries of one answer.
const MOST: u64 = 100;
/// Longest text of a filter.
const MAX_TEXT: usize = 200;

/// A body, its type, and how it is to be called.
type File = ([(HeaderName, &'static str); 2], Body);

/// Which entries. What is empty filters nothing.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// By this sign-in name.
    #[serde(default)]
    user: String,
    /// This action, like `CREATE_APP`.
    #[serde(default)]
    action: String,
    /// To what has this id.
    #[serde(default)]
    target: String,
    /// Of this time or later: RFC 3339, or a day in UTC.
    #[serde(default)]
    from: String,
    /// Before this time: RFC 3339; or until the end of a day in UTC.
    #[serde(default)]
    to: String,
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
    let (entries, next) = read(&site, &part).await?;
    let fields = AuditFields {
        query: part.query(),
        older: next.map(|before| part.older(before)),
        is_filtered: part.filter()? != AuditFilter::default(),
        user: part.user,
        action: part.action,
        target: part.target,
        from: part.from,
        to: part.to,
    };
    drawn(&AuditPage::new(frame, entries, fields))
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
        && let Ok(link) = format!("</api/audit?{}>; rel=\"next\"", part.older(before)).parse()
    {
        headers.insert(LINK, link);
    }
    Ok((
        headers,
        Json(entries.into_iter().map(AuditDocument::from).collect()),
    ))
}

/// All entries, newest first, as comma-separated values. A cell that a spreadsheet would run begins with `'`.
#[utoipa::path(get, path = "/api/audit.csv", tag = "audit", params(Part), responses(
    (status = 200, body = String, content_type = "text/csv"), (status = 403, body = ProblemDocument),
    (status = 422, body = ProblemDocument)))]
pub(crate) async fn csv(State(site): State<Site>, Query(part): Query<Part>) -> Result<File, WebError> {
    export(&site, &part, Format::Csv)
}

/// All entries, newest first, one JSON object a line.
#[utoipa::path(get, path = "/api/audit.jsonl", tag = "audit", params(Part), responses(
    (status = 200, body = String, content_type = "application/jsonl"), (status = 403, body = ProblemDocument),
    (status = 422, body = ProblemDocument)))]
pub(crate) async fn json_lines(State(site): State<Site>, Query(part): Query<Part>) -> Result<File, WebError> {
    export(&site, &part, Format::JsonLines)
}

/// Streamed: as many rows as there are, a page of them in memory. The answer breaks off where the database fails.
fn export(site: &Site, part: &Part, format: Format) -> Result<File, WebError> {
    let filter = part.filter()?;
    let pages = site.services.audit.export(filter);
    let pages = pages.map_ok(move |page| format.lines(page));
    let head = futures::stream::iter([Ok(format.head())]);
    let body = Body::from_stream(futures::StreamExt::chain(head, pages));
    let (kind, disposition) = match format {
        Format::Csv => (CSV, "attachment; filename=\"audit.csv\""),
        Format::JsonLines => (audit_export::JSON_LINES, "attachment; filename=\"audit.jsonl\""),
    };
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition)], body))
}

/// The entries, and the id before which older ones may follow.
async fn read(site: &Site, part: &Part) -> Result<(Vec<AuditEntry>, Option<i64>), WebError> {
    let limit = part.limit.unwrap_or(MOST);
    let filter = part.filter();
    let mut problems = filter.as_ref().err().cloned().unwrap_or_default();
    if !(1..=MOST).contains(&limit) {
        problems.0.push(problem("limit", format!("must be 1 to {MOST}")));
    }
    let (Ok(filter), true) = (filter, problems.0.is_empty()) else {
        return Err(problems.into());
    };
    let entries = site.services.audit.latest(&filter, part.before, limit).await?;
    let full = u64::try_from(entries.len()).is_ok_and(|count| count == limit);
    let next = entries.last().filter(|_| full).map(|entry| entry.id);
    Ok((entries, next))
}

impl Part {
    /// Every problem at once.
    fn filter(&self) -> Result<AuditFilter, Problems> {
        let mut problems = Vec::new();
        let mut text = |name: &str, value: &str| {
            if value.len() > MAX_TEXT {
                problems.push(problem(name, format!("must have at most {MAX_TEXT} bytes")));
            }
            (!value.is_empty()).then(|| value.to_owned())
        };
        let (user, action, target) = (
            text("user", &self.user),
            text("action", &self.action),
            text("target", &self.target),
        );
        let mut time = |name: &str, value: &str, days: u64| match value {
            "" => None,
            value => {
                let time = parse_time(value, days);
                if time.is_none() {
                    let message = "must be a time like 2026-11-24T03:00:00Z, or a day like 2026-11-24";
                    problems.push(problem(name, message.to_owned()));
                }
                time
            }
        };
        let (from, to) = (time("from", &self.from, 0), time("to", &self.to, 1));
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        Ok(AuditFilter {
            user,
            action,
            target,
            from,
            to,
        })
    }

    /// The filter as it stands in an address.
    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("user", &self.user),
            ("action", &self.action),
            ("target", &self.target),
            ("from", &self.from),
            ("to", &self.to),
        ];
        query.extend_pairs(fields.into_iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }

    fn older(&self, before: i64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(self.query());
        query.append_pair("before", &before.to_string());
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        query.finish()
    }
}

/// A time; or a day's begin, or that of one so many days after it.
fn parse_time(text: &str, days: u64) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let day = text
        .parse::<NaiveDate>()
        .ok()?
        .checked_add_days(Days::new(days))?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

fn problem(path: &str, message: String) -> FieldProblem {
    FieldProblem {
        path: path.to_owned(),
        message,
    }
}
