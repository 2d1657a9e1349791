//! What the host does for a plugin during a call. Which of it a plugin may, its manifest asks and the operator grants;
//! the rest is the error `not-granted`, which a plugin may handle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::bindings::PluginError;
use crate::bindings::launchpad::plugin::host;

/// How important a line of the log is.
#[derive(Debug, Clone, Copy)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is odd.
    Warn,
    /// Something happened.
    Info,
    /// For the author.
    Debug,
}

/// Writes a line to the server's log. `fields` is a JSON object.
pub fn log(level: Level, message: &str, fields: &Value) {
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
    };
    host::log(level, message, &fields.to_string());
}

/// Shows on the launch page how far the launch is: 0 to 100, and one line.
pub fn progress(percent: u32, message: &str) {
    host::progress(percent, message);
}

/// A value kept for this session.
pub fn state_get(key: &str) -> Result<Option<String>, Error> {
    Ok(host::state_get(key)?)
}

/// Keeps a value of at most 16 KiB for this session, or forgets it.
pub fn state_set(key: &str, value: Option<&str>) -> Result<(), Error> {
    Ok(host::state_set(key, value)?)
}

/// A value that this plugin keeps for all its calls.
pub fn kv_get(key: &str) -> Result<Option<String>, Error> {
    Ok(host::kv_get(key)?)
}

/// Replaces a value if it is what is expected, and says whether it was; `None` stands for no value.
pub fn kv_cas(key: &str, expected: Option<&str>, value: Option<&str>) -> Result<bool, Error> {
    Ok(host::kv_cas(key, expected, value)?)
}

/// A text that stands for the operator's secret in an environment variable of the plan. Capability `secrets.ref`.
pub fn secret_ref(name: &str) -> Result<String, Error> {
    Ok(host::secret_ref(name)?)
}

/// The operator's secret itself. Capability `secrets.read`.
pub fn secret_read(name: &str) -> Result<String, Error> {
    Ok(host::secret_read(name)?)
}

/// What is to be fetched.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Request {
    /// The address.
    pub url: String,
    /// `GET` where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Header fields.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
}

impl Request {
    /// A `GET` of this address.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }
}

/// What was fetched.
#[derive(Debug, Clone, Deserialize)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Header fields by their names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub body: String,
}

/// Fetches an address. Capability `http`.
pub fn http_fetch(request: &Request) -> Result<Response, Error> {
    let text = serde_json::to_string(request).map_err(|error| unreadable(&error))?;
    serde_json::from_str(&host::http_fetch(&text)?).map_err(|error| unreadable(&error))
}

/// An object by kind and name. Capability `lookup`.
pub fn lookup(kind: &str, name: &str) -> Result<Option<Value>, Error> {
    let found = host::lookup(kind, name)?;
    found
        .map(|text| serde_json::from_str(&text).map_err(|error| unreadable(&error)))
        .transpose()
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::failed("unavailable", error.to_string())
}

impl From<PluginError> for Error {
    fn from(error: PluginError) -> Self {
        Self {
            details: serde_json::from_str(&error.details).unwrap_or_default(),
            code: error.code,
            message: error.message,
        }
    }
}
