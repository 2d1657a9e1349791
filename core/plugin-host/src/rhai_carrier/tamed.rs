//! Functions of the library that would go beyond a limit before anybody looks: these take their place.

use rhai::{Engine, EvalAltResult, ImmutableString, Position};

use super::engine::STRING;

type Answer = Result<(), Box<EvalAltResult>>;

/// Puts them in their place.
pub(super) fn register(engine: &mut Engine) {
    engine
        // Those of the core package block the thread, and no limit stops them.
        .register_fn("sleep", |_: i64| no_sleep())
        .register_fn("sleep", |_: f64| no_sleep())
        // The size of a value is looked at once it is there: 256 KiB may be replaced by 64 GiB.
        .register_fn("replace", |text: &mut ImmutableString, from: &str, to: &str| {
            replace(text, from, to)
        })
        .register_fn("replace", |text: &mut ImmutableString, from: char, to: &str| {
            replace(text, from.encode_utf8(&mut [0; 4]), to)
        });
}

fn no_sleep() -> Answer {
    let reason = "ask to be called again with the error `retryable`";
    Err(EvalAltResult::ErrorSystem("plugins cannot sleep".to_owned(), reason.into()).into())
}

fn replace(text: &mut ImmutableString, from: &str, to: &str) -> Answer {
    let times = text.matches(from).count();
    let more = to.len().saturating_sub(from.len()).saturating_mul(times);
    if text.len().saturating_add(more) > STRING {
        return Err(EvalAltResult::ErrorDataTooLarge("Length of string".to_owned(), Position::NONE).into());
    }
    *text = text.replace(from, to).into();
    Ok(())
}
