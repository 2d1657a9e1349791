//! What a plugin did lately: its last calls and lines, for the administrator. Bounded, in memory, gone with the process.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use launchpad_domain::plugins::{CallFigures, CallOutcome, CallRecord, LogLine};

use crate::answer::line;
use crate::call::{Document, Hook};

/// So many calls are remembered.
const CALLS: usize = 100;
/// So many lines.
const LINES: usize = 200;
/// A context of more bytes is not kept.
const KEPT_CONTEXT: usize = 16 * 1_024;
/// Most characters of a remembered line or message.
const MAX_TEXT: usize = 500;

#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    /// Each with its context as text: it is read once in a while, and written at every call.
    calls: VecDeque<(CallRecord, Option<Document>)>,
    lines: VecDeque<LogLine>,
    called: u64,
    refused: u64,
    faults: u64,
}

/// A call that has ended.
pub(crate) struct Call {
    pub(crate) at: DateTime<Utc>,
    pub(crate) hook: Hook,
    pub(crate) took: Duration,
    pub(crate) outcome: CallOutcome,
    pub(crate) message: String,
    pub(crate) context: Document,
}

impl Journal {
    pub(crate) fn add(&self, call: Call) {
        let mut pages = self.pages();
        pages.called += 1;
        match call.outcome {
            CallOutcome::Answered => {}
            CallOutcome::Refused => pages.refused += 1,
            CallOutcome::Fault => pages.faults += 1,
        }
        if pages.calls.len() == CALLS {
            pages.calls.pop_front();
        }
        let record = CallRecord {
            number: pages.called,
            at: call.at,
            hook: call.hook.name(),
            micros: u64::try_from(call.took.as_micros()).unwrap_or(u64::MAX),
            outcome: call.outcome,
            message: line(&call.message, MAX_TEXT),
            context: None,
        };
        let kept = (call.context.0.len() <= KEPT_CONTEXT).then_some(call.context);
        pages.calls.push_back((record, kept));
    }

    pub(crate) fn write(&self, at: DateTime<Utc>, level: &'static str, hook: Hook, message: &str) {
        let mut pages = self.pages();
        if pages.lines.len() == LINES {
            pages.lines.pop_front();
        }
        pages.lines.push_back(LogLine {
            at,
            level,
            hook: hook.name(),
            message: line(message, MAX_TEXT),
        });
    }

    /// Newest first.
    pub(crate) fn calls(&self) -> Vec<CallRecord> {
        let kept: Vec<_> = self.pages().calls.iter().rev().cloned().collect();
        let with_context = kept.into_iter().map(|(record, context)| CallRecord {
            context: context.and_then(|text| serde_json::from_str(&text.0).ok()),
            ..record
        });
        with_context.collect()
    }

    /// Newest first.
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.pages().lines.iter().rev().cloned().collect()
    }

    pub(crate) fn figures(&self) -> CallFigures {
        let pages = self.pages();
        let mut micros: Vec<u64> = pages.calls.iter().map(|(call, _)| call.micros).collect();
        micros.sort_unstable();
        let at = |percent: usize| {
            let index = (micros.len() * percent).div_ceil(100).saturating_sub(1);
            micros.get(index).copied().unwrap_or_default()
        };
        CallFigures {
            calls: pages.called,
            refused: pages.refused,
            faults: pages.faults,
            p50_us: at(50),
            p95_us: at(95),
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // Every change leaves the pages readable: a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_calls_are_remembered_and_all_are_counted() {
        let journal = Journal::default();
        let large = format!("\"{}\"", "x".repeat(KEPT_CONTEXT));
        for micros in 1..=250 {
            journal.add(Call {
                at: DateTime::UNIX_EPOCH,
                hook: Hook::Plan,
                took: Duration::from_micros(micros),
                outcome: if micros % 2 == 0 {
                    CallOutcome::Answered
                } else {
                    CallOutcome::Fault
                },
                message: String::new(),
                context: Document(if micros == 250 { &*large } else { "null" }.into()),
            });
        }
        let calls = journal.calls();
        assert_eq!((calls.len(), calls[0].number), (100, 250));
        assert!(calls[0].context.is_none() && calls[1].context.is_some());
        let figures = journal.figures();
        assert_eq!((figures.calls, figures.faults), (250, 125));
        assert_eq!((figures.p50_us, figures.p95_us), (200, 245));
    }
}
