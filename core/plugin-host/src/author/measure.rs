//! How fast a plugin is, and how much of each limit it uses.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::bench::Bench;
use crate::call::Ended;
use crate::limits::{MAX_ANSWER, MAX_CONTEXT};
use crate::plugin::{Carrier, Plugin};
use crate::recorded::{self, Call};
use crate::rhai_carrier::engine::OPERATIONS;

/// Calls before those that count: code and threads are there then, as they are in a server.
const WARM_UP: usize = 20;

/// How the calls of one fixture went. Every call has a fresh instance.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The recorded call's name.
    pub name: String,
    /// The hook.
    pub hook: String,
    /// How often it was called.
    pub calls: usize,
    /// The middle one, in microseconds.
    pub p50_us: u64,
    /// The slowest but the slowest hundredth.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
    /// What it used of each limit.
    pub uses: Vec<Use>,
}

/// How much of a limit was used.
#[derive(Debug, Clone, Serialize)]
pub struct Use {
    /// What is limited.
    pub what: &'static str,
    /// The most that a call used.
    pub used: u64,
    /// The most that it may.
    pub limit: u64,
    /// In which unit.
    pub unit: &'static str,
}

impl Use {
    /// The share in percent.
    pub fn percent(&self) -> u64 {
        (self.used * 100).div_ceil(self.limit.max(1))
    }
}

impl Bench {
    /// Calls each recorded call again and again, at most so often and so long; for one that cannot be measured, why.
    pub async fn measure(&self, calls: usize, time: Duration) -> Vec<Result<Measured, String>> {
        let (plugin, source) = self.parts();
        let mut measured = Vec::new();
        for test in &plugin.manifest.tests {
            plugin.breakers.reset();
            let result = match recorded::prepare(plugin, source, test) {
                Ok(call) => measure(plugin, &call, calls, time).await,
                Err(reason) => Err(reason),
            };
            let told = result.map(|mut found| {
                found.name.clone_from(&test.name);
                found
            });
            measured.push(told.map_err(|reason| format!("{}: {reason}", test.name)));
        }
        measured
    }
}

async fn measure(plugin: &Plugin, call: &Call, calls: usize, time: Duration) -> Result<Measured, String> {
    let answer = call.make(plugin).await?;
    if let Some(fault) = answer.get("fault") {
        return Err(format!("ends with a fault: {}", fault["message"]));
    }
    let mut times = Vec::new();
    let begun = Instant::now();
    for number in 0..WARM_UP + calls {
        let took = one(plugin, call).await?;
        if number >= WARM_UP {
            times.push(took);
        }
        if begun.elapsed() > time && times.len() > 1 {
            break;
        }
    }
    times.sort_unstable();
    let micros = |index: usize| {
        let time = times.get(index.min(times.len().saturating_sub(1)));
        time.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    };
    let max = micros(times.len());
    Ok(Measured {
        name: String::new(),
        hook: call.hook.name().to_owned(),
        calls: times.len(),
        p50_us: micros(times.len() / 2),
        p99_us: micros(times.len() * 99 / 100),
        max_us: max,
        uses: uses(plugin, call, &answer, max),
    })
}

/// One call as the server makes it: its turn, a fresh instance, the documents written and read.
async fn one(plugin: &Plugin, call: &Call) -> Result<Duration, String> {
    let side = call.host_side(plugin)?;
    let begun = Instant::now();
    let ended = plugin.run(call.hook, (&call.context).into(), side).await;
    let took = begun.elapsed();
    match ended {
        Ok(_) | Err(Ended::Refused(_)) => Ok(took),
        Err(Ended::Fault(fault)) => Err(format!("ends with a fault once: {}", fault.what)),
    }
}

fn uses(plugin: &Plugin, call: &Call, answer: &Value, slowest_us: u64) -> Vec<Use> {
    let limits = plugin.limits;
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let of = |what, used: usize, limit: usize, unit| Use {
        what,
        used: used as u64,
        limit: limit as u64,
        unit,
    };
    let carried = match &plugin.carrier {
        Carrier::Rhai(script) => Use {
            what: "steps",
            used: script.take_peak(),
            limit: OPERATIONS,
            unit: "",
        },
        Carrier::Wasm(guest) => of("memory", guest.take_peak(), limits.memory, "bytes"),
    };
    vec![
        Use {
            what: "computing, waiting included",
            used: slowest_us,
            limit: micros(limits.cpu),
            unit: "us",
        },
        Use {
            what: "time in all",
            used: slowest_us,
            limit: micros(limits.wall),
            unit: "us",
        },
        carried,
        of("context", call.context.to_string().len(), MAX_CONTEXT, "bytes"),
        of("answer", answer.to_string().len(), MAX_ANSWER, "bytes"),
    ]
}
