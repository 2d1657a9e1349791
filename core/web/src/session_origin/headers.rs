//! Which headers pass between a browser and an app, in each direction.

use axum::http::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, COOKIE, HOST, SET_COOKIE, UPGRADE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Headers of one connection, not of what is sent over it (RFC 9110, section 7.6.1), and what is answered before a body.
const OF_CONNECTION: &[&str] = &[
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What apps are not told by browsers: credentials, and who somebody is or comes from, which only the portal may say.
/// Compared after `_` and `.` became `-`: some servers read those as the same name.
const NOT_INWARD: &[&str] = &[
    "authorization",
    "forwarded",
    "remote-user",
    "x-real-ip",
    "x-remote-user",
];
const NOT_INWARD_PREFIXES: &[&str] = &["x-forwarded-", "x-launchpad-", "x-auth-request-"];

/// What browsers are not told by apps, because it reaches beyond the app's own pages: other hosts' cookies and storage,
/// other hosts' transport, the whole origin's service workers, reports.
const NOT_OUTWARD: &[&str] = &[
    "alt-svc",
    "clear-site-data",
    "nel",
    "public-key-pins",
    "report-to",
    "service-worker-allowed",
    "strict-transport-security",
];

/// By what the names of the portal's own cookies begin, in lower case.
const OUR_COOKIES: &[&str] = &["__host-launchpad", "launchpad"];

/// The headers of a request as the app gets them.
pub(super) fn inward(headers: &mut HeaderMap, scheme: &'static str, peer: Option<String>) {
    drop_of_connection(headers);
    let strange: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_not_inward(name))
        .cloned()
        .collect();
    for name in strange {
        headers.remove(name);
    }
    strip_cookies(headers);
    headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
    if let Some(host) = headers.get(HOST).cloned() {
        headers.insert("x-forwarded-host", host);
    }
    if let Some(peer) = peer.and_then(|peer| HeaderValue::from_str(&peer).ok()) {
        headers.insert("x-forwarded-for", peer);
    }
}

/// The headers of an answer as the browser gets them: nothing in them reaches further than its host.
pub(super) fn outward(headers: &mut HeaderMap) {
    drop_of_connection(headers);
    for name in NOT_OUTWARD {
        headers.remove(*name);
    }
    replace(headers, &SET_COOKIE, |cookie| {
        may_set(cookie).then(|| cookie.clone())
    });
}

/// The headers that make a request or an answer open a WebSocket.
pub(super) fn switching(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// What a page gets that says nothing of it itself: nobody guesses what it is, and no other origin frames it.
pub(super) fn guarding(headers: &mut HeaderMap) {
    headers
        .entry(X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    let says_who_frames = |policy: &HeaderValue| contains(policy, "frame-ancestors");
    let framed = headers.contains_key(X_FRAME_OPTIONS)
        || headers
            .get_all(CONTENT_SECURITY_POLICY)
            .iter()
            .any(says_who_frames);
    if !framed {
        // One policy more, beside the app's own: both hold.
        headers.append(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("frame-ancestors 'self'"),
        );
    }
}

fn drop_of_connection(headers: &mut HeaderMap) {
    // What `Connection` names belongs to the connection as well.
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A request that names these there would lose them, and mean another.
        .filter(|name| ![HOST, COOKIE].contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in OF_CONNECTION {
        headers.remove(*name);
    }
}

fn is_not_inward(name: &HeaderName) -> bool {
    let name = name.as_str().replace(['_', '.'], "-");
    NOT_INWARD.contains(&name.as_str()) || NOT_INWARD_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Takes the portal's cookies out of what the app gets.
fn strip_cookies(headers: &mut HeaderMap) {
    replace(headers, &COOKIE, |value| {
        let pairs = value.as_bytes().split(|byte| *byte == b';');
        let theirs: Vec<&[u8]> = pairs.filter(|pair| !is_ours(pair)).collect();
        let theirs = HeaderValue::from_bytes(theirs.join(&b';').trim_ascii()).ok()?;
        (!theirs.is_empty()).then_some(theirs)
    });
}

/// Puts what `kept` makes of each of its values in the place of a header.
fn replace(headers: &mut HeaderMap, name: &HeaderName, kept: impl Fn(&HeaderValue) -> Option<HeaderValue>) {
    let values: Vec<HeaderValue> = headers.get_all(name).iter().filter_map(kept).collect();
    headers.remove(name);
    for value in values {
        headers.append(name.clone(), value);
    }
}

/// Whether `name=value` is a cookie with a name like ours.
fn is_ours(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    let name = name.trim_ascii().to_ascii_lowercase();
    OUR_COOKIES.iter().any(|ours| name.starts_with(ours.as_bytes()))
}

/// Whether an app may set this cookie: for its own host alone, and not one of ours.
fn may_set(cookie: &HeaderValue) -> bool {
    let mut parts = cookie.as_bytes().split(|byte| *byte == b';');
    let pair = parts.next().unwrap_or_default();
    let has_domain = parts.any(|attribute| {
        let name = attribute.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"domain")
    });
    !has_domain && !is_ours(pair)
}

fn contains(value: &HeaderValue, words: &str) -> bool {
    value
        .as_bytes()
        .to_ascii_lowercase()
        .windows(words.len())
        .any(|window| window == words.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn an_app_gets_no_credential_and_no_word_about_who_somebody_is() {
        let mut sent = headers(&[
            ("host", "s-1.apps.example"),
            (
                "cookie",
                "theme=dark; __Host-launchpad-app=secret; launchpad=x; a=b",
            ),
            ("cookie", "__Host-launchpad=other"),
            ("cookie", "LAUNCHPAD-app=other;c=d"),
            ("authorization", "Bearer lpt_x"),
            ("proxy-authorization", "Basic x"),
            ("connection", "keep-alive, x-secret, host"),
            ("x-secret", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x_forwarded_user", "root"),
            ("x-forwarded.host", "evil"),
            ("forwarded", "for=1"),
            ("remote_user", "root"),
            ("x-launchpad-user", "root"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("accept", "*/*"),
        ]);
        inward(&mut sent, "https", Some("10.0.0.7".into()));
        assert_eq!(
            lines(&sent),
            [
                "accept: */*",
                "cookie: c=d",
                "cookie: theme=dark; a=b",
                "host: s-1.apps.example",
                "x-forwarded-for: 10.0.0.7",
                "x-forwarded-host: s-1.apps.example",
                "x-forwarded-proto: https",
            ]
        );
    }

    #[test]
    fn an_answer_reaches_no_further_than_its_own_host() {
        let mut answered = headers(&[
            ("content-type", "text/html"),
            ("set-cookie", "mine=1; Path=/; HttpOnly"),
            ("set-cookie", "tossed=1; Domain=apps.example"),
            ("set-cookie", "tossed=2;domain = apps.example"),
            ("set-cookie", "tossed=3; DOMAIN"),
            ("set-cookie", "__Host-launchpad-app=forged; Path=/; Secure"),
            ("set-cookie", " launchpad=forged"),
            ("clear-site-data", "\"cookies\""),
            ("strict-transport-security", "max-age=1; includeSubDomains"),
            ("service-worker-allowed", "/"),
            ("alt-svc", "h2=\":1\""),
            ("nel", "{}"),
            ("report-to", "{}"),
            ("public-key-pins", "x"),
            ("keep-alive", "timeout=5"),
            ("connection", "close"),
        ]);
        outward(&mut answered);
        guarding(&mut answered);
        assert_eq!(
            lines(&answered),
            [
                "content-security-policy: frame-ancestors 'self'",
                "content-type: text/html",
                "set-cookie: mine=1; Path=/; HttpOnly",
                "x-content-type-options: nosniff",
            ]
        );
    }

    #[test]
    fn an_apps_own_policy_stands() {
        let own = "default-src 'self'; Frame-Ancestors https://a.example";
        let mut answered = headers(&[
            ("content-security-policy", own),
            ("x-content-type-options", "nosniff"),
        ]);
        let before = lines(&answered);
        outward(&mut answered);
        guarding(&mut answered);
        assert_eq!(lines(&answered), before);
        let mut answered = headers(&[("content-security-policy", "default-src 'self'")]);
        outward(&mut answered);
        guarding(&mut answered);
        assert_eq!(answered.get_all(CONTENT_SECURITY_POLICY).iter().count(), 2);
    }

    #[test]
    fn only_a_websocket_is_an_upgrade() {
        let mut sent = headers(&[
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "x"),
        ]);
        inward(&mut sent, "http", None);
        assert_eq!(lines(&sent), ["sec-websocket-key: x", "x-forwarded-proto: http"]);
        switching(&mut sent);
        assert_eq!(
            lines(&sent),
            [
                "connection: upgrade",
                "sec-websocket-key: x",
                "upgrade: websocket",
                "x-forwarded-proto: http"
            ]
        );
    }
}
