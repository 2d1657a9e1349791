//! What a plugin may ask of the host during one call: both carriers' host functions end here, where grants, sizes and
//! numbers are checked before anything is done.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use launchpad_domain::plugin_services::{FetchRequest, FetchResponse, LookupKind, Progress};
use launchpad_domain::policy::SECRET_PREFIX;
use launchpad_domain::{Capability, Grants, HostCallError, LaunchTypeId, PluginServices, SessionId, UserId};
use serde_json::Value;
use url::Url;

use crate::answer::line;
use crate::guest_log::GuestLog;
use crate::limits::{FETCHES, MAX_KEY, MAX_VALUE, PROGRESSES};

/// Most characters of a line of progress.
const MAX_PROGRESS: usize = 200;
type Answer<T> = Result<T, HostCallError>;

/// What a call's host functions work with.
#[derive(Debug)]
pub(crate) struct HostSide {
    /// None before there is a session, and for links.
    pub(crate) session: Option<SessionId>,
    /// For whom the hook is called.
    pub(crate) user: Option<UserId>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) services: Arc<dyn PluginServices>,
}

/// The host functions of one call.
#[derive(Debug)]
pub(crate) struct HostCalls {
    plugin: LaunchTypeId,
    side: HostSide,
    log: Mutex<GuestLog>,
    fetches: AtomicU32,
    progresses: AtomicU32,
}

impl HostCalls {
    pub(crate) fn new(plugin: LaunchTypeId, side: HostSide, log: GuestLog) -> Self {
        Self {
            plugin,
            side,
            log: Mutex::new(log),
            fetches: AtomicU32::new(0),
            progresses: AtomicU32::new(0),
        }
    }

    /// Whether the call may wait for seconds.
    pub(crate) fn may_fetch(&self) -> bool {
        self.side.grants.allows_any_fetch()
    }

    pub(crate) fn log(&self, level: &str, message: &str, fields: &str) {
        // A counter and a logger: whole after every step.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.write(level, message, fields);
    }

    /// Shows how far the launch is. What nobody can see is not an error: a plugin must not fail for it.
    pub(crate) async fn progress(&self, percent: u32, message: &str) {
        let Some(session) = self.side.session else { return };
        if self.progresses.fetch_add(1, Ordering::Relaxed) >= PROGRESSES {
            return;
        }
        let progress = Progress {
            percent: u8::try_from(percent.min(100)).ok(),
            message: line(message, MAX_PROGRESS),
        };
        self.side.services.show_progress(session, progress).await;
    }

    pub(crate) async fn state_get(&self, key: &str) -> Answer<Option<String>> {
        check_key(key)?;
        self.side.services.session_value(self.session()?, key).await
    }

    pub(crate) async fn state_set(&self, key: &str, value: Option<&str>) -> Answer<()> {
        check_key(key)?;
        check_value(value)?;
        self.side
            .services
            .set_session_value(self.session()?, key, value)
            .await
    }

    pub(crate) async fn kv_get(&self, key: &str) -> Answer<Option<String>> {
        check_key(key)?;
        self.side.services.plugin_value(&self.plugin, key).await
    }

    pub(crate) async fn kv_cas(
        &self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Answer<bool> {
        check_key(key)?;
        check_value(value)?;
        self.side
            .services
            .swap_plugin_value(&self.plugin, key, expected, value)
            .await
    }

    /// The text that stands for the secret in a plan. The secret itself is not in it.
    pub(crate) async fn secret_ref(&self, name: &str) -> Answer<String> {
        self.granted(Capability::SecretRef(name))?;
        self.side.services.secret(name).await?;
        Ok(format!("{SECRET_PREFIX}{name}"))
    }

    pub(crate) async fn secret_read(&self, name: &str) -> Answer<String> {
        self.granted(Capability::SecretRead(name))?;
        self.side.services.secret(name).await
    }

    pub(crate) async fn http_fetch(&self, request: Value) -> Answer<FetchResponse> {
        let request: FetchRequest = serde_json::from_value(request)
            .map_err(|error| HostCallError::new("invalid-input", format!("the request: {error}")))?;
        let address = Url::parse(&request.url)
            .map_err(|error| HostCallError::new("invalid-input", format!("{}: {error}", request.url)))?;
        if !self.side.grants.allows_fetch(&address) {
            return Err(not_granted(Capability::Http(&request.url)));
        }
        if self.fetches.fetch_add(1, Ordering::Relaxed) >= FETCHES {
            return Err(HostCallError::new(
                "limit",
                format!("a call may fetch {FETCHES} addresses"),
            ));
        }
        self.side.services.fetch(request, &self.side.grants).await
    }

    pub(crate) async fn lookup(&self, kind: &str, name: &str) -> Answer<Option<Value>> {
        self.granted(Capability::Lookup(kind))?;
        check_key(name)?;
        let known = LookupKind::named(kind)
            .ok_or_else(|| HostCallError::new("invalid-input", format!("there is no kind `{kind}`")))?;
        self.side.services.look_up(self.side.user, known, name).await
    }

    fn session(&self) -> Answer<SessionId> {
        self.side
            .session
            .ok_or_else(|| HostCallError::new("no-session", "there is no session in this hook"))
    }

    fn granted(&self, capability: Capability<'_>) -> Answer<()> {
        if self.side.grants.allows(capability) {
            Ok(())
        } else {
            Err(not_granted(capability))
        }
    }
}

fn not_granted(capability: Capability<'_>) -> HostCallError {
    let word = line(&capability.word(), MAX_KEY);
    HostCallError::new(
        "not-granted",
        format!("`{word}` must be asked for in plugin.toml and granted by the operator"),
    )
}

fn check_key(key: &str) -> Answer<()> {
    if key.is_empty() || key.len() > MAX_KEY || key.chars().any(char::is_control) {
        return Err(HostCallError::new(
            "invalid-input",
            format!("a name must have 1 to {MAX_KEY} bytes and no control characters"),
        ));
    }
    Ok(())
}

fn check_value(value: Option<&str>) -> Answer<()> {
    match value {
        Some(value) if value.len() > MAX_VALUE => Err(HostCallError::new(
            "too-large",
            format!("a value may have {} KiB", MAX_VALUE / 1_024),
        )),
        // PostgreSQL stores no NUL in a text.
        Some(value) if value.contains('\0') => Err(HostCallError::new(
            "invalid-input",
            "a value must not hold the character NUL",
        )),
        _ => Ok(()),
    }
}
