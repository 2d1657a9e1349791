//! What is wrong with a value from outside, field by field.
//!
//! A form, a JSON body, a seed, a configuration and a plan are all answered the same way: with every problem
//! at once, each at its path.

use serde::{Deserialize, Serialize};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field, as the sender wrote it: `name`, `settings.memory`, `applications[3].id`.
    pub path: String,
    /// A sentence for the person who sent it, beginning with a lower-case letter: `must not be empty`.
    pub message: String,
}

/// All problems of one input; collected with [`Problems::add`], closed with [`Problems::into_result`].
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Problems(pub Vec<FieldProblem>);

impl Problems {
    /// An input about which nothing is known to be wrong yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// Exactly one problem.
    pub fn one(path: impl Into<String>, message: impl Into<String>) -> Self {
        let mut problems = Self::none();
        problems.add(path, message);
        problems
    }

    /// Notes one more problem.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldProblem {
            path: path.into(),
            message: message.into(),
        });
    }

    /// Keeps a parsed value, or notes what was wrong with it at `path`.
    pub fn take<T>(&mut self, path: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|message| self.add(path, message)).ok()
    }

    /// Takes over the problems of a part, each path put behind `prefix`.
    pub fn extend_at(&mut self, prefix: &str, other: Self) {
        for problem in other.0 {
            let path = if problem.path.is_empty() {
                prefix.to_owned()
            } else {
                format!("{prefix}.{}", problem.path)
            };
            self.add(path, problem.message);
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if nothing is wrong with it.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    fn sentence(&self) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|problem| match problem.path.as_str() {
                "" => problem.message.clone(),
                path => format!("{path}: {}", problem.message),
            })
            .collect();
        parts.join("; ")
    }
}
