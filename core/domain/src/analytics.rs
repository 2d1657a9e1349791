//! How often apps are launched, by how many people, and how it went.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::session::Reason;
use crate::{AppId, Problems};

/// Most days of a range by days: two years.
pub const MOST_DAYS: i64 = 731;
/// Most days of a range by hours: a month.
pub const MOST_DAYS_BY_HOURS: i64 = 31;
/// How many days a range has that nobody chose.
const USUAL_DAYS: u64 = 14;

/// Launches of every kind, counted from the first one on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaunchCounts {
    /// All launches ever recorded.
    pub total_launches: u64,
    /// Per app, most launched first.
    pub apps: Vec<AppLaunches>,
}

/// The launches of one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppLaunches {
    /// The app's id; the app may be gone.
    pub app_id: String,
    /// Its name now, else its name at the last launch, else its id.
    pub app_name: String,
    /// How often.
    pub launches: u64,
    /// When last, of all time.
    pub last_launch: DateTime<Utc>,
}

/// How a launch went, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchOutcome {
    /// A link was opened: nothing more is known of it.
    Opened,
    /// A session is on its way.
    Launching,
    /// Its screen answered.
    Ready,
    /// It never did.
    Failed,
    /// Somebody changed their mind before it did.
    Cancelled,
}

impl LaunchOutcome {
    /// The stored spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Launching => "launching",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How fine a range is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Granularity {
    /// By hours.
    Hour,
    /// By days.
    #[default]
    Day,
}

impl Granularity {
    /// The published spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// Which launches: whole days in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsQuery {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Of this app; none: of all.
    pub app: Option<AppId>,
    /// How they are divided.
    pub granularity: Granularity,
}

impl AnalyticsQuery {
    /// Reads what somebody asked for, and names everything that is wrong with it. What is empty is what it usually is:
    /// the last fourteen days up to `today`, all apps, by days. A time means its day.
    pub fn parse(
        from: &str,
        to: &str,
        app_id: &str,
        granularity: &str,
        today: NaiveDate,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::none();
        let to = problems.take("to", if to.is_empty() { Ok(today) } else { day(to) });
        let usual = to.unwrap_or(today) - Days::new(USUAL_DAYS - 1);
        let from = problems.take("from", if from.is_empty() { Ok(usual) } else { day(from) });
        let app = match app_id {
            "" => None,
            id => problems.take("app_id", id.parse()),
        };
        let granularity = problems.take(
            "granularity",
            match granularity {
                "" | "day" => Ok(Granularity::Day),
                "hour" => Ok(Granularity::Hour),
                _ => Err("must be hour or day".to_owned()),
            },
        );
        if let (Some(from), Some(to)) = (from, to) {
            let days = (to - from).num_days() + 1;
            if days < 1 {
                problems.add("from", "must not be after `to`");
            } else if days > MOST_DAYS {
                problems.add(
                    "from",
                    format!("must be at most {MOST_DAYS} days before the end of `to`"),
                );
            } else if granularity == Some(Granularity::Hour) && days > MOST_DAYS_BY_HOURS {
                problems.add(
                    "granularity",
                    format!("must be day for more than {MOST_DAYS_BY_HOURS} days"),
                );
            }
        }
        let (Some(from), Some(to), Some(granularity)) = (from, to, granularity) else {
            return Err(problems);
        };
        problems.into_result(Self {
            from,
            to,
            app,
            granularity,
        })
    }

    /// How many days the range has.
    pub fn days(&self) -> u64 {
        u64::try_from((self.to - self.from).num_days() + 1).unwrap_or(1)
    }

    /// When each of its parts begins.
    pub fn steps(&self) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let (parts, length) = match self.granularity {
            Granularity::Hour => (self.days() * 24, TimeDelta::hours(1)),
            Granularity::Day => (self.days(), TimeDelta::days(1)),
        };
        let begin = self.from.and_time(chrono::NaiveTime::MIN).and_utc();
        std::iter::successors(Some(begin), move |step| Some(*step + length))
            .zip(0..parts)
            .map(|(step, _)| step)
    }
}

/// A day, or that of a time, in UTC.
fn day(text: &str) -> Result<NaiveDate, String> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc().date_naive());
    time.or_else(|_| text.parse::<NaiveDate>())
        .ok()
        .filter(|day| chrono::Datelike::year(day) >= 1_970 && chrono::Datelike::year(day) <= 9_998)
        .ok_or_else(|| "must be a day like 2026-11-24, or a time like 2026-11-24T03:00:00Z".to_owned())
}

/// What happened in a range, or a part of it, for an app or for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaunchFigures {
    /// How often was launched.
    pub launches: u64,
    /// How many of those never became ready, other than by somebody's wish.
    pub failed: u64,
    /// The most sessions at one time, as far as was seen: at each launch, and every few minutes.
    pub peak_sessions: u64,
    /// How many people launched; none for parts shorter than a day.
    pub people: Option<u64>,
    /// How long it took until screens answered; none for parts shorter than a day, and where none did.
    pub ready: Option<ReadyFigures>,
}

/// How long it took until screens answered, in milliseconds, to within three in a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyFigures {
    /// Half of them took no longer.
    pub p50_ms: u64,
    /// Nineteen of twenty took no longer.
    pub p95_ms: u64,
}

/// A range of launches, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsReport {
    /// Which.
    pub query: AnalyticsQuery,
    /// All of it.
    pub total: LaunchFigures,
    /// Each hour or day of it, also those in which nothing happened.
    pub steps: Vec<LaunchStep>,
    /// Each app that was launched in it, most launched first.
    pub apps: Vec<AppFigures>,
    /// Why sessions failed, most frequent first.
    pub failures: Vec<FailureFigures>,
}

/// An hour or a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchStep {
    /// When it begins.
    pub begins: DateTime<Utc>,
    /// What happened in it.
    pub figures: LaunchFigures,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppFigures {
    /// Which, how it is called, and its launches of all time.
    pub ever: AppLaunches,
    /// What happened in the range.
    pub figures: LaunchFigures,
}

/// A reason for failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureFigures {
    /// Which.
    pub reason: Reason,
    /// Launches that failed for it.
    pub launching: u64,
    /// Sessions that ended for it after they were ready.
    pub running: u64,
}

/// Launches by how long it took until they were ready: few numbers, however many launches. Each class is five in a
/// hundred wider than the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyTimes(BTreeMap<u16, u64>);

impl ReadyTimes {
    const WIDTH: f64 = 1.05;

    /// Counts a launch that took so many milliseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the logarithm of any number of milliseconds is a small number"
    )]
    pub fn record(&mut self, milliseconds: u64) {
        let class = (milliseconds.max(1) as f64).log(Self::WIDTH).round() as u16;
        *self.0.entry(class).or_default() += 1;
    }

    /// Counts those of another one too.
    pub fn add(&mut self, other: &Self) {
        for (class, count) in &other.0 {
            *self.0.entry(*class).or_default() += count;
        }
    }

    /// Counts those that another one was written as too, which a long report does many thousand times.
    ///
    /// # Errors
    /// That is no such document; some of it may be counted then.
    pub fn add_written(&mut self, json: &str) -> serde_json::Result<()> {
        struct Classes<'a>(&'a mut ReadyTimes);
        impl<'de> Visitor<'de> for Classes<'_> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("classes with how many they are")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some((class, count)) = map.next_entry::<u16, u64>()? {
                    *self.0.0.entry(class).or_default() += count;
                }
                Ok(())
            }
        }
        let mut document = serde_json::Deserializer::from_str(json);
        document.deserialize_map(Classes(self))?;
        document.end()
    }

    /// What they say together; nothing where there are none.
    pub fn figures(&self) -> Option<ReadyFigures> {
        Some(ReadyFigures {
            p50_ms: self.quantile(50)?,
            p95_ms: self.quantile(95)?,
        })
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a class stands for milliseconds that were whole"
    )]
    fn quantile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let class = self.0.iter().find(|(_, count)| {
            seen += **count;
            seen >= wanted
        });
        class.map(|(class, _)| Self::WIDTH.powi(i32::from(*class)).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        "2026-11-25".parse().unwrap()
    }

    #[test]
    fn nothing_asked_is_the_last_fortnight_by_days() {
        let query = AnalyticsQuery::parse("", "", "", "", today()).unwrap();
        assert_eq!(
            (query.days(), query.to, query.granularity),
            (14, today(), Granularity::Day)
        );
        assert_eq!(query.steps().count(), 14);
        assert_eq!(
            query.steps().last().unwrap().to_rfc3339(),
            "2026-11-25T00:00:00+00:00"
        );
    }

    #[test]
    fn a_time_means_its_day_in_utc() {
        let query = AnalyticsQuery::parse("2026-11-24T23:30:00-02:00", "2026-11-25", "wiki", "hour", today())
            .unwrap();
        assert_eq!((query.from, query.days()), (today(), 1));
        assert_eq!(query.steps().count(), 24);
    }

    #[test]
    fn every_wrong_value_is_named() {
        let problems = AnalyticsQuery::parse("soon", "2026-13-01", "No", "week", today()).unwrap_err();
        let paths: Vec<_> = problems.0.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["to", "from", "app_id", "granularity"]);
        for (from, to, granularity, path) in [
            ("2026-11-26", "2026-11-25", "", "from"),
            ("2020-01-01", "2026-11-25", "", "from"),
            ("2026-10-01", "2026-11-25", "hour", "granularity"),
            ("0001-01-01", "", "", "from"),
        ] {
            let problems = AnalyticsQuery::parse(from, to, "", granularity, today()).unwrap_err();
            assert_eq!(problems.0[0].path, path, "{problems}");
        }
    }

    #[test]
    fn times_are_within_three_in_a_hundred() {
        let mut times = ReadyTimes::default();
        assert_eq!(times.figures(), None);
        for milliseconds in 1..=1_000 {
            times.record(milliseconds * 10);
        }
        let ReadyFigures { p50_ms, p95_ms } = times.figures().unwrap();
        for (found, exact) in [(p50_ms, 5_000), (p95_ms, 9_500)] {
            assert!(found.abs_diff(exact) * 100 <= exact * 3, "{found} for {exact}");
        }
        let mut both = times.clone();
        both.add(&times);
        assert_eq!(both.figures(), times.figures());
        let kept: ReadyTimes = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
        assert_eq!(kept, both);
    }
}
