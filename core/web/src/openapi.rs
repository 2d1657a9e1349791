//! The OpenAPI document, generated from the handlers.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::error::ProblemDocument;
use crate::routes::{
    analytics, apps, audit, config, health, launch, plugins, preferences, sessions, workspaces,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Launchpad", description = "One portal to every tool of an organisation."),
    paths(
        apps::list, apps::create, apps::read, apps::update, apps::delete, apps::catalogue,
        apps::restore, apps::deleted, apps::order,
        sessions::list, launch::by_json, sessions::read, sessions::end,
        workspaces::list, workspaces::delete,
        preferences::read, preferences::replace,
        plugins::list, plugins::reload, plugins::read, plugins::calls, plugins::enable, plugins::disable, plugins::grant,
        audit::list, audit::csv, audit::json_lines, analytics::counts, analytics::csv, analytics::record_launch,
        config::branding, config::openapi, health::live, health::ready,
    ),
    components(schemas(ProblemDocument)),
    modifiers(&Tokens),
    security(("token" = []))
)]
struct Document;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API token: `launchpad token create --user NAME`."))
            .build();
        openapi
            .components
            .get_or_insert_with(Default::default)
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The document of all JSON routes.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_json_route_is_described_and_nothing_else() {
        let document = serde_json::to_value(document()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut described: Vec<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap();
                methods
                    .keys()
                    .map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let mut routes: Vec<String> = crate::listed()
            .into_iter()
            .filter(|(_, path)| {
                path.starts_with("/api/") || ["/apps.json", "/healthz", "/readyz"].contains(path)
            })
            .map(|(method, path)| format!("{method} {path}"))
            .collect();
        described.sort();
        routes.sort();
        assert_eq!(described, routes);
    }
}
