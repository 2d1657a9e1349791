//! Workspaces: listed, and deleted by administrators.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use launchpad_domain::{Action, WorkspaceName, authorize};
use serde::Deserialize;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::{Id, Query};
use crate::json::WorkspaceDocument;
use crate::said::Said;
use crate::views::{WorkspaceDeletePage, WorkspacesPage};
use crate::visitor::SignedIn;

/// Which of them.
#[derive(Deserialize)]
pub(super) struct Filter {
    /// Words of owner, app or name.
    #[serde(default)]
    q: String,
}

/// `GET /admin/workspaces`.
pub(super) async fn page(
    State(site): State<Site>,
    Frame(frame): Frame,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, WebError> {
    let workspaces = site.services.workspaces.all().await?;
    drawn(&WorkspacesPage::new(frame, &workspaces, &filter.q))
}

/// `GET /admin/workspaces/{name}/delete`: what will be lost, and the button.
pub(super) async fn confirm_delete(
    State(site): State<Site>,
    Frame(frame): Frame,
    Id(name): Id<WorkspaceName>,
) -> Result<Html<String>, WebError> {
    let workspace = site.services.workspaces.get(&name).await?;
    drawn(&WorkspaceDeletePage::new(frame, &workspace))
}

/// `POST /admin/workspaces/{name}/delete`.
pub(super) async fn delete_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Id(name): Id<WorkspaceName>,
) -> Result<Response, WebError> {
    site.services.workspaces.delete(&caller.actor, &name).await?;
    Ok(Said::WorkspaceDeleted.at(&site, "/admin/workspaces"))
}

/// The viewer's workspaces; an administrator's list is everybody's.
#[utoipa::path(get, path = "/api/workspaces", tag = "workspaces", responses(
    (status = 200, body = [WorkspaceDocument]), (status = 503, body = ProblemDocument)))]
pub(crate) async fn list(
    State(site): State<Site>,
    caller: SignedIn,
) -> Result<Json<Vec<WorkspaceDocument>>, WebError> {
    let workspaces = &site.services.workspaces;
    let listed = if authorize(Some(&caller.viewer), Action::ManageWorkspaces).is_ok() {
        workspaces.all().await?
    } else {
        workspaces.of_user(caller.viewer.id).await?
    };
    Ok(Json(listed.iter().map(WorkspaceDocument::from).collect()))
}

/// Has a workspace deleted, with all that is in it. Being deleted already is no error.
#[utoipa::path(delete, path = "/api/workspaces/{name}", tag = "workspaces", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn delete(
    State(site): State<Site>,
    caller: SignedIn,
    Id(name): Id<WorkspaceName>,
) -> Result<Response, WebError> {
    site.services.workspaces.delete(&caller.actor, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
