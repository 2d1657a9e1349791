//! The table in which the figures are printed.

use std::time::Duration;

/// Rows of figure, goal, measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 3]>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a row, and says it at once: a whole run takes minutes.
    pub(crate) fn add(&mut self, figure: &str, goal: &str, measured: impl Into<String>) {
        let measured = measured.into();
        eprintln!("measured: {figure}: {measured}");
        self.rows.push([figure.to_owned(), goal.to_owned(), measured]);
    }

    #[expect(clippy::print_stdout, reason = "the table is what the benchmark is run for")]
    pub(crate) fn print(&self) {
        let head = ["figure", "goal", "measured"].map(str::to_owned);
        let mut widths = head.clone().map(|cell| cell.len());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let rule = widths.map(|width| "-".repeat(width));
        for row in [&head, &rule].into_iter().chain(&self.rows) {
            let [figure, goal, measured] = row;
            let [first, second, third] = widths;
            println!("| {figure:first$} | {goal:second$} | {measured:third$} |");
        }
    }
}

/// Durations in order, to be asked for their quantiles.
#[derive(Debug)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    /// The value below which `percent` of the sample lie; zero where there is none.
    pub(crate) fn quantile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * percent / 100).copied().unwrap_or_default()
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "p50 {}, p95 {}, worst {} of {}",
            short(self.quantile(50)),
            short(self.quantile(95)),
            short(self.quantile(100)),
            self.0.len()
        )
    }
}

/// Three figures and a unit.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 1e-3 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.1} us", seconds * 1e6)
    }
}
