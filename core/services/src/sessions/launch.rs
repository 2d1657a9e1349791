//! A launch, up to the row: what happens before the person gets an answer.

use std::collections::BTreeSet;

use fail::fail_point;
use launchpad_domain::launch_types::{FieldOptions, HookApp};
use launchpad_domain::{
    Action, Actor, AppId, Opens, Problems, Session, SessionId, Stage, Status, Viewer, authorize,
};
use launchpad_store::{NewSession, StoreError};
use serde_json::{Map, Value};

use super::{Sessions, context};
use crate::ServiceError;

/// What somebody wants launched.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// The app.
    pub app_id: AppId,
    /// The choices of the launch form.
    pub params: Map<String, Value>,
}

impl Sessions {
    /// The choices that the app's launch type offers this user, beyond its schema.
    ///
    /// # Errors
    /// No right, no such app, or the launch type failed: then the form does without.
    pub async fn launch_options(
        &self,
        viewer: &Viewer,
        app: &AppId,
    ) -> Result<Vec<FieldOptions>, ServiceError> {
        authorize(Some(viewer), Action::Launch)?;
        let shared = &self.0;
        let app = shared.catalogue.get(app).await?.app;
        let context = context::of_app(&app, viewer, shared.clock.now());
        Ok(shared.launch_types.options(&app.launch_type, context).await?)
    }

    /// Checks everything that can be checked now and writes the row; the session manager does the rest.
    ///
    /// # Errors
    /// No right, no such app, a link instead of a workload, wrong parameters, no engine, too many sessions:
    /// nothing was changed then.
    pub async fn launch(
        &self,
        actor: &Actor,
        viewer: &Viewer,
        request: LaunchRequest,
    ) -> Result<Session, ServiceError> {
        authorize(Some(viewer), Action::Launch)?;
        let shared = &self.0;
        let app = shared.catalogue.get(&request.app_id).await?.app;
        let launch_type = shared.launch_types.get(&app.launch_type)?;
        if launch_type.opens == Opens::Url {
            return Err(ServiceError::OpensLink { app_id: app.id });
        }
        let engine = shared.engine.as_ref().ok_or_else(|| {
            ServiceError::EngineAway(
                "This portal has no engine to run apps: install Podman, or give it a Kubernetes cluster."
                    .to_owned(),
            )
        })?;
        Problems(
            shared
                .launch_types
                .check_params(&app.launch_type, &request.params)?,
        )
        .into_result(())?;
        engine.ready().await.map_err(|cause| {
            tracing::warn!(cause, "a launch was refused: the engine is away");
            ServiceError::EngineAway("The engine that runs apps cannot be reached right now.".to_owned())
        })?;

        let now = shared.clock.now();
        let wanted = Session {
            id: SessionId::new(),
            user_id: viewer.id,
            app_id: app.id.clone(),
            app_name: app.name.clone(),
            launch_type: app.launch_type.clone(),
            runtime: engine.runtime.kind(),
            status: Status::Creating,
            stage: Stage::Planning,
            failure: None,
            pod_name: None,
            pod_ip: None,
            params: request.params,
            plan: None,
            created_at: now,
            updated_at: now,
            expires_at: now + shared.settings.ready_timeout,
            cleaned: false,
            plugin_digest: None,
            told_events: BTreeSet::new(),
            note: None,
        };
        let sidecar = &shared.settings.sidecar_image;
        let user = (viewer.id, viewer.name.as_str());
        let context = context::of_session(&wanted, HookApp::from(&app), user, 0, sidecar, now);
        Problems(shared.launch_types.validate(&app.launch_type, context).await?).into_result(())?;

        fail_point!("launch-checked");
        let session = shared
            .store
            .sessions()
            .insert(actor, &new_session(wanted), shared.settings.per_user)
            .await
            .map_err(|error| match error {
                StoreError::OverLimit { limit } => ServiceError::OverLimit {
                    message: format!("You have {limit} sessions already, which is the limit. End one first."),
                    retry_after_s: 30,
                },
                other => other.into(),
            })?;
        fail_point!("launch-saved");
        metrics::counter!("launchpad_sessions_launched_total").increment(1);
        shared.tell(session.id).await;
        shared.wakes.wake(session.id);
        Ok(session)
    }
}

fn new_session(session: Session) -> NewSession {
    let Session {
        id,
        user_id,
        app_id,
        app_name,
        launch_type,
        runtime,
        params,
        created_at,
        expires_at,
        ..
    } = session;
    NewSession {
        id,
        user_id,
        app_id,
        app_name,
        launch_type,
        runtime,
        params,
        created_at,
        expires_at,
    }
}
