//! What scripts and pages are told about the portal itself.

use axum::Json;
use axum::extract::State;

use crate::Site;
use crate::json::BrandingDocument;
use crate::openapi;

/// The organisation's look.
#[utoipa::path(get, path = "/api/config", tag = "portal", security(()),
    responses((status = 200, body = BrandingDocument)))]
pub(crate) async fn branding(State(site): State<Site>) -> Json<BrandingDocument> {
    let branding = &site.services.branding;
    Json(BrandingDocument {
        logo_url: branding.logo_url.clone(),
        primary_color: branding.primary_color.clone(),
        secondary_color: branding.secondary_color.clone(),
        tenant_name: branding.tenant_name.clone(),
    })
}

/// This description of the JSON routes.
#[utoipa::path(get, path = "/api/openapi.json", tag = "portal",
    responses((status = 200, body = Object, description = "An OpenAPI 3.1 document")))]
pub(crate) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi::document())
}
