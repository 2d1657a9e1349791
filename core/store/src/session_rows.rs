//! Sessions as rows, and back.

use std::collections::BTreeSet;
use std::sync::Arc;

use launchpad_domain::launch_types::PlannedBy;
use launchpad_domain::{Failure, Reason, Session, SessionEvent, SessionOutline, Stage, Status};
use sea_orm::ActiveValue::Set;
use serde_json::Value;

use crate::entities::session::{ActiveModel, Model};
use crate::{NewSession, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// The row that a launch writes.
pub(crate) fn new_row(new: &NewSession) -> ActiveModel {
    ActiveModel {
        id: Set(new.id.to_string()),
        user_id: Set(new.user_id.to_string()),
        app_id: Set(new.app_id.to_string()),
        pod_name: Set(None),
        pod_ip: Set(None),
        status: Set(Status::Creating.as_str().to_owned()),
        created_at: Set(time::text(new.created_at)),
        updated_at: Set(time::text(new.created_at)),
        app_name: Set(new.app_name.clone()),
        launch_type: Set(new.launch_type.to_string()),
        runtime: Set(new.runtime.as_str().to_owned()),
        stage: Set(Stage::Planning.as_str().to_owned()),
        reason: Set(None),
        reason_detail: Set(None),
        params: Set(Value::Object(new.params.clone()).to_string()),
        plan: Set(None),
        expires_at: Set(time::text(new.expires_at)),
        cleaned: Set(false),
        plugin_digest: Set(None),
        told_events: Set(String::new()),
        note: Set(None),
        progress: Set(None),
    }
}

impl Model {
    /// The row as it will be read.
    pub(crate) fn from_row(row: &ActiveModel) -> Result<Self> {
        use sea_orm::TryIntoModel;
        Ok(row.clone().try_into_model()?)
    }
}

/// The columns of an outline.
pub(crate) type OutlineRow = (String, String, Option<String>, String, String, String, String);

/// The outline of a session.
pub(crate) fn outline(row: OutlineRow) -> Result<SessionOutline> {
    let (id, launch_type, digest, status, stage, expires_at, told_events) = row;
    let corrupt = |what: String| StoreError::Corrupt(format!("session {id}: {what}"));
    Ok(SessionOutline {
        id: id.parse().map_err(corrupt)?,
        planned_by: PlannedBy {
            id: launch_type.parse().map_err(corrupt)?,
            digest,
        },
        status: status.parse().map_err(corrupt)?,
        stage: stage.parse().map_err(corrupt)?,
        expires_at: time::parse(&expires_at)?,
        told_events: events(&told_events),
    })
}

/// The events in a row; one that nobody knows any more is left out.
fn events(text: &str) -> BTreeSet<SessionEvent> {
    let known = |name: &str| SessionEvent::ALL.into_iter().find(|event| event.as_str() == name);
    text.split(' ').filter_map(known).collect()
}

/// The session of a row.
pub(crate) fn session(row: Model) -> Result<Session> {
    let corrupt = |what: String| StoreError::Corrupt(format!("session {}: {what}", row.id));
    let json = |error: serde_json::Error| StoreError::Corrupt(error.to_string());
    let failure = match &row.reason {
        None => None,
        Some(reason) => {
            let reason: Reason = reason.parse().map_err(corrupt)?;
            Some(Failure {
                reason,
                detail: row.reason_detail.clone().unwrap_or_default(),
            })
        }
    };
    Ok(Session {
        id: row.id.parse().map_err(corrupt)?,
        user_id: row.user_id.parse().map_err(corrupt)?,
        app_id: row.app_id.parse().map_err(corrupt)?,
        app_name: row.app_name,
        launch_type: row.launch_type.parse().map_err(corrupt)?,
        runtime: row.runtime.parse().map_err(corrupt)?,
        status: row.status.parse().map_err(corrupt)?,
        stage: row.stage.parse().map_err(corrupt)?,
        failure,
        pod_name: row.pod_name,
        pod_ip: row.pod_ip,
        params: serde_json::from_str(&row.params).map_err(json)?,
        plan: row
            .plan
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(json)?
            .map(Arc::new),
        created_at: time::parse(&row.created_at)?,
        updated_at: time::parse(&row.updated_at)?,
        expires_at: time::parse(&row.expires_at)?,
        cleaned: row.cleaned,
        plugin_digest: row.plugin_digest,
        told_events: events(&row.told_events),
        note: row.note,
    })
}
