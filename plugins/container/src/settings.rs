//! The app's settings, which the server has checked against `settings.schema.json`.

use std::collections::BTreeMap;

use launchpad_plugin_api::{Context, Error};
use serde::Deserialize;
use serde_json::Value;

/// What an administrator may set for an app.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) own_vnc: bool,
    pub(crate) vnc_port: u16,
    pub(crate) http_port: Option<u16>,
    pub(crate) http_path: String,
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) cpu: Option<String>,
    pub(crate) memory: Option<String>,
    pub(crate) run_as_user: i64,
    pub(crate) read_only_root: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            own_vnc: false,
            vnc_port: 5900,
            http_port: None,
            http_path: "/".to_owned(),
            command: Vec::new(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cpu: None,
            memory: None,
            run_as_user: 1000,
            read_only_root: false,
        }
    }
}

impl Settings {
    /// Whether the app draws on a screen that a sidecar has to bring.
    pub(crate) fn wants_screen(&self) -> bool {
        self.http_port.is_none() && !self.own_vnc
    }

    pub(crate) fn read(ctx: &Context) -> Result<Self, Error> {
        serde_json::from_value(Value::Object(ctx.app.settings.clone()))
            .map_err(|error| Error::failed("bad-settings", format!("the app's settings are wrong: {error}")))
    }
}
