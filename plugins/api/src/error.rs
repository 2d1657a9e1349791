//! What a hook answers instead of a document.

use serde_json::{Value, json};

use crate::Problem;

/// Why a hook has no answer. The constructors are the codes that the server understands; another code ends the
/// launch and shows the message.
#[derive(Debug, Clone)]
pub struct Error {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Value,
}

impl Error {
    /// The input is wrong; the user sees each problem at its field.
    pub fn invalid_input(problems: &[Problem]) -> Self {
        Self {
            code: "invalid-input".to_owned(),
            message: "the input is wrong".to_owned(),
            details: json!({ "problems": problems }),
        }
    }

    /// This user may not launch this.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::failed("denied", message)
    }

    /// Call again after so many milliseconds.
    pub fn retryable(message: impl Into<String>, retry_ms: u32) -> Self {
        Self {
            details: json!({ "retry_ms": retry_ms }),
            ..Self::failed("retryable", message)
        }
    }

    /// Anything else; the code is a word of your own.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            details: json!({}),
        }
    }
}
