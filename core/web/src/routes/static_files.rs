//! Stylesheets, modules and pictures, from inside the program.

use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::Site;
use crate::error::WebError;
use crate::views::{Asset, BrandingCss};

/// An address with a version never shows another content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Modules import each other without a version: kept, but asked for each time whether it changed.
const ASK_FIRST: &str = "public, no-cache";

/// `GET /static/{name}`.
pub(super) async fn file(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let asset = Asset::find(&name).ok_or(WebError::NoRoute)?;
    let tag = format!("\"{}\"", asset.version);
    let versioned = query.is_some_and(|query| query == format!("v={}", asset.version));
    let caching = [
        (
            CACHE_CONTROL,
            if versioned { FOR_EVER } else { ASK_FIRST }.to_owned(),
        ),
        (ETAG, tag.clone()),
    ];
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        // A compressing proxy marks the tag as weak; the content is the same.
        .any(|value| value.trim().trim_start_matches("W/") == tag);
    if known {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, [(CONTENT_TYPE, asset.media_type)], asset.bytes).into_response())
}

/// `GET /branding.css`: the organisation's colours. Its address changes with them.
pub(super) async fn branding(State(site): State<Site>) -> Response {
    let css = BrandingCss(&site.services.branding).to_string();
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, css).into_response()
}

/// `GET /favicon.ico`: browsers that do not read the page's own link ask here.
pub(super) async fn favicon() -> Result<Response, WebError> {
    let asset = Asset::find("icon.svg").ok_or(WebError::NoRoute)?;
    let headers = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, "public, max-age=86400"),
    ];
    Ok((headers, asset.bytes).into_response())
}
