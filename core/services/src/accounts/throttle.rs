//! How often a password may be tried: ten at once, then five a minute, per name and address.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::ServiceError;

const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap();
const EVERY: Duration = Duration::from_secs(12);
/// Past this many names and addresses those that are at rest are forgotten.
const REMEMBERED: usize = 10_000;

pub(super) struct Throttle(DefaultKeyedRateLimiter<(String, String)>);

impl Throttle {
    pub(super) fn new() -> Self {
        let quota = Quota::with_period(EVERY)
            .map_or_else(|| Quota::per_minute(BURST), |quota| quota.allow_burst(BURST));
        Self(RateLimiter::keyed(quota))
    }

    /// Counts a try.
    pub(super) fn check(&self, name: &str, address: Option<&str>) -> Result<(), ServiceError> {
        if self.0.len() > REMEMBERED {
            self.0.retain_recent();
        }
        let name: String = name
            .trim()
            .chars()
            .take(64)
            .collect::<String>()
            .to_ascii_lowercase();
        let key = (name, address.unwrap_or_default().to_owned());
        self.0.check_key(&key).map_err(|_| ServiceError::OverLimit {
            message: "too many tries: wait a minute".to_owned(),
            retry_after_s: EVERY.as_secs(),
        })
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").field("keys", &self.0.len()).finish()
    }
}
