//! Apps: the entries of the catalogue, and how they are checked on their way in.

use chrono::{DateTime, Utc};
use oci_spec::distribution::Reference;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{AppId, LaunchTypeId, Problems};

/// Longest name of an app, in characters.
pub const MAX_NAME: usize = 100;
/// Longest description, in characters.
pub const MAX_DESCRIPTION: usize = 1_000;
/// Longest category, in characters.
pub const MAX_CATEGORY: usize = 80;
/// Longest URL, icon or image reference, in bytes.
pub const MAX_REFERENCE: usize = 2_048;
/// Most bytes that an app's settings may have as JSON.
pub const MAX_SETTINGS: usize = 64 * 1_024;

/// An entry of the catalogue. All text fields are text, never absent: `""` says that nothing was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Unique, chosen by an administrator; free again once the app is deleted.
    pub id: AppId,
    /// What people read.
    pub name: String,
    /// A sentence or two.
    pub description: String,
    /// The address that a link opens; http or https.
    pub url: String,
    /// A short sign (an emoji), a path on this portal, or an http(s) URL; pages load no foreign one.
    pub icon: String,
    /// The heading under which the app stands.
    pub category: String,
    /// Which plugin launches it.
    pub launch_type: LaunchTypeId,
    /// The image that the launch type starts, where it starts one.
    pub container_image: String,
    /// What the launch type needs beyond that, checked against its schema.
    pub settings: Map<String, Value>,
}

/// An app that was deleted and can still come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedApp {
    /// As it was.
    pub app: App,
    /// When it was deleted.
    pub deleted_at: DateTime<Utc>,
}

/// An app as somebody wrote it, not yet checked.
#[derive(Debug, Clone, Default)]
pub struct AppDraft {
    /// See [`App::id`].
    pub id: String,
    /// See [`App::name`].
    pub name: String,
    /// See [`App::description`].
    pub description: String,
    /// See [`App::url`].
    pub url: String,
    /// See [`App::icon`].
    pub icon: String,
    /// See [`App::category`].
    pub category: String,
    /// See [`App::launch_type`]; empty means the configured default.
    pub launch_type: String,
    /// See [`App::container_image`].
    pub container_image: String,
    /// See [`App::settings`].
    pub settings: Map<String, Value>,
}

impl AppDraft {
    /// Checks every field and names every problem. Whether the launch type exists, and what it needs of the
    /// app, is asked of the launch types afterwards.
    pub fn parse(self, default_launch_type: &LaunchTypeId) -> Result<App, Problems> {
        let mut problems = Problems::none();
        let id = problems.take("id", self.id.trim().parse());
        let name = problems.take("name", line(&self.name, 1, MAX_NAME));
        let description = problems.take("description", text(&self.description, MAX_DESCRIPTION));
        let url = problems.take("url", optional(&self.url, web_address));
        let icon = problems.take("icon", optional(&self.icon, icon));
        let category = problems.take("category", line(&self.category, 0, MAX_CATEGORY));
        let launch_type = problems.take(
            "launch_type",
            match self.launch_type.trim() {
                "" => Ok(default_launch_type.clone()),
                text => text.parse(),
            },
        );
        let container_image = problems.take(
            "container_image",
            optional(&self.container_image, image_reference),
        );
        if Value::Object(self.settings.clone()).to_string().len() > MAX_SETTINGS {
            problems.add(
                "settings",
                format!("must be at most {MAX_SETTINGS} bytes of JSON"),
            );
        }
        let (Some(id), Some(name), Some(description), Some(url), Some(icon)) =
            (id, name, description, url, icon)
        else {
            return Err(problems);
        };
        let (Some(category), Some(launch_type), Some(container_image)) =
            (category, launch_type, container_image)
        else {
            return Err(problems);
        };
        let settings = self.settings;
        problems.into_result(App {
            id,
            name,
            description,
            url,
            icon,
            category,
            launch_type,
            container_image,
            settings,
        })
    }
}

impl From<App> for AppDraft {
    fn from(app: App) -> Self {
        Self {
            id: app.id.into(),
            name: app.name,
            description: app.description,
            url: app.url,
            icon: app.icon,
            category: app.category,
            launch_type: app.launch_type.into(),
            container_image: app.container_image,
            settings: app.settings,
        }
    }
}

/// Checks an address that a person's browser may be sent to: http or https with a host, nothing else.
pub fn web_address(address: &str) -> Result<String, String> {
    let wrong = || "must be an http or https URL of at most 2048 characters".to_owned();
    // The URL parser drops tabs and line ends; what it would repair is refused.
    if address.len() > MAX_REFERENCE || address.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong());
    }
    match Url::parse(address) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(address.to_owned()),
        _ => Err(wrong()),
    }
}

/// Checks an image reference (OCI distribution specification: name, tag, digest).
pub fn image_reference(reference: &str) -> Result<String, String> {
    let wrong = || "must be an image reference like registry.example/team/image:1.0".to_owned();
    if reference.len() > 512 {
        return Err(wrong());
    }
    reference
        .parse::<Reference>()
        .map(|_| reference.to_owned())
        .map_err(|_| wrong())
}

fn icon(icon: &str) -> Result<String, String> {
    let sign = icon.chars().count() <= 8 && !icon.chars().any(char::is_control);
    let own_path = icon.starts_with('/') && !icon.starts_with("//") && icon.len() <= MAX_REFERENCE;
    if (sign && !icon.starts_with('/'))
        || (own_path && icon.chars().all(|c| c.is_ascii_graphic() && c != '\\'))
    {
        Ok(icon.to_owned())
    } else {
        web_address(icon)
            .map_err(|_| "must be a sign of at most 8 characters, a path or an http(s) URL".to_owned())
    }
}

fn optional(raw: &str, check: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    match raw.trim() {
        "" => Ok(String::new()),
        given => check(given),
    }
}

fn line(raw: &str, least: usize, most: usize) -> Result<String, String> {
    let line = raw.trim();
    let length = line.chars().count();
    if length < least {
        Err("must not be empty".to_owned())
    } else if length > most {
        Err(format!("must have at most {most} characters"))
    } else if line.chars().any(char::is_control) {
        Err("must not contain control characters".to_owned())
    } else {
        Ok(line.to_owned())
    }
}

fn text(raw: &str, most: usize) -> Result<String, String> {
    let text = raw.trim();
    if text.chars().count() > most {
        Err(format!("must have at most {most} characters"))
    } else if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        Err("must not contain control characters".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_type() -> LaunchTypeId {
        "url".parse().unwrap()
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let draft = AppDraft {
            id: "Wiki".into(),
            name: " ".into(),
            url: "javascript:alert(1)".into(),
            container_image: "not an image".into(),
            category: "x".repeat(81),
            launch_type: "?".into(),
            ..AppDraft::default()
        };
        let problems = draft.parse(&url_type()).unwrap_err();
        let paths: Vec<_> = problems.0.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            ["id", "name", "url", "category", "launch_type", "container_image"]
        );
    }

    #[test]
    fn addresses_are_http_and_nothing_that_a_parser_would_repair() {
        for good in [
            "http://a",
            "https://wiki.example/x?y=1#z",
            "http://10.0.0.1:8080/",
        ] {
            assert!(web_address(good).is_ok(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "http://",
            "//a",
            "https://a\n.b",
            "java\tscript:x",
        ] {
            assert!(web_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn images_are_references() {
        for good in [
            "localhost/launchpad/desktop:1",
            "ghcr.io/a/b@sha256:".to_owned().as_str(),
        ] {
            assert_eq!(image_reference(good).is_ok(), !good.ends_with(':'), "{good}");
        }
        assert!(image_reference("--privileged").is_err());
    }

    #[test]
    fn an_empty_launch_type_is_the_default() {
        let draft = AppDraft {
            id: "a".into(),
            name: "A".into(),
            ..AppDraft::default()
        };
        assert_eq!(draft.parse(&url_type()).unwrap().launch_type, url_type());
    }
}
