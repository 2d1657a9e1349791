//! The port to launch types: hooks by name, answers as the domain's types.

use async_trait::async_trait;
use launchpad_domain::launch_types::{CleanupWish, EventAction, FieldOptions, Readiness};
use launchpad_domain::{
    App, AppField, FieldProblem, Form, HookContext, HookError, LaunchType, LaunchTypeId, LaunchTypes,
    PlannedBy, SessionEvent,
};
use serde_json::{Map, Value};

use crate::call::Hook;
use crate::schema::Schema;
use crate::{PluginHost, answer};

#[async_trait]
impl LaunchTypes for PluginHost {
    fn list(&self) -> Vec<LaunchType> {
        let installed = self.installed.load();
        let on = installed
            .plugins
            .iter()
            .filter(|(id, _)| !installed.off.contains(*id));
        on.map(|(_, loaded)| loaded.plugin.launch_type()).collect()
    }

    fn get(&self, id: &LaunchTypeId) -> Result<LaunchType, HookError> {
        Ok(self.answering(id)?.plugin.launch_type())
    }

    fn params_form(&self, id: &LaunchTypeId) -> Result<Form, HookError> {
        let loaded = self.find(id)?;
        Ok(loaded
            .plugin
            .params
            .as_ref()
            .map(|schema| schema.form().clone())
            .unwrap_or_default())
    }

    fn settings_form(&self, id: &LaunchTypeId) -> Result<Form, HookError> {
        let loaded = self.find(id)?;
        Ok(loaded
            .plugin
            .settings
            .as_ref()
            .map(|schema| schema.form().clone())
            .unwrap_or_default())
    }

    fn check_app(&self, app: &App) -> Result<Vec<FieldProblem>, HookError> {
        let loaded = self.find(&app.launch_type)?;
        let plugin = &loaded.plugin;
        let mut problems = plugin.check_settings(&app.settings);
        for field in plugin.settings.iter().flat_map(Schema::needs) {
            let value = match field {
                AppField::Url => &app.url,
                AppField::ContainerImage => &app.container_image,
            };
            if value.is_empty() {
                problems.push(FieldProblem {
                    path: field.name().to_owned(),
                    message: format!("is needed by the launch type `{}`", plugin.manifest.id),
                });
            }
        }
        Ok(problems)
    }

    fn check_params(
        &self,
        id: &LaunchTypeId,
        params: &Map<String, Value>,
    ) -> Result<Vec<FieldProblem>, HookError> {
        Ok(self.find(id)?.plugin.check_params(params))
    }

    async fn validate(
        &self,
        id: &LaunchTypeId,
        context: HookContext,
    ) -> Result<Vec<FieldProblem>, HookError> {
        let loaded = self.answering(id)?;
        let plugin = &loaded.plugin;
        if !plugin.has(Hook::Validate) {
            return Ok(Vec::new());
        }
        let answer = plugin.ask(Hook::Validate, context).await?;
        plugin.read(Hook::Validate, answer, answer::problems)
    }

    async fn plan(&self, id: &LaunchTypeId, context: HookContext) -> Result<Value, HookError> {
        self.answering(id)?.plugin.ask(Hook::Plan, context).await
    }

    async fn options(&self, id: &LaunchTypeId, context: HookContext) -> Result<Vec<FieldOptions>, HookError> {
        let loaded = self.answering(id)?;
        let plugin = &loaded.plugin;
        if !plugin.has(Hook::Options) {
            return Ok(Vec::new());
        }
        let answer = plugin.ask(Hook::Options, context).await?;
        plugin.read(Hook::Options, answer, answer::options)
    }

    async fn ready(&self, planned_by: &PlannedBy, context: HookContext) -> Result<Readiness, HookError> {
        let loaded = self.answering_for(planned_by)?;
        let plugin = &loaded.plugin;
        if !plugin.has(Hook::Ready) {
            return Ok(Readiness::Ready);
        }
        let answer = plugin.ask(Hook::Ready, context).await?;
        plugin.read(Hook::Ready, answer, answer::readiness)
    }

    fn subscribed(&self, planned_by: &PlannedBy) -> Vec<SessionEvent> {
        match self.answering_for(planned_by) {
            Ok(loaded) if loaded.plugin.has(Hook::OnEvent) => loaded.plugin.manifest.events.clone(),
            _ => Vec::new(),
        }
    }

    async fn on_event(
        &self,
        planned_by: &PlannedBy,
        context: HookContext,
    ) -> Result<Vec<EventAction>, HookError> {
        let loaded = self.answering_for(planned_by)?;
        let answer = loaded.plugin.ask(Hook::OnEvent, context).await?;
        loaded.plugin.read(Hook::OnEvent, answer, answer::actions)
    }

    async fn cleanup(
        &self,
        planned_by: &PlannedBy,
        context: HookContext,
    ) -> Result<Option<CleanupWish>, HookError> {
        let loaded = self.answering_for(planned_by)?;
        let plugin = &loaded.plugin;
        if !plugin.has(Hook::Cleanup) {
            return Ok(None);
        }
        let answer = plugin.ask(Hook::Cleanup, context).await?;
        plugin.read(Hook::Cleanup, answer, answer::wish).map(Some)
    }
}
