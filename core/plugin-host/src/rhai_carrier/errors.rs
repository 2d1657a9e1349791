//! The interpreter's errors in our words.

use rhai::{Dynamic, EvalAltResult as Error};
use serde_json::Value;

use super::convert::from_script;
use super::engine::{CALL_LEVELS, ITEMS, OPERATIONS, STRING, VARIABLES};
use super::host_functions::Late;
use crate::call::{Ended, Fault, FaultKind, Refusal};
use crate::limits::Limits;

/// How a script ended that returned nothing.
pub(super) fn ended(error: &Error, limits: Limits) -> Ended {
    let cause = error.to_string();
    let fault = |kind, what: &str| Ended::Fault(Fault::new(kind, what, cause.clone()));
    match error.unwrap_inner() {
        Error::ErrorRuntime(thrown, _) => refusal(thrown),
        Error::ErrorTerminated(token, _) if Late::read(token) == Late::FromStartToEnd => wall(limits).into(),
        Error::ErrorTerminated(..) => fault(
            FaultKind::Cpu,
            &format!("CPU limit {} ms exceeded", limits.cpu.as_millis()),
        ),
        Error::ErrorTooManyOperations(_) => {
            fault(FaultKind::Cpu, &format!("limit of {OPERATIONS} steps exceeded"))
        }
        Error::ErrorStackOverflow(_) => fault(
            FaultKind::Trap,
            &format!("calls nested deeper than {CALL_LEVELS}"),
        ),
        Error::ErrorDataTooLarge(what, _) => fault(FaultKind::Memory, &too_large(what)),
        Error::ErrorTooManyVariables(_) => fault(
            FaultKind::Memory,
            &format!("limit of {VARIABLES} variables exceeded"),
        ),
        _ => fault(FaultKind::Trap, "the script failed"),
    }
}

/// The library says of what there was too much.
fn too_large(what: &str) -> String {
    let limit = if what.contains("string") {
        format!("texts of {} KiB in all", STRING / 1_024)
    } else {
        format!("{ITEMS} items in all")
    };
    format!("a value larger than a script may make: {limit}")
}

/// The interpreter itself failed.
pub(super) fn crash(cause: &str) -> Fault {
    Fault::new(FaultKind::Trap, "the script crashed", cause)
}

/// The call took too long from start to end.
pub(super) fn wall(limits: Limits) -> Fault {
    let what = format!("time limit {} ms exceeded", limits.wall.as_millis());
    Fault::new(FaultKind::Timeout, what.clone(), what)
}

/// `throw #{code, message, details}`, or `throw "message"`.
fn refusal(thrown: &Dynamic) -> Ended {
    let document = match from_script(thrown) {
        Ok(document) => document,
        Err(fault) => return fault.into(),
    };
    let text = |field: &str| document.get(field).and_then(Value::as_str).map(str::to_owned);
    let refusal = match (&document, text("message")) {
        (Value::Object(_), Some(message)) => Refusal {
            code: text("code").unwrap_or_else(|| "failed".to_owned()),
            message,
            details: document.get("details").cloned().unwrap_or(Value::Null),
        },
        (Value::String(message), _) => Refusal {
            code: "failed".to_owned(),
            message: message.clone(),
            details: Value::Null,
        },
        _ => {
            return Fault::new(
                FaultKind::Output,
                "it threw something that is no error",
                document.to_string(),
            )
            .into();
        }
    };
    refusal.into()
}
