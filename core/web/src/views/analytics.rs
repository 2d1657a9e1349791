//! How often apps are launched, by whom, and how it went: figures, plots, and the tables that say the same.

use askama::Template;
use chrono::{Days, NaiveDate};
use launchpad_domain::{
    AnalyticsReport, AppFigures, Granularity, LaunchCounts, LaunchFigures, LaunchStep, Problems, ReadyFigures,
};

use super::form::{FormProblems, Labels};
use super::page::Page;
use super::plot::{Plot, Step};
use super::when::When;

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

/// A plot, what it shows, and the same as a table.
#[derive(Debug)]
struct Chart {
    name: &'static str,
    finding: String,
    plot: Plot,
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<String>)>,
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
        let mut charts = vec![launches(report)];
        // Of an hour nobody knows these.
        if report.query.granularity == Granularity::Day {
            charts.push(people(report));
            charts.push(ready(report));
        }
        charts.push(sessions(report));
        let failed = |row: &launchpad_domain::FailureFigures| row.launching + row.running;
        Self {
            range: days_in_words(report.query.from, report.query.to),
            query: fields.query(),
            figures: figures(&report.total),
            charts,
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

fn launches(report: &AnalyticsReport) -> Chart {
    let steps = steps(report, |figures| {
        vec![Some(figures.launches), Some(figures.failed)]
    });
    let finding = match most(report, |figures| figures.launches) {
        Some((step, launches)) => {
            let failed = match report.total.failed {
                0 => "none failed".to_owned(),
                failed => format!(
                    "{} of all {} failed",
                    grouped(failed),
                    grouped(report.total.launches)
                ),
            };
            format!(
                "Most launches {}: {}; {failed}",
                at(report, step),
                grouped(launches)
            )
        }
        None => "Nothing was launched".to_owned(),
    };
    let classes = [("bar-1", "launches"), ("bar-2", "failed")];
    Chart {
        name: "Launches",
        finding,
        plot: Plot::of_bars(per(report, "Launches"), &classes, &steps, grouped),
        columns: vec!["Launches", "Failed"],
        rows: rows(&steps, grouped),
    }
}

fn people(report: &AnalyticsReport) -> Chart {
    let steps = steps(report, |figures| vec![figures.people]);
    let finding = match most(report, |figures| figures.people.unwrap_or_default()) {
        Some((step, people)) => format!(
            "Most people {}: {}; {} in all",
            at(report, step),
            grouped(people),
            grouped(report.total.people.unwrap_or_default())
        ),
        // Launches that are older than the note of who it was.
        None if report.total.launches > 0 => "Who launched is not known".to_owned(),
        None => "Nobody launched anything".to_owned(),
    };
    Chart {
        name: "People",
        finding,
        plot: Plot::of_bars(per(report, "People"), &[("bar-1", "people")], &steps, grouped),
        columns: vec!["People"],
        rows: rows(&steps, grouped),
    }
}

fn ready(report: &AnalyticsReport) -> Chart {
    let steps = steps(report, |figures| {
        let ready = figures.ready;
        vec![ready.map(|ready| ready.p95_ms), ready.map(|ready| ready.p50_ms)]
    });
    let finding = match report.total.ready {
        Some(ready) => format!(
            "Half of the sessions were ready within {}, 19 of 20 within {}",
            duration(ready.p50_ms),
            duration(ready.p95_ms)
        ),
        None => "No session became ready".to_owned(),
    };
    let classes = [("line-2", "19 of 20"), ("line-1", "half of them")];
    Chart {
        name: "Time to ready",
        finding,
        plot: Plot::of_lines(
            per(report, "Time until sessions were ready"),
            &classes,
            &steps,
            duration,
        ),
        columns: vec!["19 of 20 within", "Half within"],
        rows: rows(&steps, duration),
    }
}

fn sessions(report: &AnalyticsReport) -> Chart {
    let steps = steps(report, |figures| vec![Some(figures.peak_sessions)]);
    let finding = match most(report, |figures| figures.peak_sessions) {
        Some((step, peak)) => format!(
            "At most {} sessions at one time, {}",
            grouped(peak),
            at(report, step)
        ),
        None => "No session ran".to_owned(),
    };
    Chart {
        name: "Sessions at one time",
        finding,
        plot: Plot::of_bars(
            per(report, "Most sessions at one time"),
            &[("bar-1", "sessions")],
            &steps,
            grouped,
        ),
        columns: vec!["At most"],
        rows: rows(&steps, grouped),
    }
}

fn steps(report: &AnalyticsReport, values: impl Fn(&LaunchFigures) -> Vec<Option<u64>>) -> Vec<Step> {
    let step = |step: &LaunchStep| Step {
        label: match report.query.granularity {
            Granularity::Hour if report.query.days() == 1 => step.begins.format("%H:%M").to_string(),
            _ => step.begins.format("%-d %b").to_string(),
        },
        name: name(report, step),
        values: values(&step.figures),
    };
    report.steps.iter().map(step).collect()
}

fn rows(steps: &[Step], say: fn(u64) -> String) -> Vec<(String, Vec<String>)> {
    let cell = |value: &Option<u64>| value.map(say).unwrap_or_default();
    steps
        .iter()
        .map(|step| (step.name.clone(), step.values.iter().map(cell).collect()))
        .collect()
}

/// The first step with the most of something, if there is any.
fn most(report: &AnalyticsReport, of: impl Fn(&LaunchFigures) -> u64) -> Option<(&LaunchStep, u64)> {
    let most = report
        .steps
        .iter()
        .map(|step| of(&step.figures))
        .max()
        .filter(|most| *most > 0)?;
    let step = report.steps.iter().find(|step| of(&step.figures) == most)?;
    Some((step, most))
}

fn name(report: &AnalyticsReport, step: &LaunchStep) -> String {
    match report.query.granularity {
        Granularity::Hour => step.begins.format("%-d %B %Y, %H:%M").to_string(),
        Granularity::Day => step.begins.format("%-d %B %Y").to_string(),
    }
}

/// When, in the middle of a sentence.
fn at(report: &AnalyticsReport, step: &LaunchStep) -> String {
    match report.query.granularity {
        Granularity::Hour => step.begins.format("at %H:%M on %-d %B").to_string(),
        Granularity::Day => step.begins.format("on %A %-d %B").to_string(),
    }
}

fn per(report: &AnalyticsReport, what: &str) -> String {
    format!("{what} per {}", report.query.granularity.as_str())
}

fn days_in_words(from: NaiveDate, to: NaiveDate) -> String {
    if from == to {
        format!("{}, UTC", to.format("%-d %B %Y"))
    } else {
        format!("{} to {}, UTC", from.format("%-d %B %Y"), to.format("%-d %B %Y"))
    }
}

fn ready_words(ready: Option<ReadyFigures>) -> String {
    ready.map_or_else(String::new, |ready| {
        let (half, most) = (duration(ready.p50_ms), duration(ready.p95_ms));
        // One unit is enough for both.
        match (half.split_once(' '), most.split_once(' ')) {
            (Some((number, unit)), Some((_, same))) if unit == same => format!("{number} / {most}"),
            _ => format!("{half} / {most}"),
        }
    })
}

/// Milliseconds as people say them, two or three figures of them.
fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{milliseconds} ms"),
        1_000..10_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        10_000..600_000 => format!("{} s", milliseconds / 1_000),
        _ => format!("{} min", milliseconds / 60_000),
    }
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = part.saturating_mul(1_000) / whole;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1_000), grouped(12_345_678)],
            ["0", "999", "1,000", "12,345,678"]
        );
        assert_eq!(
            [
                duration(850),
                duration(2_340),
                duration(61_000),
                duration(900_000)
            ],
            ["850 ms", "2.3 s", "61 s", "15 min"]
        );
        let ready = |p50_ms, p95_ms| ready_words(Some(ReadyFigures { p50_ms, p95_ms }));
        assert_eq!(
            [ready(1_900, 9_100), ready(900, 1_000)],
            ["1.9 / 9.1 s", "900 ms / 1.0 s"]
        );
        assert_eq!(
            [percent(0, 0), percent(14, 1_000), percent(1, 3)],
            ["–", "1.4 %", "33.3 %"]
        );
    }
}
