//! The functions of `launchpad:plugin/host` as components see them: values in, values out; what they do is
//! [`HostCalls`]'s.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use launchpad_domain::HostCallError;
use serde_json::Value;
use wasmtime::component::{LinkerInstance, Val};

use super::store::CallState;
use crate::answer::parse;
use crate::host_calls::HostCalls;

/// What a host function answers; `None` where it answers nothing.
type Answered = Pin<Box<dyn Future<Output = Option<Val>> + Send>>;
type Function = fn(Arc<HostCalls>, Vec<Val>) -> Answered;

/// Every function with its parameters and its result, as [`super::contract`] writes them.
pub(super) const FUNCTIONS: &[(&str, &str, Function)] = &[
    ("log", "(string, string, string)", |calls, values| {
        Box::pin(async move {
            let [level, message, fields] = texts(values);
            calls.log(&level, &message, &fields);
            None
        })
    }),
    ("progress", "(u32, string)", |calls, values| {
        Box::pin(async move {
            let percent = match values.first() {
                Some(Val::U32(percent)) => *percent,
                _ => 0,
            };
            let [_, message] = texts(values);
            calls.progress(percent, &message).await;
            None
        })
    }),
    (
        "state-get",
        "(string) -> result<option<string>, error>",
        |calls, values| {
            Box::pin(async move {
                let [key] = texts(values);
                Some(result(
                    calls.state_get(&key).await.map(|value| Some(optional(value))),
                ))
            })
        },
    ),
    (
        "state-set",
        "(string, option<string>) -> result<_, error>",
        |calls, values| {
            Box::pin(async move {
                let value = given(values.get(1));
                let [key, _] = texts(values);
                Some(result(
                    calls.state_set(&key, value.as_deref()).await.map(|()| None),
                ))
            })
        },
    ),
    (
        "kv-get",
        "(string) -> result<option<string>, error>",
        |calls, values| {
            Box::pin(async move {
                let [key] = texts(values);
                Some(result(
                    calls.kv_get(&key).await.map(|value| Some(optional(value))),
                ))
            })
        },
    ),
    (
        "kv-cas",
        "(string, option<string>, option<string>) -> result<bool, error>",
        |calls, values| {
            Box::pin(async move {
                let (expected, value) = (given(values.get(1)), given(values.get(2)));
                let [key, _, _] = texts(values);
                let swapped = calls.kv_cas(&key, expected.as_deref(), value.as_deref()).await;
                Some(result(swapped.map(|swapped| Some(Val::Bool(swapped)))))
            })
        },
    ),
    (
        "secret-ref",
        "(string) -> result<string, error>",
        |calls, values| {
            Box::pin(async move {
                let [name] = texts(values);
                Some(result(
                    calls.secret_ref(&name).await.map(|text| Some(Val::String(text))),
                ))
            })
        },
    ),
    (
        "secret-read",
        "(string) -> result<string, error>",
        |calls, values| {
            Box::pin(async move {
                let [name] = texts(values);
                Some(result(
                    calls.secret_read(&name).await.map(|text| Some(Val::String(text))),
                ))
            })
        },
    ),
    (
        "http-fetch",
        "(string) -> result<string, error>",
        |calls, values| {
            Box::pin(async move {
                let [request] = texts(values);
                let fetched = match parse(&request) {
                    Ok(request) => calls.http_fetch(request).await,
                    Err(fault) => Err(HostCallError::new("invalid-input", fault.cause)),
                };
                Some(result(fetched.and_then(|response| {
                    json(&response).map(|text| Some(Val::String(text)))
                })))
            })
        },
    ),
    (
        "lookup",
        "(string, string) -> result<option<string>, error>",
        |calls, values| {
            Box::pin(async move {
                let [kind, name] = texts(values);
                let found = calls.lookup(&kind, &name).await;
                Some(result(
                    found.map(|found| Some(optional(found.map(|value| value.to_string())))),
                ))
            })
        },
    ),
];

/// Gives them to components.
pub(super) fn define(host: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    for (name, _, function) in FUNCTIONS {
        host.func_new_async(name, |store, _, values, answers| {
            let work = function(Arc::clone(&store.data().calls), values.to_vec());
            Box::new(async move {
                if let (Some(answer), Some(place)) = (work.await, answers.first_mut()) {
                    *place = answer;
                }
                Ok(())
            })
        })?;
    }
    Ok(())
}

/// The texts among the values; something else is empty, which the check of the component's types excludes.
fn texts<const N: usize>(values: Vec<Val>) -> [String; N] {
    let mut values = values.into_iter();
    std::array::from_fn(|_| match values.next() {
        Some(Val::String(text)) => text,
        _ => String::new(),
    })
}

fn given(value: Option<&Val>) -> Option<String> {
    match value {
        Some(Val::Option(Some(inner))) => match &**inner {
            Val::String(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn optional(value: Option<String>) -> Val {
    Val::Option(value.map(|text| Box::new(Val::String(text))))
}

fn json(value: &impl serde::Serialize) -> Result<String, HostCallError> {
    serde_json::to_string(value).map_err(|error| HostCallError::new("unavailable", error.to_string()))
}

fn result(answer: Result<Option<Val>, HostCallError>) -> Val {
    Val::Result(match answer {
        Ok(value) => Ok(value.map(Box::new)),
        Err(error) => Err(Some(Box::new(Val::Record(vec![
            ("code".to_owned(), Val::String(error.code.to_owned())),
            ("message".to_owned(), Val::String(error.message)),
            (
                "details".to_owned(),
                Val::String(Value::Object(serde_json::Map::new()).to_string()),
            ),
        ])))),
    })
}
