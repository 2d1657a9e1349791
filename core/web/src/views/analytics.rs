//! How often apps are launched, drawn as bars.

use askama::Template;
use launchpad_domain::LaunchCounts;

use super::page::Page;
use super::when::When;

/// Most bars of the plot; the table has every app.
const MOST_BARS: usize = 12;
/// Launches by app.
#[derive(Debug, Template)]
#[template(path = "admin/analytics.html")]
pub(crate) struct AnalyticsPage {
    page: Page,
    total: u64,
    rows: Vec<CountRow>,
    /// For the eye only: the table says the same.
    bars: Vec<Bar>,
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
    /// Its length, of [`Bar::WHOLE`].
    width: u64,
}

impl Bar {
    /// The length of the longest bar.
    const WHOLE: u64 = 1_000;
}

impl AnalyticsPage {
    /// The plot and the table of these counts.
    pub(crate) fn new(page: Page, counts: LaunchCounts) -> Self {
        let most = counts
            .apps
            .iter()
            .map(|app| app.launches)
            .max()
            .unwrap_or(0)
            .max(1);
        let bars = counts.apps.iter().take(MOST_BARS).map(|app| Bar {
            name: app.app_name.clone(),
            launches: app.launches,
            width: (app.launches.saturating_mul(Bar::WHOLE) / most).max(4),
        });
        let bars: Vec<Bar> = bars.collect();
        let rows = counts.apps.into_iter().map(|app| CountRow {
            name: app.app_name,
            id: app.app_id,
            launches: app.launches,
            last: app.last_launch.into(),
        });
        Self {
            total: counts.total_launches,
            bars,
            rows: rows.collect(),
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
