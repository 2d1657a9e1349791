//! Launches, counted.

use chrono::{DateTime, NaiveDate, Utc};
use launchpad_domain::{
    AnalyticsReport, AppFigures, AppLaunches, FailureFigures, LaunchCounts, LaunchFigures, LaunchStep,
    ReadyFigures,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Launches, counted: of all time, or in the range that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Analytics)]
pub(crate) struct AnalyticsDocument {
    total_launches: u64,
    /// Most launched first.
    apps: Vec<AppLaunchesDocument>,
    /// The range, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<RangeDocument>,
}

/// The launches of one app.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AppLaunches)]
struct AppLaunchesDocument {
    app_id: String,
    app_name: String,
    launches: u64,
    /// When last, of all time.
    last_launch: DateTime<Utc>,
    /// How they went, where a range was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<FiguresDocument>,
}

/// What happened in a range of whole days in UTC.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsRange)]
struct RangeDocument {
    /// The first day.
    from: NaiveDate,
    /// The last day.
    to: NaiveDate,
    /// The app; null: all.
    app_id: Option<String>,
    /// `hour` or `day`.
    granularity: &'static str,
    figures: FiguresDocument,
    /// Each hour or day, also those in which nothing happened.
    series: Vec<StepDocument>,
    /// Why sessions failed, most frequent first.
    failures: Vec<FailureDocument>,
}

/// An hour or a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsStep)]
struct StepDocument {
    /// When it begins.
    begins: DateTime<Utc>,
    figures: FiguresDocument,
}

/// How launches went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsFigures)]
struct FiguresDocument {
    launches: u64,
    /// Those that never became ready, without anybody's wish.
    failed: u64,
    /// How many people launched; null for an hour.
    unique_users: Option<u64>,
    /// How long it took until screens answered; null for an hour, and where none did.
    ready_ms: Option<ReadyDocument>,
    /// The most sessions at one time.
    peak_sessions: u64,
}

/// Milliseconds, to within three in a hundred.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadyTimes)]
struct ReadyDocument {
    p50: u64,
    p95: u64,
}

/// A reason for failures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsFailure)]
struct FailureDocument {
    reason: &'static str,
    /// Launches that failed for it.
    launching: u64,
    /// Sessions that ended for it after they were ready.
    running: u64,
}

impl From<LaunchCounts> for AnalyticsDocument {
    fn from(counts: LaunchCounts) -> Self {
        let apps = counts.apps.into_iter().map(AppLaunchesDocument::of_all_time);
        Self {
            total_launches: counts.total_launches,
            apps: apps.collect(),
            range: None,
        }
    }
}

impl From<AnalyticsReport> for AnalyticsDocument {
    fn from(report: AnalyticsReport) -> Self {
        let apps = report.apps.into_iter().map(AppLaunchesDocument::from);
        Self {
            total_launches: report.total.launches,
            apps: apps.collect(),
            range: Some(RangeDocument {
                from: report.query.from,
                to: report.query.to,
                app_id: report.query.app.map(Into::into),
                granularity: report.query.granularity.as_str(),
                figures: report.total.into(),
                series: report.steps.into_iter().map(StepDocument::from).collect(),
                failures: report.failures.into_iter().map(FailureDocument::from).collect(),
            }),
        }
    }
}

impl AppLaunchesDocument {
    fn of_all_time(app: AppLaunches) -> Self {
        Self {
            app_id: app.app_id,
            app_name: app.app_name,
            launches: app.launches,
            last_launch: app.last_launch,
            figures: None,
        }
    }
}

impl From<AppFigures> for AppLaunchesDocument {
    fn from(app: AppFigures) -> Self {
        Self {
            launches: app.figures.launches,
            figures: Some(app.figures.into()),
            ..Self::of_all_time(app.ever)
        }
    }
}

impl From<LaunchStep> for StepDocument {
    fn from(step: LaunchStep) -> Self {
        Self {
            begins: step.begins,
            figures: step.figures.into(),
        }
    }
}

impl From<LaunchFigures> for FiguresDocument {
    fn from(figures: LaunchFigures) -> Self {
        let ready = |ready: ReadyFigures| ReadyDocument {
            p50: ready.p50_ms,
            p95: ready.p95_ms,
        };
        Self {
            launches: figures.launches,
            failed: figures.failed,
            unique_users: figures.people,
            ready_ms: figures.ready.map(ready),
            peak_sessions: figures.peak_sessions,
        }
    }
}

impl From<FailureFigures> for FailureDocument {
    fn from(failure: FailureFigures) -> Self {
        Self {
            reason: failure.reason.as_str(),
            launching: failure.launching,
            running: failure.running,
        }
    }
}
