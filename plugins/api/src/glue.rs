//! Between the typed trait and the strings of the component.

use serde::Serialize;
use serde_json::json;

use crate::bindings::PluginError;
use crate::host::{Level, log};
use crate::{CleanupWish, Context, Error, EventAction, FieldOptions, Plan, Problem, Readiness};

/// A launch type. Only [`plan`](Self::plan) must be written.
pub trait LaunchType {
    /// The plan for one launch.
    fn plan(ctx: Context) -> Result<Plan, Error>;

    /// Problems with what the user asks for, before a session is made.
    fn validate(ctx: Context) -> Result<Vec<Problem>, Error> {
        let _ = ctx;
        Ok(Vec::new())
    }

    /// Choices of the launch form for this user, beyond the schema's.
    fn options(ctx: Context) -> Result<Vec<FieldOptions>, Error> {
        let _ = ctx;
        Ok(Vec::new())
    }

    /// Whether a workload whose endpoint answers may be used.
    fn ready(ctx: Context) -> Result<Readiness, Error> {
        let _ = ctx;
        Ok(Readiness::Ready)
    }

    /// Told of the events that the manifest subscribes, at least once each.
    fn on_event(ctx: Context) -> Result<Vec<EventAction>, Error> {
        let _ = ctx;
        Ok(Vec::new())
    }

    /// What becomes of the session's own workspaces.
    fn cleanup(ctx: Context) -> Result<CleanupWish, Error> {
        let _ = ctx;
        Ok(CleanupWish::default())
    }
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
    answer(ctx, |ctx| {
        T::validate(ctx).map(|problems| json!({ "problems": problems }))
    })
}

/// The hook `options` of the component.
///
/// # Errors
/// The launch type's own, or `bad-context` if the server's document cannot be read.
pub fn call_options<T: LaunchType>(ctx: &str) -> Result<String, PluginError> {
    answer(ctx, |ctx| {
        T::options(ctx).map(|fields| json!({ "fields": fields }))
    })
}

/// The hook `ready` of the component.
///
/// # Errors
/// The launch type's own, or `bad-context` if the server's document cannot be read.
pub fn call_ready<T: LaunchType>(ctx: &str) -> Result<String, PluginError> {
    answer(ctx, T::ready)
}

/// The hook `on-event` of the component.
///
/// # Errors
/// The launch type's own, or `bad-context` if the server's document cannot be read.
pub fn call_on_event<T: LaunchType>(ctx: &str) -> Result<String, PluginError> {
    answer(ctx, |ctx| {
        T::on_event(ctx).map(|actions| json!({ "actions": actions }))
    })
}

/// The hook `cleanup` of the component.
///
/// # Errors
/// The launch type's own, or `bad-context` if the server's document cannot be read.
pub fn call_cleanup<T: LaunchType>(ctx: &str) -> Result<String, PluginError> {
    answer(ctx, T::cleanup)
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
