//! Where a running session is reached, and when it counts as ready.

use serde::{Deserialize, Serialize};

use crate::Problems;

/// The longest path that a plan may name, in bytes.
const MAX_PATH: usize = 2_048;
/// The longest that a plan may let its workload take until it is ready, in seconds.
const MAX_TIMEOUT_S: u32 = 3_600;

/// Where a running session is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What is spoken there.
    pub kind: EndpointKind,
    /// The container that listens.
    pub container: String,
    /// Its TCP port.
    pub port: u16,
    /// With which page an `http` endpoint begins; `None`: `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What is spoken at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointKind {
    /// The remote framebuffer protocol (RFC 6143): a screen, shown in a page of the portal.
    Vnc,
    /// HTTP/1.1: pages, shown at an origin of the session's own.
    Http,
}

/// When a workload counts as ready, beyond that its endpoint speaks what it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadyCheck {
    /// Asked by GET until it is answered with a status below 400; only where the endpoint is `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The endpoint's port, for plans that say it: no other one is reached from outside the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Seconds after the start of the containers within which it must be ready, 1 to 3,600; `None`: the launch's deadline
    /// alone counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
}

impl Endpoint {
    /// The first page of an `http` endpoint.
    pub fn first_page(&self) -> &str {
        self.path.as_deref().unwrap_or("/")
    }

    pub(crate) fn check(&self, problems: &mut Problems) {
        check_path("endpoint.path", self.path.as_deref(), self.kind, problems);
    }
}

impl ReadyCheck {
    pub(crate) fn check(&self, endpoint: &Endpoint, problems: &mut Problems) {
        check_path("ready.path", self.path.as_deref(), endpoint.kind, problems);
        if self.port.is_some_and(|port| port != endpoint.port) {
            problems.add(
                "ready.port",
                "must be the endpoint's port: no other one is reached from outside the pod",
            );
        }
        if self
            .timeout_s
            .is_some_and(|seconds| !(1..=MAX_TIMEOUT_S).contains(&seconds))
        {
            problems.add("ready.timeout_s", format!("must be 1 to {MAX_TIMEOUT_S}"));
        }
    }
}

/// A path with a query, as a request line has it (RFC 9112, section 3.2.1): `/lab?reset`.
fn check_path(place: &str, path: Option<&str>, kind: EndpointKind, problems: &mut Problems) {
    let Some(path) = path else { return };
    if kind != EndpointKind::Http {
        problems.add(place, "only an endpoint of kind http has paths");
    } else if !path.starts_with('/') || path.starts_with("//") {
        problems.add(place, "must begin with one slash");
    } else if path.len() > MAX_PATH {
        problems.add(place, format!("must have at most {MAX_PATH} bytes"));
    } else if path
        .chars()
        .any(|c| !c.is_ascii_graphic() || matches!(c, '\\' | '#' | '"' | '<' | '>'))
    {
        problems.add(
            place,
            "must be a path as it stands in an address: other characters are written as %20",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(kind: EndpointKind, path: Option<&str>) -> Endpoint {
        Endpoint {
            kind,
            container: "app".into(),
            port: 8000,
            path: path.map(str::to_owned),
        }
    }

    fn complaints(endpoint: &Endpoint, ready: Option<&ReadyCheck>) -> Vec<String> {
        let mut problems = Problems::none();
        endpoint.check(&mut problems);
        if let Some(ready) = ready {
            ready.check(endpoint, &mut problems);
        }
        problems.0.into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn a_path_is_one_of_a_request_line() {
        for good in [None, Some("/"), Some("/lab/tree?reset=1&x=%20")] {
            assert!(
                complaints(&endpoint(EndpointKind::Http, good), None).is_empty(),
                "{good:?}"
            );
        }
        let long = format!("/{}", "a".repeat(MAX_PATH));
        for bad in [
            "",
            "lab",
            "//evil.example",
            "/\\evil",
            "/a b",
            "/a\r\nx: y",
            "/ä",
            "/#x",
            "/\"",
            long.as_str(),
        ] {
            let complaints = complaints(&endpoint(EndpointKind::Http, Some(bad)), None);
            assert_eq!(complaints, ["endpoint.path"], "{bad:?}");
        }
        assert_eq!(
            complaints(&endpoint(EndpointKind::Vnc, Some("/")), None),
            ["endpoint.path"]
        );
        assert_eq!(endpoint(EndpointKind::Http, None).first_page(), "/");
    }

    #[test]
    fn readiness_is_asked_at_the_endpoint_within_an_hour() {
        let ready = |path: Option<&str>, port, timeout_s| ReadyCheck {
            path: path.map(str::to_owned),
            port,
            timeout_s,
        };
        let http = endpoint(EndpointKind::Http, None);
        let good = ready(Some("/health"), Some(8000), Some(30));
        assert!(complaints(&http, Some(&good)).is_empty());
        let bad = ready(Some("health"), Some(8001), Some(0));
        assert_eq!(
            complaints(&http, Some(&bad)),
            ["ready.path", "ready.port", "ready.timeout_s"]
        );
        let vnc = endpoint(EndpointKind::Vnc, None);
        assert!(complaints(&vnc, Some(&ready(None, None, Some(5)))).is_empty());
        assert_eq!(
            complaints(&vnc, Some(&ready(Some("/"), None, None))),
            ["ready.path"]
        );
    }
}
