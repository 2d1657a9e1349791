//! The audit log as a file.

use bytes::Bytes;
use launchpad_domain::AuditEntry;

use crate::json::AuditDocument;

/// The type of comma-separated values (RFC 4180).
pub(crate) const CSV: &str = "text/csv; charset=utf-8; header=present";
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
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_cell(text, cell);
    }
    text.push_str("\r\n");
}

/// Spreadsheets run what begins like a formula, also after blanks, and however it is quoted: a sign before it makes it
/// text (OWASP, CSV injection).
fn push_cell(text: &mut String, cell: &str) {
    let start = cell.trim_start().chars().next();
    let runs = start.is_some_and(|c| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
        )
    }) || cell.starts_with(['\t', '\r', '\n']);
    text.push('"');
    if runs {
        text.push('\'');
    }
    text.push_str(&cell.replace('"', "\"\""));
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_run_and_none_breaks_out() {
        for (cell, written) in [
            ("app wiki", "\"app wiki\""),
            ("a,\"b\"\r\nc", "\"a,\"\"b\"\"\r\nc\""),
            ("=1+1", "\"'=1+1\""),
            ("  =cmd|' /C calc'!A0", "\"'  =cmd|' /C calc'!A0\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2+3", "\"'-2+3\""),
            ("\t=1", "\"'\t=1\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("", "\"\""),
        ] {
            let mut text = String::new();
            push_cell(&mut text, cell);
            assert_eq!(text, written);
        }
    }
}
