//! What a plugin answered, made fit to be shown: bounded, on one line, in the domain's words.

use launchpad_domain::launch_types::{CleanupWish, EventAction, FieldOptions, Readiness};
use launchpad_domain::{FieldProblem, HookError};
use serde_json::Value;

use crate::call::{Ended, Fault, FaultKind, ProblemList, Refusal};
use crate::limits::{MAX_ANSWER, MAX_DEPTH};

/// Most characters of a sentence by a plugin.
const MAX_SENTENCE: usize = 1_000;
/// Most characters of a path or a code by a plugin.
const MAX_NAME: usize = 200;
/// Most problems that one answer may tell.
const MAX_PROBLEMS: usize = 50;
/// When to call again, in milliseconds, if the plugin does not say.
const RETRY_MS: u64 = 1_000;
/// Most fields with choices, and most choices of one, in a launch form.
const MAX_FIELDS: usize = 50;
const MAX_CHOICES: usize = 500;
/// Most actions for one event.
const MAX_ACTIONS: usize = 10;
/// How soon and how late a plugin may ask to be asked again whether a workload is ready, in milliseconds.
const MIN_POLL_MS: u64 = 100;
const MAX_POLL_MS: u64 = 10_000;
/// Latest time to call again, in milliseconds.
const MAX_RETRY_MS: u64 = 60_000;

/// Reads an answer's text.
pub(crate) fn parse(text: &str) -> Result<Value, Fault> {
    if text.len() > MAX_ANSWER {
        return Err(too_large());
    }
    let value: Value = serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?;
    if deeper_than(&value, MAX_DEPTH) {
        return Err(too_deep());
    }
    Ok(value)
}

/// Reads the answer of the hook `validate`.
pub(crate) fn problems(answer: Value) -> Result<Vec<FieldProblem>, Fault> {
    let list: ProblemList = serde_json::from_value(answer)
        .map_err(|error| unreadable(&format!("no list of problems: {error}")))?;
    Ok(bounded(list.problems))
}

/// Reads the answer of the hook `options`.
pub(crate) fn options(answer: Value) -> Result<Vec<FieldOptions>, Fault> {
    #[derive(serde::Deserialize)]
    struct Document {
        fields: Vec<FieldOptions>,
    }
    let document: Document =
        serde_json::from_value(answer).map_err(|error| unreadable(&format!("no list of fields: {error}")))?;
    if document.fields.len() > MAX_FIELDS
        || document
            .fields
            .iter()
            .any(|field| field.choices.len() > MAX_CHOICES)
    {
        let what = format!("more than {MAX_FIELDS} fields or {MAX_CHOICES} choices of one");
        return Err(Fault::new(FaultKind::Output, what.clone(), what));
    }
    let mut fields = document.fields;
    for field in &mut fields {
        field.path = line(&field.path, MAX_NAME);
        for choice in &mut field.choices {
            choice.label = line(&choice.label, MAX_NAME);
        }
    }
    Ok(fields)
}

/// Reads the answer of the hook `ready`.
pub(crate) fn readiness(answer: Value) -> Result<Readiness, Fault> {
    #[derive(serde::Deserialize)]
    struct Document {
        state: State,
        #[serde(default)]
        message: String,
        retry_ms: Option<u64>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum State {
        Ready,
        Wait,
        Fail,
    }
    let document: Document = serde_json::from_value(answer)
        .map_err(|error| unreadable(&format!("no state of readiness: {error}")))?;
    let message = line(&document.message, MAX_SENTENCE);
    Ok(match document.state {
        State::Ready => Readiness::Ready,
        State::Wait => Readiness::Wait {
            message,
            retry_ms: document
                .retry_ms
                .unwrap_or(RETRY_MS)
                .clamp(MIN_POLL_MS, MAX_POLL_MS),
        },
        State::Fail => Readiness::Fail { message },
    })
}

/// Reads the answer of the hook `on-event`.
pub(crate) fn actions(answer: Value) -> Result<Vec<EventAction>, Fault> {
    #[derive(serde::Deserialize)]
    struct Document {
        #[serde(default)]
        actions: Vec<EventAction>,
    }
    let document: Document = serde_json::from_value(answer)
        .map_err(|error| unreadable(&format!("no list of actions: {error}")))?;
    if document.actions.len() > MAX_ACTIONS {
        let what = format!("more than {MAX_ACTIONS} actions");
        return Err(Fault::new(FaultKind::Output, what.clone(), what));
    }
    let bounded = document.actions.into_iter().map(|action| match action {
        EventAction::Annotate { message } => EventAction::Annotate {
            message: line(&message, MAX_NAME),
        },
        EventAction::Stop => EventAction::Stop,
    });
    Ok(bounded.collect())
}

/// Reads the answer of the hook `cleanup`.
pub(crate) fn wish(answer: Value) -> Result<CleanupWish, Fault> {
    serde_json::from_value(answer).map_err(|error| unreadable(&format!("no wish for what stays: {error}")))
}

pub(crate) fn too_large() -> Fault {
    let what = format!("its answer has more than {} KiB", MAX_ANSWER / 1_024);
    Fault::new(FaultKind::Output, what.clone(), what)
}

pub(crate) fn too_deep() -> Fault {
    let what = format!("its answer is nested deeper than {MAX_DEPTH}");
    Fault::new(FaultKind::Output, what.clone(), what)
}

pub(crate) fn unreadable(cause: &str) -> Fault {
    Fault::new(FaultKind::Output, "its answer cannot be read", cause)
}

/// Recursive: the parser has refused what is deeper than 128 before this is called.
fn deeper_than(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return value.is_array() || value.is_object();
    };
    match value {
        Value::Array(items) => items.iter().any(|item| deeper_than(item, below)),
        Value::Object(fields) => fields.values().any(|field| deeper_than(field, below)),
        _ => false,
    }
}

/// Text of a plugin on one line of at most `most` characters.
pub(crate) fn line(text: &str, most: usize) -> String {
    text.chars()
        .take(most)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn bounded(problems: Vec<FieldProblem>) -> Vec<FieldProblem> {
    problems
        .into_iter()
        .take(MAX_PROBLEMS)
        .map(|problem| FieldProblem {
            path: line(&problem.path, MAX_NAME),
            message: line(&problem.message, MAX_SENTENCE),
        })
        .collect()
}

impl From<Refusal> for HookError {
    fn from(refusal: Refusal) -> Self {
        let message = line(&refusal.message, MAX_SENTENCE);
        match refusal.code.as_str() {
            "invalid-input" => Self::InvalidInput(wrong_fields(&refusal.details, message)),
            "denied" => Self::Denied(message),
            "retryable" => Self::Retryable {
                message,
                retry_ms: refusal
                    .details
                    .get("retry_ms")
                    .and_then(Value::as_u64)
                    .unwrap_or(RETRY_MS)
                    .min(MAX_RETRY_MS),
            },
            code => Self::Failed {
                code: line(code, MAX_NAME),
                message,
            },
        }
    }
}

/// The problems that the details name, or the message as the only one.
fn wrong_fields(details: &Value, message: String) -> Vec<FieldProblem> {
    let named = serde_json::from_value::<ProblemList>(details.clone()).map(|list| bounded(list.problems));
    match named {
        Ok(problems) if !problems.is_empty() => problems,
        _ => vec![FieldProblem {
            path: String::new(),
            message,
        }],
    }
}

impl Ended {
    /// As the document that a recorded test expects.
    pub(crate) fn document(&self) -> Value {
        match self {
            Self::Refused(refusal) => {
                let mut error = serde_json::json!({"code": refusal.code, "message": refusal.message});
                if refusal
                    .details
                    .as_object()
                    .is_some_and(|details| !details.is_empty())
                {
                    error["details"] = refusal.details.clone();
                }
                serde_json::json!({ "error": error })
            }
            Self::Fault(fault) => {
                serde_json::json!({"fault": {"code": fault.kind.code(), "message": fault.what, "cause": fault.cause}})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(code: &str, details: Value) -> HookError {
        Refusal {
            code: code.to_owned(),
            message: "no\nentry".to_owned(),
            details,
        }
        .into()
    }

    #[test]
    fn refusals_are_the_domains_errors() {
        assert_eq!(refused("denied", json!({})), HookError::Denied("no entry".into()));
        assert_eq!(
            refused("retryable", json!({"retry_ms": 900_000})),
            HookError::Retryable {
                message: "no entry".into(),
                retry_ms: 60_000
            }
        );
        assert_eq!(
            refused("other", json!(null)),
            HookError::Failed {
                code: "other".into(),
                message: "no entry".into()
            }
        );
        let HookError::InvalidInput(problems) = refused(
            "invalid-input",
            json!({"problems": [{"path": "params.a", "message": "x"}]}),
        ) else {
            panic!("input")
        };
        assert_eq!(problems[0].path, "params.a");
        let HookError::InvalidInput(problems) = refused("invalid-input", json!([1])) else {
            panic!("input")
        };
        assert_eq!(problems[0].message, "no entry");
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 1)).is_err());
        assert!(parse(&nested(100_000)).is_err());
        assert!(parse(&format!("\"{}\"", "x".repeat(MAX_ANSWER))).is_err());
        assert!(parse("{\"schema\": 1,}").is_err());
    }
}
