//! Stops asking a plugin that keeps failing, so that it costs nothing and says so at once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many faults in a row open the breaker.
const FAULTS: usize = 5;
/// Within this time.
const WINDOW: Duration = Duration::from_mins(1);
/// For so long.
const OPEN: Duration = Duration::from_secs(30);

/// The breaker of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the last faults in a row happened, oldest first.
    faults: VecDeque<Instant>,
    open_until: Option<Instant>,
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
            state.open_until = Some(now + OPEN);
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
        drop(breaker.enter(later + OPEN).unwrap());
        breaker.enter(later + OPEN).unwrap().answered();
        fault(&breaker, later + OPEN);
        assert!(breaker.enter(later + OPEN).is_ok());
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
