//! The organisation's name, logo and colours, on every page.

use serde::Serialize;
use url::Url;

use crate::Problems;

/// Checked branding; the answer of `/api/config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Branding {
    /// Where the logo lies: an http(s) URL, or empty for the built-in sign.
    pub logo_url: String,
    /// `#RRGGBB`.
    pub primary_color: String,
    /// `#RRGGBB`.
    pub secondary_color: String,
    /// The organisation's name, 1 to 80 characters.
    pub tenant_name: String,
}

impl Branding {
    /// Checks the four values; every problem at once. Colours end up in a stylesheet and the logo's origin in
    /// a header, so nothing but a plain colour and a plain URL passes.
    pub fn parse(
        logo_url: &str,
        primary: &str,
        secondary: &str,
        tenant_name: &str,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::none();
        let logo_url = match logo_url.trim() {
            "" => Some(String::new()),
            text => problems.take("logo_url", parse_logo(text)),
        };
        let primary_color = problems.take("primary_color", parse_colour(primary));
        let secondary_color = problems.take("secondary_color", parse_colour(secondary));
        let name = tenant_name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            problems.add(
                "tenant_name",
                "must be 1 to 80 characters without control characters",
            );
        }
        match (logo_url, primary_color, secondary_color) {
            (Some(logo_url), Some(primary_color), Some(secondary_color)) => {
                let tenant_name = name.to_owned();
                problems.into_result(Self {
                    logo_url,
                    primary_color,
                    secondary_color,
                    tenant_name,
                })
            }
            _ => Err(problems),
        }
    }

    /// The origin that `img-src` must name for the logo, if it has one.
    pub fn logo_origin(&self) -> Option<String> {
        Url::parse(&self.logo_url)
            .ok()
            .map(|url| url.origin().ascii_serialization())
    }
}

fn parse_logo(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if text.len() <= 2_048 && matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(url.into())
        }
        _ => Err("must be an http or https URL of at most 2048 characters".to_owned()),
    }
}

fn parse_colour(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("must be a colour like #398D9B".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_values_are_all_named() {
        let problems = Branding::parse("javascript:alert(1)", "red;}", "#12345", " \u{7}").unwrap_err();
        let paths: Vec<_> = problems.0.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            ["logo_url", "primary_color", "secondary_color", "tenant_name"]
        );
    }

    #[test]
    fn the_logo_names_its_origin() {
        let branding =
            Branding::parse("https://img.example:8443/a.png", "#398d9b", "#4AB7C3", "Acme").unwrap();
        assert_eq!(
            branding.logo_origin().as_deref(),
            Some("https://img.example:8443")
        );
        assert_eq!(branding.primary_color, "#398D9B");
    }
}
