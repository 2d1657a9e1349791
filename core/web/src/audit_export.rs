//! The audit log as a file.

use bytes::Bytes;
use launchpad_domain::AuditEntry;

use crate::csv;
use crate::json::AuditDocument;

/// The type of one JSON value a line.
pub(crate) const JSON_LINES: &str = "application/jsonl";

/// How the entries are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Format {
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    /// What comes first.
    pub(crate) fn head(self) -> Bytes {
        match self {
            Self::Csv => {
                "id,timestamp,user,action,target,outcome,details,change,request_id,address\r\n".into()
            }
            Self::JsonLines => Bytes::new(),
        }
    }

    /// A page of entries.
    pub(crate) fn lines(self, page: Vec<AuditEntry>) -> Bytes {
        let mut text = String::new();
        for entry in page {
            match self {
                Self::Csv => csv_line(&mut text, &entry),
                Self::JsonLines => {
                    // A document of texts and numbers can be written as JSON, always.
                    let line = serde_json::to_string(&AuditDocument::from(entry));
                    text.push_str(&line.unwrap_or_default());
                    text.push('\n');
                }
            }
        }
        text.into()
    }
}

fn csv_line(text: &mut String, entry: &AuditEntry) {
    let optional = |value: &Option<String>| value.clone().unwrap_or_default();
    let cells = [
        entry.id.to_string(),
        entry.timestamp.to_rfc3339(),
        entry.user.clone(),
        entry.action.clone(),
        entry.target.clone(),
        entry.outcome.clone(),
        entry.details.clone(),
        optional(&entry.change),
        optional(&entry.request_id),
        optional(&entry.address),
    ];
    csv::push_line(text, cells);
}
