//! Analytics as a file.

use std::str::FromStr;

use chrono::SecondsFormat;
use launchpad_domain::{AnalyticsReport, LaunchFigures};

use crate::csv;

/// A table of a report.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Table {
    /// Each hour or day.
    Series,
    /// Each app.
    Apps,
    /// Each reason for failures.
    Failures,
}

impl FromStr for Table {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "series" => Ok(Self::Series),
            "apps" => Ok(Self::Apps),
            "failures" => Ok(Self::Failures),
            _ => Err("must be series, apps or failures".to_owned()),
        }
    }
}

impl Table {
    /// The published spelling.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Series => "series",
            Self::Apps => "apps",
            Self::Failures => "failures",
        }
    }

    /// The whole file.
    pub(crate) fn write(self, report: &AnalyticsReport) -> String {
        let mut text = String::new();
        match self {
            Self::Series => series(&mut text, report),
            Self::Apps => apps(&mut text, report),
            Self::Failures => failures(&mut text, report),
        }
        text
    }
}

const FIGURES: [&str; 6] = [
    "launches",
    "failed",
    "unique_users",
    "ready_p50_ms",
    "ready_p95_ms",
    "peak_sessions",
];

fn figures(figures: &LaunchFigures) -> [String; 6] {
    let optional = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    [
        figures.launches.to_string(),
        figures.failed.to_string(),
        optional(figures.people),
        optional(figures.ready.map(|ready| ready.p50_ms)),
        optional(figures.ready.map(|ready| ready.p95_ms)),
        figures.peak_sessions.to_string(),
    ]
}

fn series(text: &mut String, report: &AnalyticsReport) {
    csv::push_line(text, ["begins"].into_iter().chain(FIGURES));
    for step in &report.steps {
        let begins = step.begins.to_rfc3339_opts(SecondsFormat::Secs, true);
        csv::push_line(text, [begins].into_iter().chain(figures(&step.figures)));
    }
}

fn apps(text: &mut String, report: &AnalyticsReport) {
    csv::push_line(
        text,
        ["app_id", "app_name", "last_launch"].into_iter().chain(FIGURES),
    );
    for app in &report.apps {
        let last = app.ever.last_launch.to_rfc3339_opts(SecondsFormat::Secs, true);
        let which = [app.ever.app_id.clone(), app.ever.app_name.clone(), last];
        csv::push_line(text, which.into_iter().chain(figures(&app.figures)));
    }
}

fn failures(text: &mut String, report: &AnalyticsReport) {
    csv::push_line(text, ["reason", "launching", "running"]);
    for failure in &report.failures {
        let counts = [failure.launching.to_string(), failure.running.to_string()];
        csv::push_line(text, [failure.reason.to_string()].into_iter().chain(counts));
    }
}
