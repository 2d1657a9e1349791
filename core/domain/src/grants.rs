//! Powers: what a plugin asks for in its manifest, and what the operator gives it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use url::Url;

/// Longest name of a secret or a kind of object.
const MAX_NAME: usize = 63;

/// One power that a plugin may be given. Its words, which [`Self::word`] writes, are the same in the operator's
/// configuration and on the plugin's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability<'a> {
    /// `pvc`: its plans may mount workspaces.
    Claims,
    /// `secret-ref:NAME`: its plans may hand this secret to a container, without the plugin seeing it.
    SecretRef(&'a str),
    /// `secret-read:NAME`: the plugin itself may read this secret.
    SecretRead(&'a str),
    /// `lookup:KIND`: the plugin may look up objects of this kind.
    Lookup(&'a str),
    /// `http:PATTERN`: the plugin may fetch what lies there. A pattern is an address, or one that ends with `*`
    /// and stands for all that begin like it.
    Http(&'a str),
}

impl<'a> Capability<'a> {
    /// The capability as one word.
    pub fn word(self) -> String {
        match self {
            Self::Claims => "pvc".to_owned(),
            Self::SecretRef(name) => format!("secret-ref:{name}"),
            Self::SecretRead(name) => format!("secret-read:{name}"),
            Self::Lookup(kind) => format!("lookup:{kind}"),
            Self::Http(pattern) => format!("http:{pattern}"),
        }
    }

    /// Reads a word.
    ///
    /// # Errors
    /// In words, where there is no such capability.
    pub fn parse(word: &'a str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "`{word}` is no capability: there are pvc, secret-ref:NAME, secret-read:NAME, lookup:KIND and http:ADDRESS"
            )
        };
        if word == "pvc" {
            return Ok(Self::Claims);
        }
        let (kind, rest) = word.split_once(':').ok_or_else(unknown)?;
        match kind {
            "http" if pattern(rest).is_some() => Ok(Self::Http(rest)),
            "http" => Err(format!(
                "`{rest}` must be an http or https address without user name, query and fragment; a `*` may stand at its end, after the host"
            )),
            "secret-ref" | "secret-read" | "lookup" if !is_name(rest) => Err(format!(
                "`{rest}` must be 1 to {MAX_NAME} of a-z, 0-9, `.`, `_` and `-`"
            )),
            "secret-ref" => Ok(Self::SecretRef(rest)),
            "secret-read" => Ok(Self::SecretRead(rest)),
            "lookup" => Ok(Self::Lookup(rest)),
            _ => Err(unknown()),
        }
    }
}

/// The capabilities that a plugin asks for, or has, as words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(pub BTreeSet<String>);

impl Grants {
    /// Whether this power was given.
    pub fn allows(&self, capability: Capability<'_>) -> bool {
        self.0.contains(&capability.word())
    }

    /// Whether this address may be fetched.
    pub fn allows_fetch(&self, address: &Url) -> bool {
        self.patterns().any(|allowed| allowed.covers(address))
    }

    /// Whether anything at all may be fetched.
    pub fn allows_any_fetch(&self) -> bool {
        self.patterns().next().is_some()
    }

    /// What is asked for here and not given there.
    pub fn lacking<'a>(&'a self, given: &'a Self) -> impl Iterator<Item = &'a String> {
        self.0.difference(&given.0)
    }

    fn patterns(&self) -> impl Iterator<Item = Pattern> {
        self.0
            .iter()
            .filter_map(|word| pattern(word.strip_prefix("http:")?))
    }
}

/// Addresses that may be fetched.
struct Pattern {
    address: Url,
    and_below: bool,
}

fn pattern(text: &str) -> Option<Pattern> {
    let (text, and_below) = match text.strip_suffix('*') {
        Some(begin) => (begin, true),
        None => (text, false),
    };
    let address = Url::parse(text).ok()?;
    let plain = matches!(address.scheme(), "http" | "https")
        && address.has_host()
        && address.username().is_empty()
        && address.password().is_none()
        && address.query().is_none()
        && address.fragment().is_none();
    // `https://hub.example*` would also be another's host: the path must have begun.
    let begun = text.splitn(4, '/').count() == 4;
    (plain && !text.contains('*') && (begun || !and_below)).then_some(Pattern { address, and_below })
}

impl Pattern {
    /// Addresses are compared as they are sent: `..` and its encodings are resolved by then.
    fn covers(&self, address: &Url) -> bool {
        let same_place = address.origin() == self.address.origin();
        same_place
            && if self.and_below {
                address.path().starts_with(self.address.path())
            } else {
                address.path() == self.address.path()
            }
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'_' | b'-'))
        && !text.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(words: &[&str]) -> Grants {
        Grants(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn words_are_read_and_written() {
        for word in [
            "pvc",
            "secret-ref:registry-token",
            "secret-read:hub.key",
            "lookup:apps",
            "http:https://hub.example/api/*",
        ] {
            assert_eq!(Capability::parse(word).unwrap().word(), word);
        }
        for word in [
            "",
            "root",
            "secret-ref:",
            "secret-ref:../etc",
            "secret-ref:.hidden",
            "lookup:A",
            "http:ftp://a/",
            "http:https://hub.example*",
            "http:https://*/",
            "http:https://u:p@hub.example/",
        ] {
            assert!(Capability::parse(word).is_err(), "{word}");
        }
    }

    #[test]
    fn a_pattern_covers_its_own_origin_and_path_only() {
        let grants = given(&[
            "http:https://hub.example/api/*",
            "http:https://one.example/exactly",
        ]);
        let may = |address: &str| grants.allows_fetch(&Url::parse(address).unwrap());
        assert!(may("https://hub.example/api/users?x=1"));
        assert!(may("https://one.example/exactly"));
        for address in [
            "http://hub.example/api/users",
            "https://hub.example:8443/api/",
            "https://hub.example/apiary",
            "https://hub.example/api/../admin",
            "https://hub.example/api/%2e%2e/admin",
            "https://hub.example.evil.example/api/",
            "https://one.example/exactly/not",
        ] {
            assert!(!may(address), "{address}");
        }
        assert!(!given(&["pvc"]).allows_any_fetch());
    }
}
