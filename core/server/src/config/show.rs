//! What `launchpad config` shows: every setting, its value and where it was set.

use std::ffi::OsString;

use figment::value::Value;
use launchpad_store::DatabaseUrl;
use serde::Serialize;

use super::keys::{self, ALL};
use super::layers::{self, Overrides};
use super::problem::ConfigProblems;
use super::read::Reader;

/// A setting as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    /// Its name in files.
    pub(crate) key: &'static str,
    /// Its environment variable.
    pub(crate) variable: &'static str,
    /// What it is; passwords are not in it.
    pub(crate) value: String,
    /// Where it was set last.
    pub(crate) origin: String,
}

impl Shown {
    /// Every setting, right or wrong.
    pub(crate) fn all(overrides: &Overrides, environment: &[(OsString, OsString)]) -> Vec<Self> {
        let mut problems = ConfigProblems::default();
        let figment = layers::merged(overrides, environment, &mut problems);
        let values: Vec<_> = ALL.iter().map(|key| figment.find_value(key.path).ok()).collect();
        let reader = Reader::new(figment, problems);
        ALL.iter()
            .zip(values)
            .map(|(key, value)| {
                let text = value.as_ref().map(written).unwrap_or_default();
                Self {
                    key: key.path,
                    variable: key.variable,
                    value: if *key == keys::DB {
                        without_password(&text)
                    } else {
                        text
                    },
                    origin: reader.origin(*key),
                }
            })
            .collect()
    }
}

fn written(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => serde_json::to_string(value).unwrap_or_default(),
    }
}

fn without_password(text: &str) -> String {
    match text.parse::<DatabaseUrl>() {
        Ok(url) => url.to_string(),
        // What cannot be read may be a URL with a password and a slip in it.
        Err(_) => "(not an address of a database)".to_owned(),
    }
}
