//! Points in time, as pages write them.

use std::fmt;

use chrono::{DateTime, Utc};

/// A time that a browser with scripts shows in its own zone, and any other in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When(pub(super) DateTime<Utc>);

impl When {
    /// For machines: RFC 3339, seconds.
    pub(super) fn machine(&self) -> impl fmt::Display + use<> {
        self.0.format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// For people: a date and a time of day in UTC.
    pub(super) fn people(&self) -> impl fmt::Display + use<> {
        self.0.format("%-d %B %Y, %H:%M UTC")
    }
}

impl From<DateTime<Utc>> for When {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}
