//! How often apps are launched, by whom, and how it went: figures, plots, and the tables that say the same.

mod charts;
mod words;

use askama::Template;
use chrono::{Days, NaiveDate};
use launchpad_domain::{AnalyticsReport, AppFigures, Granularity, LaunchCounts, LaunchFigures, Problems};

use super::form::{FormProblems, Labels};
use super::page::Page;
use super::plot::Plot;
use super::when::When;
use charts::Chart;
use words::{grouped, percent, ready_words};

/// Most bars of a list of bars; its table has every one.
const MOST_BARS: usize = 12;
/// The ranges that are one click away: how many days, in words.
const CHOICES: &[(u64, &str)] = &[(1, "Today"), (14, "14 days"), (90, "90 days"), (365, "1 year")];

const FIELDS: Labels = &[
    ("from", "From"),
    ("to", "To"),
    ("app_id", "App"),
    ("granularity", "By"),
];

/// What was launched in a range.
#[derive(Debug, Template)]
#[template(path = "admin/analytics.html")]
pub(crate) struct AnalyticsPage {
    page: Page,
    fields: AnalyticsFields,
    problems: FormProblems,
    choices: Vec<Choice>,
    /// Every app that was ever launched, by id and name.
    apps: Vec<(String, String)>,
    /// None where the range is none.
    found: Option<Found>,
}

/// The range as it was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnalyticsFields {
    /// The first day.
    pub(crate) from: String,
    /// The last day.
    pub(crate) to: String,
    /// The app; empty: all.
    pub(crate) app_id: String,
    /// How it is divided.
    pub(crate) granularity: String,
}

#[derive(Debug)]
struct Choice {
    words: &'static str,
    query: String,
    current: bool,
}

/// What is shown of a range.
#[derive(Debug)]
struct Found {
    /// The days, in words.
    range: String,
    /// The range as it stands in an address.
    query: String,
    figures: Vec<(&'static str, String)>,
    charts: Vec<Chart>,
    apps: Vec<AppRow>,
    /// How often each was launched.
    app_bars: Bars,
    failures: Vec<FailureRow>,
    failure_bars: Bars,
}

/// Figures beside each other, for the eye only.
#[derive(Debug)]
struct Bars {
    finding: String,
    bars: Vec<Bar>,
}

#[derive(Debug)]
struct Bar {
    name: String,
    value: String,
    /// Its length, of [`Bar::WHOLE`].
    width: u64,
}

impl Bar {
    /// The length of the longest bar.
    const WHOLE: u64 = 1_000;
}

#[derive(Debug)]
struct AppRow {
    id: String,
    name: String,
    launches: String,
    people: String,
    failed: String,
    ready: String,
    last: When,
}

#[derive(Debug)]
struct FailureRow {
    sentence: &'static str,
    reason: &'static str,
    launching: String,
    running: String,
}

impl AnalyticsPage {
    /// The page of a range. `fields` is what the form holds, `today` the day it is, `ever` every app that was launched.
    pub(crate) fn new(
        page: Page,
        fields: AnalyticsFields,
        today: NaiveDate,
        ever: &LaunchCounts,
        report: &AnalyticsReport,
    ) -> Self {
        let found = Found::new(report, &fields);
        let mut page = Self::refused(page, fields, today, ever, Problems::none());
        for (choice, (days, _)) in page.choices.iter_mut().zip(CHOICES) {
            choice.current = report.query.to == today && report.query.days() == *days;
        }
        page.found = Some(found);
        page
    }

    /// The form alone, with what is wrong in it.
    pub(crate) fn refused(
        page: Page,
        fields: AnalyticsFields,
        today: NaiveDate,
        ever: &LaunchCounts,
        problems: Problems,
    ) -> Self {
        let choices = CHOICES.iter().map(|(days, words)| {
            let from = today - Days::new(days - 1);
            let range = AnalyticsFields {
                from: from.to_string(),
                to: today.to_string(),
                granularity: if *days == 1 {
                    Granularity::Hour
                } else {
                    Granularity::Day
                }
                .as_str()
                .to_owned(),
                ..fields.clone()
            };
            Choice {
                words,
                query: range.query(),
                current: false,
            }
        });
        let mut apps: Vec<(String, String)> = ever
            .apps
            .iter()
            .map(|app| (app.app_id.clone(), app.app_name.clone()))
            .collect();
        apps.sort_by_cached_key(|(id, name)| (name.to_lowercase(), id.clone()));
        Self {
            choices: choices.collect(),
            apps,
            found: None,
            problems: FormProblems::new(problems, FIELDS),
            fields,
            page: page.named("Analytics", "/admin/analytics"),
        }
    }
}

impl AnalyticsFields {
    /// As it stands in an address.
    fn query(&self) -> String {
        let fields = [
            ("from", &self.from),
            ("to", &self.to),
            ("app_id", &self.app_id),
            ("granularity", &self.granularity),
        ];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields.into_iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }
}

impl Found {
    fn new(report: &AnalyticsReport, fields: &AnalyticsFields) -> Self {
        let mut shown = vec![charts::launches(report)];
        // Of an hour nobody knows these.
        if report.query.granularity == Granularity::Day {
            shown.push(charts::people(report));
            shown.push(charts::ready(report));
        }
        shown.push(charts::sessions(report));
        let failed = |row: &launchpad_domain::FailureFigures| row.launching + row.running;
        Self {
            range: days_in_words(report.query.from, report.query.to),
            query: fields.query(),
            figures: figures(&report.total),
            charts: shown,
            app_bars: Bars::new(
                report.apps.first().map(|app| {
                    format!(
                        "{} was launched most often, {} of {} times",
                        app.ever.app_name,
                        grouped(app.figures.launches),
                        grouped(report.total.launches)
                    )
                }),
                report
                    .apps
                    .iter()
                    .map(|app| (app.ever.app_name.clone(), app.figures.launches)),
            ),
            apps: report.apps.iter().map(AppRow::from).collect(),
            failure_bars: Bars::new(
                report.failures.first().map(|most| {
                    let all = report.failures.iter().map(failed).sum();
                    format!(
                        "{} That was why {} of {} failed",
                        most.reason.sentence(),
                        grouped(failed(most)),
                        grouped(all)
                    )
                }),
                report
                    .failures
                    .iter()
                    .map(|row| (row.reason.sentence().to_owned(), failed(row))),
            ),
            failures: report
                .failures
                .iter()
                .map(|row| FailureRow {
                    sentence: row.reason.sentence(),
                    reason: row.reason.as_str(),
                    launching: grouped(row.launching),
                    running: grouped(row.running),
                })
                .collect(),
        }
    }
}

impl Bars {
    fn new(finding: Option<String>, values: impl Iterator<Item = (String, u64)>) -> Self {
        let values: Vec<(String, u64)> = values.take(MOST_BARS).collect();
        let most = values.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1);
        let bars = values.into_iter().map(|(name, value)| Bar {
            name,
            value: grouped(value),
            width: (value.saturating_mul(Bar::WHOLE) / most).max(4),
        });
        Self {
            bars: bars.collect(),
            finding: finding.unwrap_or_default(),
        }
    }
}

impl From<&AppFigures> for AppRow {
    fn from(app: &AppFigures) -> Self {
        Self {
            id: app.ever.app_id.clone(),
            name: app.ever.app_name.clone(),
            launches: grouped(app.figures.launches),
            people: app.figures.people.map(grouped).unwrap_or_default(),
            failed: grouped(app.figures.failed),
            ready: ready_words(app.figures.ready),
            last: app.ever.last_launch.into(),
        }
    }
}

fn figures(total: &LaunchFigures) -> Vec<(&'static str, String)> {
    vec![
        ("Launches", grouped(total.launches)),
        ("People", grouped(total.people.unwrap_or_default())),
        (
            "Ready p50 / p95",
            match total.ready {
                Some(_) => ready_words(total.ready),
                None => "–".to_owned(),
            },
        ),
        ("Failed", percent(total.failed, total.launches)),
        ("Peak sessions", grouped(total.peak_sessions)),
    ]
}

fn days_in_words(from: NaiveDate, to: NaiveDate) -> String {
    if from == to {
        format!("{}, UTC", to.format("%-d %B %Y"))
    } else {
        format!("{} to {}, UTC", from.format("%-d %B %Y"), to.format("%-d %B %Y"))
    }
}
