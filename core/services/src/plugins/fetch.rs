//! What plugins fetch: allowed addresses, on public networks or on those that the operator names, in bounded time and
//! size.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use launchpad_domain::plugin_services::{FetchRequest, FetchResponse};
use launchpad_domain::{Grants, HostCallError};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url, redirect};

/// How long a fetch may take, redirects and body included.
const TIME: Duration = Duration::from_secs(3);
/// Most bytes of a response's body, and of a request's.
const MAX_BODY: usize = 1_024 * 1_024;
/// Most redirects that are followed.
const REDIRECTS: usize = 5;
/// Most header fields of a request.
const MAX_HEADERS: usize = 50;

/// Which networks may be reached beyond the public ones.
#[derive(Debug, Clone, Default)]
pub struct FetchRules {
    /// Networks that are not public but may be reached: the organisation's own.
    pub networks: Vec<IpNet>,
}

impl FetchRules {
    /// Whether an address may be connected to. The address where clouds keep their machines' credentials never is.
    fn allow(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if is_link_local(address) {
            return false;
        }
        is_public(address) || self.networks.iter().any(|network| network.contains(&address))
    }
}

/// Fetches for plugins.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    rules: Arc<FetchRules>,
}

impl Fetcher {
    pub(crate) fn new(rules: FetchRules) -> Self {
        crate::tls::choose_provider();
        Self {
            rules: Arc::new(rules),
        }
    }

    pub(crate) async fn fetch(
        &self,
        request: FetchRequest,
        allowed: &Grants,
    ) -> Result<FetchResponse, HostCallError> {
        let invalid = |message: String| HostCallError::new("invalid-input", message);
        let address = Url::parse(&request.url).map_err(|error| invalid(error.to_string()))?;
        let method = method(&request.method).ok_or_else(|| {
            invalid(format!(
                "`{}` must be GET, POST, PUT, PATCH, DELETE or HEAD",
                request.method
            ))
        })?;
        let headers = headers(&request.headers).map_err(invalid)?;
        if request.body.len() > MAX_BODY {
            return Err(HostCallError::new("too-large", "a body may have 1 MiB"));
        }
        self.check_literal(&address)?;
        // A client for each: its rules are this plugin's, and a fetch is rare beside what it fetches.
        let client = self.client(allowed)?;
        let work = async {
            let response = client
                .request(method, address)
                .headers(headers)
                .body(request.body)
                .send()
                .await
                .map_err(|error| unavailable(&error))?;
            read(response).await
        };
        tokio::time::timeout(TIME, work)
            .await
            .map_err(|_| HostCallError::new("unavailable", format!("no answer in {} s", TIME.as_secs())))?
    }

    fn client(&self, allowed: &Grants) -> Result<Client, HostCallError> {
        let allowed = allowed.clone();
        let rules = Arc::clone(&self.rules);
        let follow = redirect::Policy::custom(move |attempt| {
            let address = attempt.url();
            let literal = literal(address);
            if attempt.previous().len() > REDIRECTS {
                attempt.error("too many redirects")
            } else if !allowed.allows_fetch(address) {
                let to = address.to_string();
                attempt.error(format!("it leads to {to}, which is not granted"))
            } else if literal.is_some_and(|address| !rules.allow(address)) {
                attempt.error("it leads to a network that may not be reached")
            } else {
                attempt.follow()
            }
        });
        Client::builder()
            .redirect(follow)
            .dns_resolver(Guarded(Arc::clone(&self.rules)))
            // The operator's proxy would connect where we may not.
            .no_proxy()
            .timeout(TIME)
            .build()
            .map_err(|error| unavailable(&error))
    }

    /// An address in digits asks no resolver.
    fn check_literal(&self, address: &Url) -> Result<(), HostCallError> {
        match literal(address) {
            Some(address) if !self.rules.allow(address) => Err(HostCallError::new(
                "not-granted",
                format!(
                    "{address} is on a network that may not be reached; the operator names networks in plugins.networks"
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// Resolves names, and leaves out the addresses that may not be reached: after this nobody asks again.
struct Guarded(Arc<FetchRules>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| rules.allow(address.ip()))
                .collect();
            if found.is_empty() {
                let message = "has no address on a network that may be reached";
                return Err(format!("{} {message}", name.as_str()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn literal(address: &Url) -> Option<IpAddr> {
    match address.host()? {
        url::Host::Ipv4(address) => Some(address.into()),
        url::Host::Ipv6(address) => Some(address.into()),
        url::Host::Domain(_) => None,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether an address is one of the internet's (RFC 6890 lists those that are not).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast()
                || address.is_documentation()
                || first == 0
                || first >= 240
                // Shared between a provider and its customers, and kept for benchmarks.
                || (first == 100 && (64..128).contains(&second))
                || (first == 198 && (18..20).contains(&second)))
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                // Translated addresses reach what the digits in them name.
                || matches!(address.segments(), [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0, ..]))
        }
    }
}

fn method(name: &str) -> Option<Method> {
    match name {
        "GET" => Some(Method::GET),
        "POST" => Some(Method::POST),
        "PUT" => Some(Method::PUT),
        "PATCH" => Some(Method::PATCH),
        "DELETE" => Some(Method::DELETE),
        "HEAD" => Some(Method::HEAD),
        _ => None,
    }
}

fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    if given.len() > MAX_HEADERS {
        return Err(format!("a request may have {MAX_HEADERS} header fields"));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name = name
            .parse::<HeaderName>()
            .map_err(|_| format!("`{name}` is no name of a header field"))?;
        if matches!(
            name.as_str(),
            "host" | "content-length" | "transfer-encoding" | "connection"
        ) {
            return Err(format!("`{name}` is not a plugin's to set"));
        }
        let value = value
            .parse::<HeaderValue>()
            .map_err(|_| format!("the value of `{name}` cannot stand in a header field"))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

async fn read(mut response: reqwest::Response) -> Result<FetchResponse, HostCallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&error))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(HostCallError::new(
                "too-large",
                "the response has more than 1 MiB",
            ));
        }
        body.extend_from_slice(&chunk);
    }
    let headers = response.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Ok(FetchResponse {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// The whole chain of causes: the first alone says that something went wrong.
fn unavailable(error: &reqwest::Error) -> HostCallError {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    HostCallError::new("unavailable", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server on loopback that answers every request with this, and its port.
    async fn server(answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = vec![0; 8_192];
                let read = stream.read(&mut buffer).await.unwrap();
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                stream.write_all(answer(&request).as_bytes()).await.unwrap();
            }
        });
        port
    }

    fn ok(body: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-kind: test\r\n\r\n{body}",
            body.len()
        )
    }

    fn open() -> Fetcher {
        Fetcher::new(FetchRules {
            networks: vec!["127.0.0.0/8".parse().unwrap()],
        })
    }

    fn granted(words: &[String]) -> Grants {
        Grants(words.iter().cloned().collect())
    }

    fn get(url: String) -> FetchRequest {
        FetchRequest {
            method: "GET".into(),
            url,
            headers: BTreeMap::new(),
            body: String::new(),
        }
    }

    #[tokio::test]
    async fn an_answer_comes_with_status_headers_and_body() {
        let port = server(|request| ok(request.lines().next().unwrap())).await;
        let allowed = granted(&[format!("http:http://127.0.0.1:{port}/*")]);
        let response = open()
            .fetch(get(format!("http://127.0.0.1:{port}/a?b")), &allowed)
            .await
            .unwrap();
        assert_eq!(
            (response.status, response.body.as_str()),
            (200, "GET /a?b HTTP/1.1")
        );
        assert_eq!(response.headers["x-kind"], "test");
    }

    #[tokio::test]
    async fn the_organisations_own_networks_are_closed_unless_they_are_named() {
        let port = server(|_| ok("secret")).await;
        let any = granted(&[
            format!("http:http://127.0.0.1:{port}/*"),
            format!("http:http://localhost:{port}/*"),
        ]);
        let closed = Fetcher::new(FetchRules::default());
        for host in ["127.0.0.1", "localhost"] {
            let error = closed
                .fetch(get(format!("http://{host}:{port}/")), &any)
                .await
                .unwrap_err();
            assert!(
                error.message.contains("may not be reached") || error.message.contains("may be reached"),
                "{error}"
            );
            assert!(
                open()
                    .fetch(get(format!("http://{host}:{port}/")), &any)
                    .await
                    .is_ok()
            );
        }
    }

    #[test]
    fn only_public_addresses_are_public() {
        let rules = FetchRules::default();
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700::1111"] {
            assert!(rules.allow(address.parse().unwrap()), "{address}");
        }
        for address in [
            "10.0.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
        ] {
            assert!(!rules.allow(address.parse().unwrap()), "{address}");
        }
        let named = FetchRules {
            networks: vec!["0.0.0.0/0".parse().unwrap()],
        };
        assert!(named.allow("10.0.0.1".parse().unwrap()));
        assert!(!named.allow("169.254.169.254".parse().unwrap()));
    }

    #[tokio::test]
    async fn a_redirect_must_be_granted_as_well() {
        let target = server(|_| ok("reached")).await;
        let port = server(move |_| {
            format!(
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{target}/x\r\ncontent-length: 0\r\n\r\n"
            )
        })
        .await;
        let one = format!("http:http://127.0.0.1:{port}/*");
        let both = granted(&[one.clone(), format!("http:http://127.0.0.1:{target}/*")]);
        let request = || get(format!("http://127.0.0.1:{port}/"));
        let error = open().fetch(request(), &granted(&[one])).await.unwrap_err();
        assert!(error.message.contains("is not granted"), "{error}");
        assert_eq!(open().fetch(request(), &both).await.unwrap().body, "reached");
    }

    #[tokio::test]
    async fn what_is_too_large_silent_or_misshapen_is_an_error() {
        let large = server(|_| ok(&"x".repeat(MAX_BODY + 1))).await;
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent_port = silent.local_addr().unwrap().port();
        let any = granted(&[
            format!("http:http://127.0.0.1:{large}/*"),
            format!("http:http://127.0.0.1:{silent_port}/*"),
        ]);
        let fetch = async |request| open().fetch(request, &any).await.unwrap_err().code;
        assert_eq!(
            fetch(get(format!("http://127.0.0.1:{large}/"))).await,
            "too-large"
        );
        assert_eq!(
            fetch(get(format!("http://127.0.0.1:{silent_port}/"))).await,
            "unavailable"
        );
        let mut odd = get(format!("http://127.0.0.1:{large}/"));
        odd.method = "TRACE".into();
        assert_eq!(fetch(odd.clone()).await, "invalid-input");
        odd.method = "GET".into();
        odd.headers = BTreeMap::from([("host".into(), "other".into())]);
        assert_eq!(fetch(odd).await, "invalid-input");
    }
}
