//! Apps: read by everybody, changed by administrators, as JSON and by forms.

mod form;

use axum::Json;
use axum::extract::State;
use axum::http::header::{ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use launchpad_domain::AppId;
use launchpad_services::StoredApp;

use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::{Id, JsonBody};
use crate::json::{AppBody, AppDocument, CatalogueDocument};
use crate::visitor::SignedIn;

pub(super) use form::{confirm_delete, create_by_form, delete_by_form, edit, new, page, update_by_form};

/// All apps, by category and name.
#[utoipa::path(get, path = "/api/apps", tag = "apps", responses((status = 200, body = [AppDocument])))]
pub(crate) async fn list(State(site): State<Site>) -> Result<Json<Vec<AppDocument>>, WebError> {
    Ok(Json(documents(&site).await?))
}

/// The catalogue in the format of a seed.
#[utoipa::path(get, path = "/apps.json", tag = "apps", responses((status = 200, body = CatalogueDocument)))]
pub(crate) async fn catalogue(State(site): State<Site>) -> Result<Json<CatalogueDocument>, WebError> {
    let applications = documents(&site).await?;
    Ok(Json(CatalogueDocument { applications }))
}

async fn documents(site: &Site) -> Result<Vec<AppDocument>, WebError> {
    let apps = site.services.catalogue.list().await?;
    Ok(apps.iter().map(|stored| (&stored.app).into()).collect())
}

/// One app. Its `ETag` goes into `If-Match` of a change that must not undo somebody else's.
#[utoipa::path(get, path = "/api/apps/{id}", tag = "apps", params(("id" = String, Path)),
    responses((status = 200, body = AppDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(State(site): State<Site>, Id(id): Id<AppId>) -> Result<Response, WebError> {
    Ok(answer(&site.services.catalogue.get(&id).await?))
}

/// Adds an app.
#[utoipa::path(post, path = "/api/apps", tag = "apps", request_body = AppBody, responses(
    (status = 201, body = AppDocument), (status = 409, body = ProblemDocument, description = "The id is taken"),
    (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(site): State<Site>,
    caller: SignedIn,
    JsonBody(body): JsonBody<AppBody>,
) -> Result<Response, WebError> {
    let stored = site.services.catalogue.create(&caller.actor, body.into()).await?;
    let location = [(LOCATION, format!("/api/apps/{}", stored.app.id))];
    Ok((StatusCode::CREATED, location, answer(&stored)).into_response())
}

/// Replaces an app.
#[utoipa::path(put, path = "/api/apps/{id}", tag = "apps", params(("id" = String, Path)), request_body = AppBody,
    responses((status = 200, body = AppDocument), (status = 404, body = ProblemDocument),
        (status = 412, body = ProblemDocument, description = "Not at the revision of If-Match"),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn update(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<AppId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<AppBody>,
) -> Result<Response, WebError> {
    let stored = site
        .services
        .catalogue
        .update(&caller.actor, &id, body.into(), if_match(&headers).as_deref())
        .await?;
    Ok(answer(&stored))
}

/// Removes an app; its running sessions go on.
#[utoipa::path(delete, path = "/api/apps/{id}", tag = "apps", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = ProblemDocument), (status = 412, body = ProblemDocument)))]
pub(crate) async fn delete(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<AppId>,
    headers: HeaderMap,
) -> Result<StatusCode, WebError> {
    site.services
        .catalogue
        .delete(&caller.actor, &id, if_match(&headers).as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(stored: &StoredApp) -> Response {
    let tag = [(ETAG, format!("\"{}\"", stored.revision))];
    (tag, Json(AppDocument::from(&stored.app))).into_response()
}

/// The revision that the change is meant for; `*` and no header mean any (RFC 9110, section 13.1.1). A header that
/// names none of ours fits no revision.
fn if_match(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(IF_MATCH)?.to_str().unwrap_or_default().trim();
    (value != "*").then(|| value.trim_matches('"').to_owned())
}
