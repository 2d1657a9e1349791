//! How often apps are launched, drawn as bars.

use askama::Template;
use launchpad_domain::LaunchCounts;

use super::page::Page;
use super::when::When;

/// Most bars of the plot; the table has every app.
const MOST_BARS: usize = 12;
/// Width of the longest bar, in the plot's units.
const WIDTH: u64 = 380;
/// Height of a bar with the space below it.
const STEP: usize = 30;

/// Launches by app.
#[derive(Debug, Template)]
#[template(path = "admin/analytics.html")]
pub(crate) struct AnalyticsPage {
    page: Page,
    total: u64,
    rows: Vec<CountRow>,
    bars: Vec<Bar>,
    height: usize,
}

#[derive(Debug)]
struct CountRow {
    name: String,
    id: String,
    launches: u64,
    last: When,
}

#[derive(Debug)]
struct Bar {
    name: String,
    launches: u64,
    y: usize,
    width: u64,
    /// Where the figure behind the bar begins.
    end: u64,
}

impl AnalyticsPage {
    /// The plot and the table of these counts.
    pub(crate) fn new(page: Page, counts: LaunchCounts) -> Self {
        let most = counts.apps.iter().map(|app| app.launches).max().unwrap_or(0).max(1);
        let shown = counts.apps.iter().take(MOST_BARS).enumerate();
        let bars: Vec<Bar> = shown
            .map(|(place, app)| {
                let width = (app.launches.saturating_mul(WIDTH) / most).max(2);
                Bar {
                    name: shortened(&app.app_name),
                    launches: app.launches,
                    y: place * STEP,
                    width,
                    end: 168 + width,
                }
            })
            .collect();
        let rows = counts.apps.into_iter().map(|app| CountRow {
            name: app.app_name,
            id: app.app_id,
            launches: app.launches,
            last: app.last_launch.into(),
        });
        Self {
            total: counts.total_launches,
            rows: rows.collect(),
            height: bars.len() * STEP,
            bars,
            page: page.named("Analytics", "/admin/analytics"),
        }
    }

    /// What the plot shows, in one sentence.
    fn finding(&self) -> String {
        match self.rows.first() {
            Some(first) => format!(
                "{} was launched most often, {} of {} times",
                first.name, first.launches, self.total
            ),
            None => String::new(),
        }
    }
}

/// The plot does not wrap text; the table has the whole name.
fn shortened(name: &str) -> String {
    if name.chars().count() <= 22 {
        return name.to_owned();
    }
    name.chars().take(21).chain(['…']).collect()
}
