//! Ids: one type each, so that none can stand where another belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of a catalogue entry: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, chosen by an administrator, usable in a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppId(String);

/// The id of a launch type, which is the id of its plugin: `[a-z0-9-]{2,40}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LaunchTypeId(String);

fn is_slug_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

impl FromStr for AppId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // As Kubernetes has it for values of labels and names of claims.
        let shaped = (1..=63).contains(&text.len())
            && text.chars().all(is_slug_char)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "must be 1 to 63 of the characters a-z, 0-9 and -, and neither begin nor end with -"
                    .to_owned(),
            )
        }
    }
}

impl FromStr for LaunchTypeId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if (2..=40).contains(&text.len()) && text.chars().all(is_slug_char) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 2 to 40 of the characters a-z, 0-9 and -".to_owned())
        }
    }
}

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
text_id!(AppId);
text_id!(LaunchTypeId);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id: UUID version 7 (RFC 9562), so that ids sort by the time they were made.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }
        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                // The hyphenated form only: one id, one spelling.
                match Uuid::try_parse(text) {
                    Ok(id) if id.hyphenated().to_string() == text => Ok(Self(id)),
                    _ => Err("must be a UUID in lower case with hyphens".to_owned()),
                }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}
uuid_id!(
    /// The id of a session; its workload is named after it.
    SessionId
);
uuid_id!(
    /// The unchanging id of an account.
    UserId
);
uuid_id!(
    /// The id of one installation: in its database and on the labels of everything it creates.
    InstanceId
);
uuid_id!(
    /// The id of an API token, by which it is listed and revoked; not the secret.
    TokenId
);
uuid_id!(
    /// The id of a sign-in, by which it is revoked; not the secret in the cookie.
    SignInId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_ids_are_slugs_of_at_most_63() {
        let long = "a".repeat(63);
        for good in ["a", "0", "a-b", "wiki", long.as_str()] {
            assert!(good.parse::<AppId>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(64);
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "ä", "a\n", too_long.as_str()] {
            assert!(bad.parse::<AppId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn uuids_have_one_spelling() {
        let id = SessionId::new();
        assert_eq!(id.to_string().parse::<SessionId>(), Ok(id));
        assert!(id.to_string().to_uppercase().parse::<SessionId>().is_err());
        assert!(id.to_string().replace('-', "").parse::<SessionId>().is_err());
    }
}
