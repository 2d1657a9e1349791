//! Whose a workspace is: labels that say it, and the same read back. Both engines keep them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use launchpad_domain::runtime::{APP_LABEL, INSTANCE_LABEL, SESSION_LABEL, USER_LABEL};
use launchpad_domain::{Claim, ClaimScope, Failure, Reason, RuntimeError, Workload, Workspace};

/// What a claim of this workload is labelled with.
pub(crate) fn labels(workload: &Workload, claim: &Claim) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        (INSTANCE_LABEL.to_owned(), workload.instance.to_string()),
        (USER_LABEL.to_owned(), workload.user.to_string()),
        (APP_LABEL.to_owned(), workload.app.to_string()),
    ]);
    if claim.scope == ClaimScope::Session {
        labels.insert(SESSION_LABEL.to_owned(), workload.session.to_string());
    }
    labels
}

/// Whether what bears the claim's name already is the one that this workload may mount.
pub(crate) fn check(
    found: &BTreeMap<String, String>,
    workload: &Workload,
    claim: &Claim,
) -> Result<(), RuntimeError> {
    let foreign = labels(workload, claim)
        .into_iter()
        .find(|(name, value)| found.get(name) != Some(value));
    let Some((name, value)) = foreign else {
        return Ok(());
    };
    let detail = match found.get(&name) {
        Some(other) => format!("volume {} has the label {name}={other}, not {value}", claim.name),
        None => format!("volume {} has no label {name}", claim.name),
    };
    Err(RuntimeError::Refused(Failure::new(
        Reason::WorkspaceForeign,
        detail,
    )))
}

/// The workspace of this name; `None` where we cannot have given it.
pub(crate) fn workspace(
    name: &str,
    labels: &BTreeMap<String, String>,
    size: Option<String>,
    created_at: DateTime<Utc>,
) -> Option<Workspace> {
    let label = |name: &str| labels.get(name).map(String::as_str);
    Some(Workspace {
        name: name.parse().ok()?,
        user: label(USER_LABEL).and_then(|id| id.parse().ok()),
        app: label(APP_LABEL).and_then(|id| id.parse().ok()),
        session: label(SESSION_LABEL).and_then(|id| id.parse().ok()),
        size,
        created_at,
    })
}
