//! The audit log, for administrators.

use std::collections::BTreeSet;

use askama::Template;
use launchpad_domain::AuditEntry;
use serde_json::Value;

use super::page::Page;
use super::when::When;

/// Entries of the audit log, and the filter that found them.
#[derive(Debug, Template)]
#[template(path = "admin/audit.html")]
pub(crate) struct AuditPage {
    page: Page,
    fields: AuditFields,
    entries: Vec<AuditRow>,
}

/// The filter as it was asked for.
#[derive(Debug, Default)]
pub(crate) struct AuditFields {
    /// By whom.
    pub(crate) user: String,
    /// What.
    pub(crate) action: String,
    /// To what.
    pub(crate) target: String,
    /// Since when.
    pub(crate) from: String,
    /// Until when.
    pub(crate) to: String,
    /// All of it as it stands in an address.
    pub(crate) query: String,
    /// The same for the page of older entries, if there may be any.
    pub(crate) older: Option<String>,
    /// Whether it leaves anything out.
    pub(crate) is_filtered: bool,
}

#[derive(Debug)]
struct AuditRow {
    when: When,
    user: String,
    address: Option<String>,
    action: String,
    details: String,
    changes: Vec<FieldChange>,
}

/// A field, as it was and as it is.
#[derive(Debug)]
struct FieldChange {
    field: String,
    before: String,
    after: String,
}

impl AuditPage {
    /// The entries, newest first.
    pub(crate) fn new(page: Page, entries: Vec<AuditEntry>, fields: AuditFields) -> Self {
        let rows = entries.into_iter().map(|entry| AuditRow {
            when: entry.timestamp.into(),
            changes: changes(entry.change.as_deref()),
            user: entry.user,
            address: entry.address,
            action: entry.action,
            details: entry.details,
        });
        Self {
            entries: rows.collect(),
            fields,
            page: page.named("Audit log", "/admin/audit"),
        }
    }
}

/// Every field that was there before or is there after, with both.
fn changes(change: Option<&str>) -> Vec<FieldChange> {
    let Some(change) = change.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return Vec::new();
    };
    let (before, after) = (&change["before"], &change["after"]);
    let fields: BTreeSet<&String> = [before, after]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(|object| object.keys())
        .collect();
    fields
        .into_iter()
        .map(|field| FieldChange {
            before: words(&before[field]),
            after: words(&after[field]),
            field: field.clone(),
        })
        .collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
