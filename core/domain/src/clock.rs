//! The port for the time of day.

use chrono::{DateTime, Utc};

/// Tells the time. The server's clock is the system's; tests that must see a deadline pass bring their own.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}
