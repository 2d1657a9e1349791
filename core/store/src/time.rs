//! How times are stored: RFC 3339 in UTC with six decimals, so that text sorts as time does.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

use crate::StoreError;

/// The stored form.
pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The time that was stored. Adopted tables may have other spellings: RFC 3339, or SQLite's `YYYY-MM-DD HH:MM:SS`.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, StoreError> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").map(|time| time.and_utc()))
        .map_err(|_| StoreError::Corrupt(format!("`{text}` is no time")))
}

/// The hour of a time, as the stored form of each time in it begins.
pub(crate) fn hour(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H").to_string()
}

/// The day of a time, likewise.
pub(crate) fn day(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d").to_string()
}
