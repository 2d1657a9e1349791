//! Where people reach the portal, and what follows from it for cookies and origins.

use url::{Host, Url};

/// The address at which browsers reach the portal. It alone decides the cookie's name and which origins may change
/// anything; what a request says about itself decides nothing.
#[derive(Debug, Clone)]
pub struct PublicAddress {
    url: Url,
    origins: Vec<String>,
    guarded: bool,
}

impl PublicAddress {
    /// The address that the operator configured: an http or https URL, of which only the origin counts.
    pub fn configured(url: Url) -> Self {
        let guarded = url.scheme() == "https" || is_loopback(&url);
        Self {
            origins: vec![url.origin().ascii_serialization()],
            url,
            guarded,
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
        })
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
