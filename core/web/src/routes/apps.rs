//! Apps: read by everybody, changed by administrators, as JSON and by forms.

mod form;

use axum::Json;
use axum::extract::State;
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use launchpad_domain::AppId;
use launchpad_services::StoredApp;

use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::{Id, JsonBody};
use crate::json::{AppBody, AppDocument, AppOrderBody, CatalogueDocument, DeletedAppDocument};
use crate::visitor::SignedIn;

pub(super) use form::{
    confirm_delete, create_by_form, delete_by_form, edit, front, new, page, restore_by_form, shift_by_form,
    update_by_form,
};

/// All apps, by category; in each in the order that an administrator gave them, then by name.
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
#[utoipa::path(get, path = "/api/apps/{id}", tag = "apps", params(("id" = String, Path)), responses(
    (status = 200, body = AppDocument), (status = 304, description = "It is as `If-None-Match` says"),
    (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(
    State(site): State<Site>,
    Id(id): Id<AppId>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let stored = site.services.catalogue.get(&id).await?;
    let known = Tags::of(&headers, &IF_NONE_MATCH);
    if known.is_some_and(|tags| tags.name(&stored.revision)) {
        return Ok((StatusCode::NOT_MODIFIED, tag(&stored)).into_response());
    }
    Ok(answer(&stored))
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
    let revision = if_match(&site, &id, &headers).await?;
    let stored = site
        .services
        .catalogue
        .update(&caller.actor, &id, body.into(), revision.as_deref())
        .await?;
    Ok(answer(&stored))
}

/// Removes an app, which can be put back; its running sessions go on.
#[utoipa::path(delete, path = "/api/apps/{id}", tag = "apps", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = ProblemDocument), (status = 412, body = ProblemDocument)))]
pub(crate) async fn delete(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<AppId>,
    headers: HeaderMap,
) -> Result<StatusCode, WebError> {
    let revision = if_match(&site, &id, &headers).await?;
    site.services
        .catalogue
        .delete(&caller.actor, &id, revision.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The apps that were deleted last and can be put back, newest first.
#[utoipa::path(get, path = "/api/deleted-apps", tag = "apps", responses(
    (status = 200, body = [DeletedAppDocument]), (status = 403, body = ProblemDocument)))]
pub(crate) async fn deleted(State(site): State<Site>) -> Result<Json<Vec<DeletedAppDocument>>, WebError> {
    let deleted = site.services.catalogue.deleted().await?;
    Ok(Json(deleted.iter().map(DeletedAppDocument::from).collect()))
}

/// Puts the app of this id that was deleted last back, where and as it was.
#[utoipa::path(post, path = "/api/apps/{id}/restore", tag = "apps", params(("id" = String, Path)), responses(
    (status = 200, body = AppDocument), (status = 404, body = ProblemDocument),
    (status = 409, body = ProblemDocument, description = "Another app has its id by now")))]
pub(crate) async fn restore(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<AppId>,
) -> Result<Response, WebError> {
    Ok(answer(
        &site.services.catalogue.restore(&caller.actor, &id).await?,
    ))
}

/// Gives apps the first places of their categories, in this order. The others of these categories follow by name;
/// other categories stay as they are.
#[utoipa::path(put, path = "/api/app-order", tag = "apps", request_body = AppOrderBody, responses(
    (status = 204), (status = 403, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn order(
    State(site): State<Site>,
    caller: SignedIn,
    JsonBody(body): JsonBody<AppOrderBody>,
) -> Result<StatusCode, WebError> {
    site.services
        .catalogue
        .order(&caller.actor, &body.app_ids)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(stored: &StoredApp) -> Response {
    (tag(stored), Json(AppDocument::from(&stored.app))).into_response()
}

fn tag(stored: &StoredApp) -> [(HeaderName, String); 1] {
    [(ETAG, format!("\"{}\"", stored.revision))]
}

/// The tags of a header (RFC 9110, section 13.1), without their quotation marks; none: `*`, which is any.
struct Tags(Option<Vec<String>>);

impl Tags {
    /// `None` where there is no such header.
    fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut tags = Vec::new();
        for value in headers.get_all(name) {
            let value = value.to_str().unwrap_or_default().trim();
            if value == "*" {
                return Some(Self(None));
            }
            // Ours hold no comma. A weak one is none of ours.
            tags.extend(
                value
                    .split(',')
                    .map(|tag| tag.trim().trim_matches('"').to_owned()),
            );
        }
        headers.contains_key(name).then_some(Self(Some(tags)))
    }

    fn name(&self, revision: &str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|tags| tags.iter().any(|tag| tag == revision))
    }
}

/// The revision that a change is meant for; none: any. A header that names none of ours fits no revision.
async fn if_match(site: &Site, id: &AppId, headers: &HeaderMap) -> Result<Option<String>, WebError> {
    let Some(Tags(Some(mut tags))) = Tags::of(headers, &IF_MATCH) else {
        return Ok(None);
    };
    if tags.len() > 1 {
        // Of several the one that counts now, if any does; that it still counts is asked again with the change.
        let now = site.services.catalogue.get(id).await?.revision;
        tags.retain(|tag| *tag == now);
    }
    // No revision is called so.
    Ok(Some(tags.pop().unwrap_or_else(|| "none".to_owned())))
}
