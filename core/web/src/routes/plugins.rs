//! The installed plugins, for administrators.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use launchpad_domain::{LaunchTypeId, Problems};
use launchpad_services::ServiceError;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::frame::{Frame, drawn};
use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::{FormBody, Id, JsonBody, Query};
use crate::json::{CallDocument, PluginDocument};
use crate::said::Said;
use crate::views::{Page, PluginPage, PluginTry, PluginsPage};
use crate::visitor::{Htmx, SignedIn};

/// Which of the last calls is to be tried again.
#[derive(Debug, Deserialize)]
pub(super) struct Again {
    call: Option<u64>,
}

/// A call by hand.
#[derive(Debug, Deserialize)]
pub(super) struct TryForm {
    #[serde(default)]
    hook: String,
    #[serde(default)]
    context: String,
}

/// `GET /admin/plugins`.
pub(super) async fn page(State(site): State<Site>, Frame(frame): Frame) -> Result<Html<String>, WebError> {
    drawn(&PluginsPage::new(frame, site.services.plugins.list()))
}

/// `GET /admin/plugins/{id}`: one of its last calls may be asked for, to try it again. htmx gets what happens lately.
pub(super) async fn show(
    State(site): State<Site>,
    Frame(frame): Frame,
    Htmx(fragment): Htmx,
    Id(id): Id<LaunchTypeId>,
    Query(again): Query<Again>,
) -> Result<Html<String>, WebError> {
    let calls = site.services.plugins.calls(&id)?;
    let chosen = again
        .call
        .and_then(|number| calls.iter().find(|call| call.number == number));
    let attempt = match chosen {
        Some(call) => PluginTry::of(call.hook, call.context.as_ref()),
        None => PluginTry::default(),
    };
    let page = plugin_page(&site, frame, &id, attempt)?;
    if fragment {
        drawn(&page.as_lately())
    } else {
        drawn(&page)
    }
}

/// `POST /admin/plugins/{id}/try`: the answer stands on the page.
pub(super) async fn try_by_form(
    State(site): State<Site>,
    Frame(frame): Frame,
    Id(id): Id<LaunchTypeId>,
    FormBody(form): FormBody<TryForm>,
) -> Result<Response, WebError> {
    let tried = match serde_json::from_str::<Value>(&form.context) {
        Ok(context) if context.is_object() => site.services.plugins.try_hook(&id, &form.hook, context).await,
        Ok(_) => Err(Problems::one("context", "must be a JSON object").into()),
        Err(error) => Err(Problems::one("context", format!("is no JSON: {error}")).into()),
    };
    let attempt = PluginTry::entered(form.hook, form.context);
    let (status, attempt) = match tried {
        Ok(tried) => (StatusCode::OK, attempt.answered(&tried)),
        Err(ServiceError::Invalid(problems)) => (StatusCode::UNPROCESSABLE_ENTITY, attempt.refused(problems)),
        Err(error) => return Err(error.into()),
    };
    let page = plugin_page(&site, frame, &id, attempt)?;
    Ok((status, drawn(&page)?).into_response())
}

/// `POST /admin/plugins/{id}/enable`.
pub(super) async fn enable_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<LaunchTypeId>,
) -> Result<Response, WebError> {
    site.services.plugins.switch(&caller.actor, &id, true).await?;
    Ok(Said::PluginEnabled.at(&site, &format!("/admin/plugins/{id}")))
}

/// `POST /admin/plugins/{id}/disable`.
pub(super) async fn disable_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<LaunchTypeId>,
) -> Result<Response, WebError> {
    site.services.plugins.switch(&caller.actor, &id, false).await?;
    Ok(Said::PluginDisabled.at(&site, &format!("/admin/plugins/{id}")))
}

/// `POST /admin/plugins/{id}/grants`: a field `granted` for each capability that is ticked.
pub(super) async fn grant_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<LaunchTypeId>,
    FormBody(fields): FormBody<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let ticked = fields.into_iter().filter(|(name, _)| name == "granted");
    let granted = ticked.map(|(_, word)| word).collect();
    site.services.plugins.grant(&caller.actor, &id, granted).await?;
    Ok(Said::PluginGranted.at(&site, &format!("/admin/plugins/{id}")))
}

/// `POST /admin/plugins/reload`.
pub(super) async fn reload_by_form(State(site): State<Site>, caller: SignedIn) -> Result<Response, WebError> {
    site.services.plugins.reload(&caller.actor).await?;
    Ok(Said::PluginsReloaded.at(&site, "/admin/plugins"))
}

/// The installed plugins, also those that could not be loaded.
#[utoipa::path(get, path = "/api/plugins", tag = "plugins", responses(
    (status = 200, body = [PluginDocument]), (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(State(site): State<Site>) -> Json<Vec<PluginDocument>> {
    let reports = site.services.plugins.list();
    Json(reports.into_iter().map(PluginDocument::from).collect())
}

/// One plugin that was loaded.
#[utoipa::path(get, path = "/api/plugins/{id}", tag = "plugins", params(("id" = String, Path)), responses(
    (status = 200, body = PluginDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn read(
    State(site): State<Site>,
    Id(id): Id<LaunchTypeId>,
) -> Result<Json<PluginDocument>, WebError> {
    Ok(Json(site.services.plugins.get(&id)?.into()))
}

/// Its last calls, newest first.
#[utoipa::path(get, path = "/api/plugins/{id}/calls", tag = "plugins", params(("id" = String, Path)), responses(
    (status = 200, body = [CallDocument]), (status = 404, body = ProblemDocument)))]
pub(crate) async fn calls(
    State(site): State<Site>,
    Id(id): Id<LaunchTypeId>,
) -> Result<Json<Vec<CallDocument>>, WebError> {
    let calls = site.services.plugins.calls(&id)?;
    Ok(Json(calls.into_iter().map(CallDocument::from).collect()))
}

/// Looks at the folders now, takes up what has changed, and lets hooks that rest be called again.
#[utoipa::path(post, path = "/api/plugins/reload", tag = "plugins", responses(
    (status = 200, body = [PluginDocument]), (status = 403, body = ProblemDocument)))]
pub(crate) async fn reload(
    State(site): State<Site>,
    caller: SignedIn,
) -> Result<Json<Vec<PluginDocument>>, WebError> {
    site.services.plugins.reload(&caller.actor).await?;
    Ok(list(State(site)).await)
}

/// Switches a plugin on.
#[utoipa::path(post, path = "/api/plugins/{id}/enable", tag = "plugins", params(("id" = String, Path)), responses(
    (status = 200, body = PluginDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn enable(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<LaunchTypeId>,
) -> Result<Json<PluginDocument>, WebError> {
    site.services.plugins.switch(&caller.actor, &id, true).await?;
    read(State(site), Id(id)).await
}

/// Switches a plugin off: its apps cannot be launched; sessions that run are seen out.
#[utoipa::path(post, path = "/api/plugins/{id}/disable", tag = "plugins", params(("id" = String, Path)), responses(
    (status = 200, body = PluginDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn disable(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<LaunchTypeId>,
) -> Result<Json<PluginDocument>, WebError> {
    site.services.plugins.switch(&caller.actor, &id, false).await?;
    read(State(site), Id(id)).await
}

/// The powers that a plugin is to have beside those that the configuration gives it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PluginGrants)]
pub(crate) struct GrantsDocument {
    /// The capabilities, as words: `pvc`, `secret-ref:NAME`, `secret-read:NAME`, `lookup:KIND`, `http:ADDRESS`.
    capabilities: BTreeSet<String>,
}

/// Gives a plugin powers that it asks for, in place of what was given so before. A version that waits for them is taken up.
#[utoipa::path(put, path = "/api/plugins/{id}/grants", tag = "plugins", params(("id" = String, Path)),
    request_body = GrantsDocument, responses((status = 200, body = PluginDocument),
    (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn grant(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<LaunchTypeId>,
    JsonBody(grants): JsonBody<GrantsDocument>,
) -> Result<Json<PluginDocument>, WebError> {
    site.services
        .plugins
        .grant(&caller.actor, &id, grants.capabilities)
        .await?;
    read(State(site), Id(id)).await
}

fn plugin_page(
    site: &Site,
    frame: Page,
    id: &LaunchTypeId,
    attempt: PluginTry,
) -> Result<PluginPage, WebError> {
    let plugins = &site.services.plugins;
    let page = PluginPage::new(
        frame,
        plugins.get(id)?,
        plugins.calls(id)?,
        plugins.lines(id)?,
        attempt,
    );
    // What can be got by its id was loaded.
    page.ok_or_else(|| ServiceError::NotFound("plugin").into())
}
