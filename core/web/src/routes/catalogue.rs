//! The catalogue, the page of one app, and the way to where a link leads.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, Redirect};
use launchpad_domain::{AppId, Problems};
use serde::Deserialize;

use super::frame::{Frame, drawn};
use super::launch_form::LaunchForm;
use crate::Site;
use crate::error::WebError;
use crate::input::{Id, Query};
use crate::views::CataloguePage;
use crate::visitor::{Htmx, SignedIn};

/// Longest search text that is looked for, in characters.
const MAX_QUERY: usize = 200;

/// What the search field says.
#[derive(Debug, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
}

/// `GET /`: everything, or what was searched for. htmx gets the list alone.
pub(super) async fn show(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    Htmx(fragment): Htmx,
    Query(search): Query<Search>,
) -> Result<Html<String>, WebError> {
    let services = &site.services;
    let apps = services.catalogue.list().await?;
    let sessions = services.sessions.live_of_user(caller.viewer.id).await?;
    let preferences = services.preferences.get(caller.viewer.id).await?;
    let recent = services.analytics.recent(caller.viewer.id).await?;
    let query: String = search.q.chars().take(MAX_QUERY).collect();
    let page = CataloguePage::new(
        frame,
        apps.iter().map(|stored| &stored.app),
        &services.launch_types.list(),
        &sessions,
        &preferences,
        &query,
        &recent,
    );
    if fragment {
        drawn(&page.as_results())
    } else {
        drawn(&page)
    }
}

/// `GET /apps/{id}`: what an app is, and the button that launches it.
pub(super) async fn show_app(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    Id(id): Id<AppId>,
) -> Result<Html<String>, WebError> {
    let app = site.services.catalogue.get(&id).await?.app;
    let asked = LaunchForm::of(&site, &caller, &app).await;
    let texts = asked.form.defaults();
    drawn(&asked.page(&site, frame, &app, &texts, Problems::none()))
}

/// `GET /go/{id}`: leads to where a link app points, and counts it. What a page of another site made the browser open
/// is not counted: nobody chose it.
pub(super) async fn go(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<AppId>,
    headers: HeaderMap,
) -> Result<Redirect, WebError> {
    let chosen = headers
        .get("sec-fetch-site")
        .is_none_or(|value| value != "cross-site");
    let url = site
        .services
        .catalogue
        .open_link(&caller.actor, &caller.viewer, &id, chosen)
        .await?;
    Ok(Redirect::to(&url))
}
