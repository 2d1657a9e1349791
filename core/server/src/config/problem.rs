//! What is wrong with a configuration: all of it at once, each with the layer that it came from.

use std::fmt;

/// Everything that is wrong, and what is only odd.
#[derive(Debug, Default)]
pub(crate) struct ConfigProblems {
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Problem {
    key: String,
    origin: String,
    message: String,
}

impl ConfigProblems {
    /// Notes a problem of the setting `key`, which stands in `origin`.
    pub(super) fn add(&mut self, key: &str, origin: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            key: key.to_owned(),
            origin: origin.to_owned(),
            message: message.into(),
        });
    }

    /// Notes something that does not stop the start.
    pub(super) fn warn(&mut self, message: String) {
        self.warnings.push(message);
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// What is odd, for the log.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong:")?;
        for problem in &self.problems {
            match problem.key.as_str() {
                "" => write!(f, "\n  {}: {}", problem.origin, problem.message)?,
                key => write!(f, "\n  {key} ({}): {}", problem.origin, problem.message)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}
