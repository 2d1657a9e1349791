//! The host functions as scripts see them, and the call that a thread runs meanwhile.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use launchpad_domain::HostCallError;
use rhai::{Dynamic, Engine, EvalAltResult, Map, Position};
use serde_json::Value;
use tokio::runtime::Handle;

use super::convert::{answer_to_script, from_script};
use crate::host_calls::HostCalls;
use crate::limits::Limits;

/// So many steps for each look at the clock.
const STEPS_A_LOOK: u64 = 8;

/// A script that computes for longer than this gives the other tasks of its thread away: until then nobody misses it, and
/// a handover takes as long as most scripts.
const GIVES_AWAY_AFTER: Duration = Duration::from_millis(1);
/// How long another thread has to take them. Where it comes too late they come back, and are given away again.
const HANDOVER: Duration = Duration::from_micros(50);

thread_local! {
    /// The call that this thread runs: the interpreter is shared, and asks here.
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// The call that a thread runs.
pub(super) struct Running {
    calls: Arc<HostCalls>,
    /// Where host functions wait.
    host: Handle,
    /// When it has computed for long enough; waiting moves it.
    deadline: Instant,
    /// When it ends in any case.
    end: Instant,
    /// When the thread's other tasks are given away next.
    gives_away: Instant,
    /// How many steps it has taken.
    steps: u64,
}

/// What a look at the clock says.
enum Look {
    Goes,
    GivesAway,
    Late(Late),
}

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// Which time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    Computing,
    FromStartToEnd,
}

impl Late {
    /// As the interpreter carries it to the error.
    pub(super) fn token(self) -> Dynamic {
        Dynamic::from_bool(self == Self::FromStartToEnd)
    }

    /// What it carried.
    pub(super) fn read(token: &Dynamic) -> Self {
        if token.as_bool() == Ok(true) {
            Self::FromStartToEnd
        } else {
            Self::Computing
        }
    }
}

impl Running {
    /// Runs a script on this thread; what it answers, and how many steps it took. A panic is an error: the library's
    /// own functions can be made to.
    pub(super) fn with<T>(
        calls: Arc<HostCalls>,
        host: Handle,
        limits: Limits,
        work: impl FnOnce() -> T,
    ) -> (std::thread::Result<T>, u64) {
        let now = Instant::now();
        RUNNING.set(Some(Self {
            calls,
            host,
            deadline: now + limits.cpu,
            end: now + limits.wall,
            gives_away: now + GIVES_AWAY_AFTER,
            steps: 0,
        }));
        // What a script had is dropped with it; what it shares with others, it cannot change.
        let result = catch_unwind(AssertUnwindSafe(work));
        let ended = RUNNING.take();
        (result, ended.map_or(0, |call| call.steps))
    }

    /// Whether the time is over, asked at a step. Reading the clock takes as long as a step, so most go without: the
    /// longest that there is, on a value as large as may be, takes some milliseconds.
    pub(super) fn is_late(step: u64) -> Option<Late> {
        let look = RUNNING.with_borrow_mut(|running| {
            let call = running.as_mut()?;
            call.steps = step;
            step.is_multiple_of(STEPS_A_LOOK).then(|| call.look())
        });
        match look? {
            Look::Goes => None,
            Look::GivesAway => {
                tokio::task::block_in_place(|| std::thread::sleep(HANDOVER));
                None
            }
            Look::Late(late) => Some(late),
        }
    }

    fn look(&mut self) -> Look {
        let now = Instant::now();
        if now > self.end {
            return Look::Late(Late::FromStartToEnd);
        }
        if now > self.deadline {
            return Look::Late(Late::Computing);
        }
        if now > self.gives_away {
            self.gives_away = now + 5 * GIVES_AWAY_AFTER;
            return Look::GivesAway;
        }
        Look::Goes
    }

    pub(super) fn log(level: &str, message: &str, fields: &str) {
        RUNNING.with_borrow(|running| {
            if let Some(call) = running {
                call.calls.log(level, message, fields);
            }
        });
    }

    /// Waits for a host function; the time does not count as computing.
    fn wait<T, W: Future<Output = T>>(ask: impl FnOnce(Arc<HostCalls>) -> W) -> Answer<T> {
        let call = RUNNING.with_borrow(|running| {
            let call = running.as_ref()?;
            Some((Arc::clone(&call.calls), call.host.clone(), call.end))
        });
        let (calls, host, end) = call.ok_or_else(|| thrown("unavailable", "there is no call"))?;
        let begun = Instant::now();
        let answer = tokio::task::block_in_place(|| {
            host.block_on(async {
                let left = end.saturating_duration_since(begun);
                tokio::time::timeout(left, ask(calls)).await
            })
        });
        RUNNING.with_borrow_mut(|running| {
            if let Some(call) = running {
                call.deadline += begun.elapsed();
            }
        });
        let late = Late::FromStartToEnd.token();
        answer.map_err(|_| EvalAltResult::ErrorTerminated(late, Position::NONE).into())
    }
}

/// Gives them to scripts.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("log", |level: &str, message: &str| {
            Running::log(level, message, "");
        })
        .register_fn("log", |level: &str, message: &str, fields: Map| {
            // Like an answer: a map that is no JSON or too large is said so, not written.
            let text = match from_script(&Dynamic::from_map(fields)) {
                Ok(fields) => fields.to_string(),
                Err(fault) => fault.cause,
            };
            Running::log(level, message, &text);
        })
        .register_fn("progress", |percent: i64, message: &str| {
            let percent = u32::try_from(percent.clamp(0, 100)).unwrap_or_default();
            Running::wait(|calls| async move { calls.progress(percent, message).await })
        })
        .register_fn("state_get", |key: &str| {
            optional(Running::wait(|calls| async move { calls.state_get(key).await })?)
        })
        .register_fn("state_set", |key: &str, value: Dynamic| {
            let value = text_or_unit(value)?;
            done(Running::wait(|calls| async move {
                calls.state_set(key, value.as_deref()).await
            })?)
        })
        .register_fn("kv_get", |key: &str| {
            optional(Running::wait(|calls| async move { calls.kv_get(key).await })?)
        })
        .register_fn("kv_cas", |key: &str, expected: Dynamic, value: Dynamic| {
            let (expected, value) = (text_or_unit(expected)?, text_or_unit(value)?);
            let work = |calls: Arc<HostCalls>| async move {
                calls.kv_cas(key, expected.as_deref(), value.as_deref()).await
            };
            done(Running::wait(work)?)
        })
        .register_fn("secret_ref", |name: &str| {
            done(Running::wait(
                |calls| async move { calls.secret_ref(name).await },
            )?)
        })
        .register_fn("secret_read", |name: &str| {
            done(Running::wait(
                |calls| async move { calls.secret_read(name).await },
            )?)
        })
        .register_fn("http_fetch", |request: Map| fetch(request))
        .register_fn("lookup", |kind: &str, name: &str| {
            let found = Running::wait(|calls| async move { calls.lookup(kind, name).await })?;
            done(found.map(|found| found.map_or(Dynamic::UNIT, answer_to_script)))
        });
}

fn fetch(request: Map) -> Answer<Dynamic> {
    let request =
        from_script(&Dynamic::from_map(request)).map_err(|fault| thrown("invalid-input", &fault.cause))?;
    let response = done(Running::wait(
        |calls| async move { calls.http_fetch(request).await },
    )?)?;
    let document = serde_json::to_value(response).unwrap_or(Value::Null);
    Ok(answer_to_script(document))
}

/// A text, or `()` for none.
fn text_or_unit(value: Dynamic) -> Answer<Option<String>> {
    if value.is_unit() {
        return Ok(None);
    }
    value.into_string().map(Some).map_err(|found| {
        thrown(
            "invalid-input",
            &format!("a value must be a string or (), not {found}"),
        )
        .into()
    })
}

fn optional(answer: Result<Option<String>, HostCallError>) -> Answer<Dynamic> {
    done(answer.map(|value| value.map_or(Dynamic::UNIT, Dynamic::from)))
}

fn done<T>(answer: Result<T, HostCallError>) -> Answer<T> {
    answer.map_err(|error| thrown(error.code, &error.message).into())
}

/// An error that the script may catch, of the same shape as those that it throws.
fn thrown(code: &str, message: &str) -> EvalAltResult {
    let mut error = Map::new();
    error.insert("code".into(), code.into());
    error.insert("message".into(), message.into());
    error.insert("details".into(), Map::new().into());
    EvalAltResult::ErrorRuntime(error.into(), Position::NONE)
}
