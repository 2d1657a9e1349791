//! Between the typed trait and the strings of the component.

use serde::Serialize;
use serde_json::{Value, json};

use crate::bindings::{PluginError, launchpad};
use crate::{Context, Error, Plan, Problem};

/// A launch type. Only [`plan`](Self::plan) must be written.
pub trait LaunchType {
    /// The plan for one launch.
    fn plan(ctx: Context) -> Result<Plan, Error>;

    /// Problems with what the user asks for, before a session is made.
    fn validate(ctx: Context) -> Result<Vec<Problem>, Error> {
        let _ = ctx;
        Ok(Vec::new())
    }
}

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
    launchpad::plugin::host::log(level, message, &fields.to_string());
}

/// The hook `plan` of the component.
///
/// # Errors
/// The launch type's own, or `bad-context` if the server's document cannot be read.
pub fn call_plan<T: LaunchType>(ctx: &str) -> Result<String, PluginError> {
    answer(ctx, T::plan)
}

/// The hook `validate` of the component.
///
/// # Errors
/// The launch type's own, or `bad-context` if the server's document cannot be read.
pub fn call_validate<T: LaunchType>(ctx: &str) -> Result<String, PluginError> {
    answer(ctx, |ctx| T::validate(ctx).map(|problems| json!({ "problems": problems })))
}

fn answer<A: Serialize>(
    ctx: &str,
    hook: impl FnOnce(Context) -> Result<A, Error>,
) -> Result<String, PluginError> {
    // Without it a panic is told as "wasm unreachable" and nothing else.
    std::panic::set_hook(Box::new(|panic| {
        log(Level::Error, &panic.to_string(), &json!({}));
    }));
    let ctx: Context = serde_json::from_str(ctx)
        .map_err(|error| Error::failed("bad-context", format!("cannot read the context: {error}")))?;
    let document = hook(ctx)?;
    serde_json::to_string(&document)
        .map_err(|error| Error::failed("bad-answer", format!("cannot write the answer: {error}")).into())
}

impl From<Error> for PluginError {
    fn from(error: Error) -> Self {
        Self {
            code: error.code,
            message: error.message,
            details: error.details.to_string(),
        }
    }
}
