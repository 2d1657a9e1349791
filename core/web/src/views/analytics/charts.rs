//! The plots of a range, each with what it shows in words.

use launchpad_domain::{AnalyticsReport, Granularity, LaunchFigures, LaunchStep};

use super::words::{duration, grouped};
use crate::views::plot::{Plot, Step};

/// A plot, what it shows, and the same as a table.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) name: &'static str,
    pub(super) finding: String,
    pub(super) plot: Plot,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<(String, Vec<String>)>,
}

pub(super) fn launches(report: &AnalyticsReport) -> Chart {
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

pub(super) fn people(report: &AnalyticsReport) -> Chart {
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

pub(super) fn ready(report: &AnalyticsReport) -> Chart {
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

pub(super) fn sessions(report: &AnalyticsReport) -> Chart {
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
