//! The system's clock, which never goes backwards here.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use launchpad_domain::Clock;

/// The system's time. When somebody sets it back, it stands still until it has caught up: deadlines neither fire twice
/// nor move away.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest_us: AtomicI64,
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port's one implementation over the system's clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        let earlier = self
            .latest_us
            .fetch_max(now.timestamp_micros(), Ordering::Relaxed);
        let latest = earlier.max(now.timestamp_micros());
        DateTime::from_timestamp_micros(latest).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_go_back() {
        let clock = SystemClock::default();
        let now = clock.now();
        let later = now + chrono::Duration::hours(1);
        clock.latest_us.store(later.timestamp_micros(), Ordering::Relaxed);
        assert_eq!(clock.now().timestamp_micros(), later.timestamp_micros());
    }
}
