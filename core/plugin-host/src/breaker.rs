//! Stops asking a plugin that keeps failing, so that it costs nothing and says so at once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many faults in a row open the breaker.
const FAULTS: usize = 5;
/// Within this time.
const WINDOW: Duration = Duration::from_mins(1);
/// For so long; twice as long each time that the probe fails.
const OPEN: Duration = Duration::from_secs(30);
/// And never longer than this.
const LONGEST: Duration = Duration::from_mins(5);

/// The breaker of one hook of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the last faults in a row happened, oldest first.
    faults: VecDeque<Instant>,
    open_until: Option<Instant>,
    /// For how long it was opened last.
    opened_for: Duration,
    /// The breaker was open, and one call tries whether it need be.
    probing: bool,
}

/// Leave to call. Dropped without a verdict, the call counts for nothing.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    /// Leave to call, or how long there is none.
    pub(crate) fn enter(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let mut state = self.state();
        let probe = match state.open_until {
            Some(until) if now < until => return Err(until - now),
            // The probe's verdict is at most a call away.
            Some(_) if state.probing => return Err(Duration::from_secs(1)),
            Some(_) => true,
            None => false,
        };
        state.probing = probe;
        Ok(Pass { breaker: self, probe })
    }

    /// Whether calls are refused now.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.state().open_until.is_some_and(|until| now < until)
    }

    /// Calls are let through again.
    pub(crate) fn reset(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment: a panic in between leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The plugin answered, be it with an error of its own.
    pub(crate) fn answered(self) {
        *self.breaker.state() = State::default();
    }

    /// The plugin had to be stopped. Whether that opened the breaker.
    pub(crate) fn faulted(self, now: Instant) -> bool {
        let mut state = self.breaker.state();
        state.faults.push_back(now);
        if state.faults.len() > FAULTS {
            state.faults.pop_front();
        }
        let in_a_row = state.faults.len() == FAULTS
            && state
                .faults
                .front()
                .is_some_and(|first| now.duration_since(*first) <= WINDOW);
        let opens = self.probe || in_a_row;
        if opens {
            state.opened_for = if self.probe {
                (state.opened_for * 2).min(LONGEST)
            } else {
                OPEN
            };
            state.open_until = Some(now + state.opened_for);
        }
        opens
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.state().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(breaker: &Breaker, now: Instant) {
        breaker.enter(now).unwrap().faulted(now);
    }

    #[test]
    fn five_faults_in_a_row_open_it_and_one_probe_closes_it() {
        let breaker = Breaker::default();
        let start = Instant::now();
        for _ in 0..FAULTS {
            fault(&breaker, start);
        }
        assert!(breaker.enter(start + OPEN / 2).is_err());
        let later = start + OPEN;
        let probe = breaker.enter(later).unwrap();
        assert!(breaker.enter(later).is_err(), "one probe at a time");
        probe.faulted(later);
        assert!(
            breaker.enter(later + OPEN / 2).is_err(),
            "a failed probe opens it again"
        );
        assert!(
            breaker.enter(later + OPEN).is_err(),
            "a failed probe opens it for twice as long"
        );
        let later = later + 2 * OPEN;
        drop(breaker.enter(later).unwrap());
        breaker.enter(later).unwrap().answered();
        fault(&breaker, later);
        assert!(breaker.enter(later).is_ok());
    }

    #[test]
    fn it_never_stays_open_for_longer_than_five_minutes() {
        let breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..FAULTS {
            fault(&breaker, now);
        }
        for _ in 0..8 {
            now += LONGEST;
            fault(&breaker, now);
        }
        assert!(breaker.is_open(now + LONGEST / 2));
        assert!(!breaker.is_open(now + LONGEST));
        breaker.reset();
        assert!(!breaker.is_open(now));
    }

    #[test]
    fn an_answer_between_or_time_keeps_it_closed() {
        let breaker = Breaker::default();
        let start = Instant::now();
        for _ in 0..FAULTS - 1 {
            fault(&breaker, start);
        }
        breaker.enter(start).unwrap().answered();
        fault(&breaker, start);
        assert!(breaker.enter(start).is_ok());
        let breaker = Breaker::default();
        for n in 0..20 {
            fault(&breaker, start + n * WINDOW / 3);
        }
        assert!(breaker.enter(start + 7 * WINDOW).is_ok());
    }
}
