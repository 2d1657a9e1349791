//! Launch types that do as a test tells them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use launchpad_domain::Grants;
use launchpad_domain::launch_types::{CleanupWish, EventAction, FieldOptions, Readiness};
use launchpad_domain::plugins::{Approval, CallRecord, LogLine, PluginReport, Tried};
use launchpad_domain::{
    App, FieldProblem, Form, HookContext, HookError, LaunchType, LaunchTypeId, LaunchTypes, Opens, PlannedBy,
    Plugins, SessionEvent,
};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// Four launch types: `link` opens the app's URL, `box` plans a pod from the app's image, `desk` the same with a workspace
/// of the user's, `telling` the same with every other hook.
#[derive(Debug, Default)]
pub(crate) struct ScriptedLaunchTypes {
    /// What `telling` was told of, in order.
    pub(crate) told: watch::Sender<Vec<SessionEvent>>,
    /// What it does when it is told of an event.
    pub(crate) actions: Mutex<BTreeMap<SessionEvent, Result<EventAction, HookError>>>,
    /// What it says when it is asked whether it is ready; ready after that.
    pub(crate) waits: Mutex<Vec<Result<Readiness, HookError>>>,
    pub(crate) wish: Mutex<CleanupWish>,
}

fn launch_type(id: &str, opens: Opens) -> LaunchType {
    LaunchType {
        id: id.parse().unwrap(),
        name: id.into(),
        description: String::new(),
        version: "1.0.0".into(),
        opens,
        needs: Vec::new(),
        digest: "abc".into(),
        has_params: false,
        grants: Grants(["pvc".to_owned(), "secret-ref:token".to_owned()].into()),
    }
}

#[async_trait]
impl LaunchTypes for ScriptedLaunchTypes {
    fn list(&self) -> Vec<LaunchType> {
        vec![
            launch_type("box", Opens::Pod),
            launch_type("desk", Opens::Pod),
            launch_type("link", Opens::Url),
            launch_type("telling", Opens::Pod),
        ]
    }
    fn get(&self, id: &LaunchTypeId) -> Result<LaunchType, HookError> {
        self.list()
            .into_iter()
            .find(|known| known.id == *id)
            .ok_or_else(|| HookError::UnknownLaunchType {
                id: id.to_string(),
                known: vec!["box".into(), "link".into()],
            })
    }
    fn params_form(&self, _: &LaunchTypeId) -> Result<Form, HookError> {
        Ok(Form::default())
    }
    fn settings_form(&self, _: &LaunchTypeId) -> Result<Form, HookError> {
        Ok(Form::default())
    }
    fn check_app(&self, app: &App) -> Result<Vec<FieldProblem>, HookError> {
        self.get(&app.launch_type).map(|_| Vec::new())
    }
    fn check_params(&self, _: &LaunchTypeId, _: &Map<String, Value>) -> Result<Vec<FieldProblem>, HookError> {
        Ok(Vec::new())
    }
    async fn validate(&self, _: &LaunchTypeId, _: HookContext) -> Result<Vec<FieldProblem>, HookError> {
        Ok(Vec::new())
    }
    async fn plan(&self, id: &LaunchTypeId, context: HookContext) -> Result<Value, HookError> {
        if id.as_str() == "link" {
            return Ok(json!({"schema": 1, "url": context.app.url}));
        }
        let privileged = context.app.id == "greedy";
        let claims = match id.as_str() {
            "telling" => json!([{"name": "work", "size": "1Gi", "scope": "session"}]),
            "desk" => json!([{"name": "work", "size": "1Gi", "shared": context.app.id == "shared"}]),
            _ => json!([]),
        };
        Ok(json!({
            "schema": 1,
            "pod": {"containers": [{"name": "vnc", "image": context.app.container_image,
                                    "env": [{"name": "TOKEN", "value": "launchpad-secret:token"}],
                                    "securityContext": {"privileged": privileged}}]},
            "claims": claims,
            "endpoint": {"kind": "vnc", "container": "vnc", "port": 5900},
        }))
    }
    async fn options(&self, _: &LaunchTypeId, _: HookContext) -> Result<Vec<FieldOptions>, HookError> {
        Ok(Vec::new())
    }
    async fn ready(&self, _: &PlannedBy, context: HookContext) -> Result<Readiness, HookError> {
        assert!(context.session.unwrap().address.is_some());
        self.waits.lock().unwrap().pop().unwrap_or(Ok(Readiness::Ready))
    }
    fn subscribed(&self, planned_by: &PlannedBy) -> Vec<SessionEvent> {
        if planned_by.id.as_str() == "telling" {
            SessionEvent::ALL.to_vec()
        } else {
            Vec::new()
        }
    }
    async fn on_event(
        &self,
        planned_by: &PlannedBy,
        context: HookContext,
    ) -> Result<Vec<EventAction>, HookError> {
        assert_eq!(planned_by.digest.as_deref(), Some("abc"));
        let event = context.event.unwrap().name;
        self.told.send_modify(|told| told.push(event));
        let action = self.actions.lock().unwrap().get(&event).cloned();
        action.into_iter().collect()
    }
    async fn cleanup(&self, _: &PlannedBy, _: HookContext) -> Result<Option<CleanupWish>, HookError> {
        Ok(Some(self.wish.lock().unwrap().clone()))
    }
}

/// Nothing is installed that an administrator could deal with.
#[derive(Debug)]
pub(super) struct NoPlugins;

#[async_trait]
impl Plugins for NoPlugins {
    fn reports(&self) -> Vec<PluginReport> {
        Vec::new()
    }
    fn calls(&self, _: &LaunchTypeId) -> Result<Vec<CallRecord>, HookError> {
        Ok(Vec::new())
    }
    fn lines(&self, _: &LaunchTypeId) -> Result<Vec<LogLine>, HookError> {
        Ok(Vec::new())
    }
    async fn try_hook(&self, _: &LaunchTypeId, _: &str, _: Value) -> Result<Tried, HookError> {
        Err(HookError::Denied("not here".into()))
    }
    fn switch(&self, _: &LaunchTypeId, _: bool) -> Result<(), HookError> {
        Ok(())
    }
    async fn approve(&self, _: Approval) {}
    async fn reload(&self) {}
}
