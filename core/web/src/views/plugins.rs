//! The installed plugins: all of them, and one with what it did lately.

use askama::Template;
use launchpad_domain::Problems;
use launchpad_domain::plugins::{
    CallOutcome, CallRecord, LoadedPlugin, LogLine, PluginReport, PluginState, Tried, WaitingVersion,
};
use serde_json::{Value, json};

use super::form::{FormProblems, Labels};
use super::page::Page;
use super::when::When;

const TRY: Labels = &[("hook", "Hook"), ("context", "Context")];

/// All plugins as a table.
#[derive(Debug, Template)]
#[template(path = "admin/plugins.html")]
pub(crate) struct PluginsPage {
    page: Page,
    plugins: Vec<PluginRow>,
    failed: usize,
}

#[derive(Debug)]
struct PluginRow {
    source: String,
    state: PluginState,
    since: When,
    problem: Option<String>,
    loaded: Option<LoadedPlugin>,
}

/// One plugin.
#[derive(Debug, Template)]
#[template(path = "admin/plugin.html", blocks = ["lately"])]
pub(crate) struct PluginPage {
    page: Page,
    source: String,
    state: PluginState,
    since: When,
    problem: Option<String>,
    plugin: LoadedPlugin,
    /// Everything that it asks for, its waiting version included.
    powers: Vec<Power>,
    waiting: Option<WaitingVersion>,
    calls: Vec<CallRow>,
    lines: Vec<LineRow>,
    attempt: PluginTry,
}

/// A capability that the plugin asks for.
#[derive(Debug)]
struct Power {
    word: String,
    granted: bool,
    /// Given by the configuration: not for this page to take back.
    fixed: bool,
    /// Asked for by the version that waits alone.
    new: bool,
}

#[derive(Debug)]
struct CallRow {
    number: u64,
    at: When,
    hook: &'static str,
    took: String,
    outcome: CallOutcome,
    message: String,
    /// Whether what it was called with was kept.
    kept: bool,
}

#[derive(Debug)]
struct LineRow {
    at: When,
    level: &'static str,
    hook: &'static str,
    message: String,
}

/// A call by hand: what was entered, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct PluginTry {
    hook: String,
    context: String,
    answer: Option<String>,
    took: String,
    problems: FormProblems,
}

impl PluginTry {
    /// What was entered.
    pub(crate) fn entered(hook: String, context: String) -> Self {
        Self {
            hook,
            context,
            ..Self::default()
        }
    }

    /// A call that was recorded.
    pub(crate) fn of(hook: &str, context: Option<&Value>) -> Self {
        let context = context.and_then(|context| serde_json::to_string_pretty(context).ok());
        Self::entered(hook.to_owned(), context.unwrap_or_default())
    }

    /// With what the plugin answered.
    pub(crate) fn answered(self, tried: &Tried) -> Self {
        Self {
            answer: serde_json::to_string_pretty(&tried.answer).ok(),
            took: duration(tried.micros),
            ..self
        }
    }

    /// With what is wrong.
    pub(crate) fn refused(self, problems: Problems) -> Self {
        Self {
            problems: FormProblems::new(problems, TRY),
            ..self
        }
    }
}

impl PluginsPage {
    /// The plugins.
    pub(crate) fn new(page: Page, reports: Vec<PluginReport>) -> Self {
        let rows = reports.into_iter().map(|report| PluginRow {
            source: report.source,
            state: report.state,
            since: report.since.into(),
            problem: report.problem,
            loaded: report.loaded,
        });
        let plugins: Vec<PluginRow> = rows.collect();
        Self {
            failed: plugins.iter().filter(|row| row.problem.is_some()).count(),
            plugins,
            page: page.named("Plugins", "/admin/plugins"),
        }
    }
}

impl PluginPage {
    /// The page of a plugin that was loaded; none of one that was not.
    pub(crate) fn new(
        page: Page,
        report: PluginReport,
        calls: Vec<CallRecord>,
        lines: Vec<LogLine>,
        mut attempt: PluginTry,
    ) -> Option<Self> {
        let plugin = report.loaded?;
        if attempt.context.is_empty() && attempt.problems.summary().is_empty() {
            attempt.context = example(&plugin);
        }
        let calls = calls.into_iter().map(|call| CallRow {
            number: call.number,
            at: call.at.into(),
            hook: call.hook,
            took: duration(call.micros),
            outcome: call.outcome,
            message: call.message,
            kept: call.context.is_some(),
        });
        let lines = lines.into_iter().map(|line| LineRow {
            at: line.at.into(),
            level: line.level,
            hook: line.hook,
            message: line.message,
        });
        Some(Self {
            page: page.named(plugin.name.clone(), "/admin/plugins"),
            source: report.source,
            state: report.state,
            since: report.since.into(),
            problem: report.problem,
            calls: calls.collect(),
            lines: lines.collect(),
            attempt,
            powers: powers(&plugin, report.waiting.as_ref()),
            waiting: report.waiting,
            plugin,
        })
    }

    /// Of its calls, how many went wrong, in percent with one digit.
    fn error_rate(&self) -> String {
        let figures = &self.plugin.figures;
        if figures.calls == 0 {
            return "–".to_owned();
        }
        let per_mille = figures.faults * 1_000 / figures.calls;
        format!("{}.{} %", per_mille / 10, per_mille % 10)
    }

    fn p50(&self) -> String {
        duration(self.plugin.figures.p50_us)
    }

    fn p95(&self) -> String {
        duration(self.plugin.figures.p95_us)
    }

    /// Whether there is a capability that this page may give or take back.
    fn may_grant(&self) -> bool {
        self.powers.iter().any(|power| !power.fixed)
    }
}

fn powers(plugin: &LoadedPlugin, waiting: Option<&WaitingVersion>) -> Vec<Power> {
    let new = waiting.iter().flat_map(|waiting| &waiting.asked);
    let new = new.filter(|word| !plugin.asked.contains(word));
    let power = |word: &String, new: bool| Power {
        word: word.clone(),
        // What waits is ticked by whoever decides.
        granted: plugin.granted.contains(word),
        fixed: plugin.granted.contains(word) && !plugin.approved.contains(word),
        new,
    };
    let asked = plugin.asked.iter().map(|word| power(word, false));
    asked.chain(new.map(|word| power(word, true))).collect()
}

/// Microseconds for people.
fn duration(micros: u64) -> String {
    match micros {
        0 => "–".to_owned(),
        1..=9_999 => format!("{micros} µs"),
        10_000..=9_999_999 => format!("{} ms", micros / 1_000),
        _ => format!("{} s", micros / 1_000_000),
    }
}

/// Something to begin with.
fn example(plugin: &LoadedPlugin) -> String {
    let context = json!({
        "schema": 1,
        "plugin": {"id": plugin.id.as_str(), "version": plugin.version},
        "session": {"id": "01890000-0000-7000-8000-000000000000", "name": "session-example", "attempt": 1},
        "app": {"id": "example", "name": "Example", "url": "https://example.org/",
                "container_image": "registry.example/team/app:1", "settings": {}},
        "user": {"id": "01890000-0000-7000-8000-000000000001", "name": "ada"},
        "params": {}, "sidecar_image": "registry.example/vnc-sidecar:1", "plugin_config": {},
        "now_unix_ms": 1_767_225_600_000_i64, "seed": "13835058055282163712",
    });
    serde_json::to_string_pretty(&context).unwrap_or_default()
}
