//! What the viewer chose about the look of the portal.

use axum::Json;
use axum::extract::State;
use launchpad_domain::Preferences;

use crate::Site;
use crate::error::{ProblemDocument, WebError};
use crate::input::JsonBody;
use crate::json::{PreferencesBody, PreferencesDocument};
use crate::visitor::SignedIn;

/// The viewer's preferences.
#[utoipa::path(get, path = "/api/preferences", tag = "preferences",
    responses((status = 200, body = PreferencesDocument)))]
pub(crate) async fn read(
    State(site): State<Site>,
    caller: SignedIn,
) -> Result<Json<PreferencesDocument>, WebError> {
    let preferences = site.services.preferences.get(caller.viewer.id).await?;
    Ok(Json((&preferences).into()))
}

/// Keeps the viewer's preferences; members that are absent stay as they were.
#[utoipa::path(put, path = "/api/preferences", tag = "preferences", request_body = PreferencesBody,
    responses((status = 200, body = PreferencesDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn replace(
    State(site): State<Site>,
    caller: SignedIn,
    JsonBody(body): JsonBody<PreferencesBody>,
) -> Result<Json<PreferencesDocument>, WebError> {
    let book = &site.services.preferences;
    let sent = Preferences::parse(
        body.theme
            .as_ref()
            .map(|theme| theme.0.as_str())
            .filter(|theme| !theme.is_empty()),
        body.collapsed_categories.clone().unwrap_or_default(),
        body.favorites.clone().unwrap_or_default(),
    )?;
    let kept = book.stored(caller.viewer.id).await?;
    let preferences = Preferences {
        theme: if body.theme.is_some() {
            sent.theme
        } else {
            kept.theme
        },
        collapsed_categories: match body.collapsed_categories {
            Some(_) => sent.collapsed_categories,
            None => kept.collapsed_categories,
        },
        favorites: if body.favorites.is_some() {
            sent.favorites
        } else {
            kept.favorites
        },
    };
    book.put(&caller.actor, caller.viewer.id, &preferences).await?;
    Ok(Json((&preferences).into()))
}
