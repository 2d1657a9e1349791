//! Analytics as pages show them: of a busy fortnight, and of one in which nothing happened.

use launchpad_domain::{
    AnalyticsQuery, AnalyticsReport, AppFigures, AppLaunches, FailureFigures, LaunchCounts, LaunchFigures,
    LaunchStep, ReadyFigures, Reason,
};

use super::super::*;
use super::samples::{HOSTILE, page, time};

pub(super) fn analytics(report: &AnalyticsReport) -> AnalyticsPage {
    let fields = AnalyticsFields {
        from: report.query.from.to_string(),
        ..AnalyticsFields::default()
    };
    AnalyticsPage::new(page(), fields, time().date_naive(), &counts(), report)
}

pub(super) fn nothing_launched(granularity: &str) -> AnalyticsReport {
    let today = time().date_naive();
    let query = AnalyticsQuery::parse("", "", "", granularity, today).unwrap();
    let steps = query.steps().map(|begins| LaunchStep {
        begins,
        figures: LaunchFigures::default(),
    });
    AnalyticsReport {
        steps: steps.collect(),
        total: LaunchFigures::default(),
        apps: Vec::new(),
        failures: Vec::new(),
        query,
    }
}

pub(super) fn launched() -> AnalyticsReport {
    let mut report = nothing_launched("day");
    let figures = |launches| LaunchFigures {
        launches,
        failed: launches / 20,
        peak_sessions: launches / 3,
        people: Some(launches / 2),
        ready: (launches % 3 > 0).then_some(ReadyFigures {
            p50_ms: 1_000 + launches,
            p95_ms: 9_000 + launches,
        }),
    };
    for (launches, step) in (200..).step_by(7).zip(&mut report.steps) {
        step.figures = figures(launches);
    }
    report.total = figures(3_437);
    let app = |ever: AppLaunches| AppFigures {
        figures: figures(ever.launches),
        ever,
    };
    report.apps = counts().apps.into_iter().map(app).collect();
    report.failures = vec![FailureFigures {
        reason: Reason::ImageMissing,
        launching: 12,
        running: 1,
    }];
    report
}

pub(super) fn counts() -> LaunchCounts {
    let app = |app_id: &str, app_name: &str, launches| AppLaunches {
        app_id: app_id.to_owned(),
        app_name: app_name.to_owned(),
        launches,
        last_launch: time(),
    };
    LaunchCounts {
        total_launches: 241,
        apps: vec![
            app("desktop", "Desktop", 190),
            app("inkscape", "Inkscape, the editor with the long name", 50),
            app("hostile", HOSTILE, 1),
        ],
    }
}
