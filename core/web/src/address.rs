//! Where people reach the portal, and what follows from it for cookies and origins.

use std::fmt;
use std::str::FromStr;

use launchpad_domain::SessionId;
use url::{Host, Url};

/// By what the host name of a session's origin begins; its id follows.
const SESSION_PREFIX: &str = "s-";

/// The domain under which each session has a host name of its own: `apps.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppsDomain(String);

impl AppsDomain {
    /// The one that browsers on this machine find without any DNS (RFC 6761, section 6.3).
    pub fn loopback() -> Self {
        Self("apps.localhost".to_owned())
    }
}

impl FromStr for AppsDomain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let labels: Vec<&str> = text.split('.').collect();
        // Room for a session's own name before it; the last label is no number, else it were an address.
        let shaped = text.len() <= 200 && labels.len() >= 2 && labels.iter().all(|text| label(text));
        if shaped
            && !labels
                .last()
                .is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a domain in lower case, without a scheme and a port: apps.example.org".to_owned())
        }
    }
}

impl fmt::Display for AppsDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose name a host name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// The portal's, as far as sessions are concerned.
    Portal,
    /// A session's.
    Session(SessionId),
    /// Nobody's: it lies in the domain of sessions and is none's.
    Nobody,
}

/// The address at which browsers reach the portal. It alone decides the cookie's name and which origins may change
/// anything; what a request says about itself decides nothing.
#[derive(Debug, Clone)]
pub struct PublicAddress {
    url: Url,
    origins: Vec<String>,
    guarded: bool,
    apps: Option<AppsDomain>,
}

impl PublicAddress {
    /// The address that the operator configured: an http or https URL, of which only the origin counts.
    pub fn configured(url: Url) -> Self {
        let guarded = url.scheme() == "https" || is_loopback(&url);
        Self {
            origins: vec![url.origin().ascii_serialization()],
            url,
            guarded,
            apps: None,
        }
    }

    /// The address where none is configured: this machine by each of its names, on this port.
    ///
    /// # Errors
    /// Where the port cannot stand in a URL, which no port does.
    pub fn loopback(port: u16) -> Result<Self, url::ParseError> {
        let names = ["localhost", "127.0.0.1", "[::1]"];
        let urls = names
            .iter()
            .map(|name| Url::parse(&format!("http://{name}:{port}")))
            .collect::<Result<Vec<_>, _>>()?;
        let origins = urls
            .iter()
            .map(|url| url.origin().ascii_serialization())
            .collect();
        Ok(Self {
            url: Url::parse(&format!("http://localhost:{port}"))?,
            origins,
            guarded: true,
            apps: None,
        })
    }

    /// The same with a domain under which each session has an origin of its own, with the scheme and the port of the
    /// portal.
    ///
    /// # Errors
    /// Where one of the two names lies below the other: a page of a session could then set cookies for the portal.
    pub fn with_sessions_under(mut self, domain: AppsDomain) -> Result<Self, String> {
        let portal = self.url.host_str().unwrap_or_default();
        let below = |inner: &str, outer: &str| {
            inner
                .strip_suffix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        // Browsers take no cookie for all names under localhost, so there it is no parent of anybody.
        if below(portal, &domain.0) || (portal != "localhost" && below(&domain.0, portal)) {
            return Err(format!(
                "must lie beside the portal's own name and not above or below it: a page of a session could set cookies \
                 for {portal} there"
            ));
        }
        self.apps = Some(domain);
        Ok(self)
    }

    /// Whether browsers on this machine alone reach the portal.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Whether sessions have origins of their own.
    pub fn has_session_origins(&self) -> bool {
        self.apps.is_some()
    }

    /// The origin of this session, without a slash at the end, if sessions have one.
    pub(crate) fn session_origin(&self, id: SessionId) -> Option<String> {
        let domain = self.apps.as_ref()?;
        let (scheme, port) = (self.url.scheme(), self.url.port());
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{scheme}://{SESSION_PREFIX}{id}.{domain}{port}"))
    }

    /// Whose name this is, as it stands in a request: `s-0190b7a0-….apps.example.org:8080`.
    pub(crate) fn named(&self, authority: &str) -> Named {
        let Some(AppsDomain(domain)) = &self.apps else {
            return Named::Portal;
        };
        let authority = authority.to_ascii_lowercase();
        let host = authority.split(':').next().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host);
        let Some(below) = host.strip_suffix(domain.as_str()) else {
            return Named::Portal;
        };
        if !below.is_empty() && !below.ends_with('.') {
            return Named::Portal;
        }
        let id = below
            .strip_prefix(SESSION_PREFIX)
            .and_then(|rest| rest.strip_suffix('.'))
            .and_then(|id| id.parse().ok());
        match id {
            // Letter by letter with the port: one session, one origin.
            Some(id) if self.is_session_authority(id, &authority) => Named::Session(id),
            _ => Named::Nobody,
        }
    }

    fn is_session_authority(&self, id: SessionId, authority: &str) -> bool {
        self.session_origin(id)
            .and_then(|origin| Some(origin.split_once("://")?.1 == authority))
            .unwrap_or_default()
    }

    /// The name of the cookie that carries a word from a form to the next page.
    pub(crate) fn word_cookie_name(&self) -> &'static str {
        if self.guarded {
            "__Host-launchpad-said"
        } else {
            "launchpad-said"
        }
    }

    /// The name of the cookie of a session's origin.
    pub(crate) fn session_cookie_name(&self) -> &'static str {
        if self.guarded {
            "__Host-launchpad-app"
        } else {
            "launchpad-app"
        }
    }

    /// The address as people write it, without a slash at the end.
    pub fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Whether a page of this origin is one of the portal's own.
    pub(crate) fn is_own_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|own| own == origin)
    }

    /// Whether browsers keep `Secure` cookies for this address. Where not, passwords and screens cross the network
    /// readable by everybody on the way, and every page says so.
    pub(crate) fn is_guarded(&self) -> bool {
        self.guarded
    }

    /// The name of the sign-in cookie. The prefix makes browsers refuse one that was not set by this very host over a
    /// guarded connection (RFC 6265bis, section 4.1.3).
    pub(crate) fn cookie_name(&self) -> &'static str {
        if self.guarded {
            "__Host-launchpad"
        } else {
            "launchpad"
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(url: &str) -> PublicAddress {
        PublicAddress::configured(url.parse().unwrap())
    }

    #[test]
    fn the_address_decides_the_cookie() {
        for guarded in [
            "https://apps.example",
            "http://localhost:8080",
            "http://127.0.0.2",
            "http://[::1]:8080",
        ] {
            assert_eq!(configured(guarded).cookie_name(), "__Host-launchpad", "{guarded}");
        }
        for plain in [
            "http://apps.example",
            "http://10.0.0.7:8080",
            "http://localhost.example",
        ] {
            assert_eq!(configured(plain).cookie_name(), "launchpad", "{plain}");
        }
    }

    #[test]
    fn sessions_lie_beside_the_portal() {
        let under = |url: &str, domain: &str| configured(url).with_sessions_under(domain.parse().unwrap());
        for (url, domain) in [
            ("https://portal.example.org", "apps.example.org"),
            ("https://portal.example.org", "portal-apps.example.net"),
            ("http://localhost:8080", "apps.localhost"),
            ("http://127.0.0.1:8080", "apps.localhost"),
        ] {
            assert!(under(url, domain).is_ok(), "{url} {domain}");
        }
        for (url, domain) in [
            ("https://portal.example.org", "portal.example.org"),
            ("https://portal.example.org", "example.org"),
            ("https://example.org", "apps.example.org"),
            ("http://portal.localhost", "apps.portal.localhost"),
        ] {
            assert!(under(url, domain).is_err(), "{url} {domain}");
        }
        for wrong in [
            "",
            "localhost",
            "Apps.example",
            "apps.example:8080",
            "https://a.b",
            "a..b",
            "10.0.0.1",
            "-a.b",
        ] {
            assert!(wrong.parse::<AppsDomain>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_session_has_one_name() {
        let address = configured("http://localhost:8080")
            .with_sessions_under(AppsDomain::loopback())
            .unwrap();
        let id = SessionId::new();
        let origin = address.session_origin(id).unwrap();
        let own = origin.strip_prefix("http://").unwrap();
        assert_eq!(address.named(own), Named::Session(id));
        assert_eq!(address.named(&own.to_ascii_uppercase()), Named::Session(id));
        for nobody in [
            "apps.localhost:8080".to_owned(),
            "s-x.apps.localhost:8080".to_owned(),
            format!("s-{id}.apps.localhost"),
            format!("s-{id}.apps.localhost:8081"),
            format!("s-{id}.apps.localhost.:8080"),
            format!("x.s-{id}.apps.localhost:8080"),
            format!("s-{id}.x.apps.localhost:8080"),
        ] {
            assert_eq!(address.named(&nobody), Named::Nobody, "{nobody}");
        }
        for portal in [
            "localhost:8080",
            "127.0.0.1:8080",
            "evilapps.localhost:8080",
            "apps.localhost.evil:8080",
            "",
        ] {
            assert_eq!(address.named(portal), Named::Portal, "{portal}");
        }
        assert_eq!(
            configured("https://a.example").named("s-x.apps.localhost"),
            Named::Portal
        );
    }

    #[test]
    fn an_origin_is_compared_whole() {
        let address = configured("https://apps.example/");
        assert!(address.is_own_origin("https://apps.example"));
        for other in [
            "http://apps.example",
            "https://apps.example:444",
            "https://apps.example.evil.example",
            "https://evil.example",
            "null",
            "",
        ] {
            assert!(!address.is_own_origin(other), "{other}");
        }
        let here = PublicAddress::loopback(8080).unwrap();
        for own in [
            "http://localhost:8080",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
        ] {
            assert!(here.is_own_origin(own), "{own}");
        }
        assert!(!here.is_own_origin("http://localhost:8081"));
    }
}
