//! What is wrong with a plugin, told to who writes it: where, what, and what mends it.

use std::fmt;

use serde::Serialize;

use super::lines;
use crate::LoadError;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The server would not load the plugin, or a recorded call cannot be played.
    Error,
    /// It works, and should be looked at.
    Warning,
}

/// One thing that an author should know.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file in the plugin's folder, with the line where it is known: `plugin.toml:12`.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What mends it; none where the message says that already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.into(),
            message: message.into(),
            remedy: None,
        }
    }

    pub(super) fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, message)
        }
    }

    #[must_use]
    pub(super) fn mended_by(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Whether the plugin cannot be used like this.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}: {}", self.place, self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n       {remedy}"),
            None => Ok(()),
        }
    }
}

/// Why the server would not load the plugin; `manifest` is the text of its `plugin.toml`.
pub(super) fn of(error: &LoadError, manifest: &str) -> Vec<Finding> {
    let one = match error {
        LoadError::Manifest(problems) => {
            let tell = |problem: &launchpad_domain::FieldProblem| match problem.path.as_str() {
                "" => Finding::error("plugin.toml", &problem.message),
                path => Finding::error(
                    at_line("plugin.toml", lines::of_path(manifest, path)),
                    format!("`{path}` {}", problem.message),
                ),
            };
            return problems.0.iter().map(tell).collect();
        }
        LoadError::Unreadable { name, reason } => Finding::error(name, format!("cannot be read: {reason}"))
            .mended_by("a plugin's files lie in its folder; plugin.toml names them"),
        LoadError::Schema { name, reason } => Finding::error(name, reason)
            .mended_by("schemas are JSON Schema draft 2020-12 that refer to no other document"),
        LoadError::Checksum { entry, actual } => {
            let line = lines::of_path(manifest, "runtime.sha256");
            Finding::error(
                at_line("plugin.toml", line),
                format!("`runtime.sha256` is not that of {entry}, {actual}"),
            )
            .mended_by("`launchpad plugin pack` writes the right one; while you develop, remove the line")
        }
        LoadError::HostApi { .. } => {
            let line = lines::of_path(manifest, "runtime.api");
            Finding::error(at_line("plugin.toml", line), error.to_string())
                .mended_by("lower `runtime.api`, or use a newer server")
        }
        LoadError::Compile { entry, reason } => Finding::error(
            at_line(entry, lines::in_message(reason)),
            format!("cannot be compiled: {reason}"),
        ),
        LoadError::Contract { entry, reason } => {
            let finding = Finding::error(entry, reason);
            if reason.contains("wasi:") {
                finding.mended_by(
                    "build for wasm32-unknown-unknown, or switch your toolchain's clocks, random, stdio and http off",
                )
            } else {
                finding
            }
        }
        other => Finding::error("plugin.toml", other.to_string()),
    };
    vec![one]
}

/// `plugin.toml:12`.
pub(super) fn at_line(file: &str, line: Option<usize>) -> String {
    line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}
