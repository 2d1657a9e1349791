//! The pages on which administrators change apps.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use launchpad_domain::{AppDraft, AppId, Problems};
use launchpad_services::{ServiceError, Services};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Site;
use crate::error::WebError;
use crate::input::{FormBody, Id};
use crate::routes::frame::{Frame, drawn};
use crate::views::{AppDeletePage, AppFields, AppFormPage, AppsPage};
use crate::visitor::SignedIn;

/// The form of an app as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AppForm {
    id: String,
    name: String,
    description: String,
    url: String,
    icon: String,
    category: String,
    launch_type: String,
    container_image: String,
    settings: String,
    revision: String,
}

/// What the question before deleting sends.
#[derive(Debug, Deserialize)]
pub(crate) struct DeleteForm {
    #[serde(default)]
    revision: String,
}

/// `GET /admin/apps`.
pub(crate) async fn page(State(site): State<Site>, Frame(frame): Frame) -> Result<Html<String>, WebError> {
    let apps = site.services.catalogue.list().await?;
    let launch_types = site.services.launch_types.list();
    drawn(&AppsPage::new(
        frame,
        apps.iter().map(|stored| &stored.app),
        &launch_types,
    ))
}

/// `GET /admin/apps/new`.
pub(crate) async fn new(State(site): State<Site>, Frame(frame): Frame) -> Result<Html<String>, WebError> {
    let fields = AppFields {
        launch_type: site.services.catalogue.default_launch_type().to_string(),
        ..AppFields::default()
    };
    let launch_types = site.services.launch_types.list();
    let categories = categories(&site.services).await?;
    drawn(&AppFormPage::create(
        frame,
        fields,
        &launch_types,
        categories,
        Problems::none(),
    ))
}

/// `GET /admin/apps/{id}`.
pub(crate) async fn edit(
    State(site): State<Site>,
    Frame(frame): Frame,
    Id(id): Id<AppId>,
) -> Result<Html<String>, WebError> {
    let stored = site.services.catalogue.get(&id).await?;
    drawn(&AppFormPage::change(
        frame,
        stored.app.id.as_str(),
        &stored.revision,
        AppFields::from(&stored.app),
        &site.services.launch_types.list(),
        categories(&site.services).await?,
        Problems::none(),
    ))
}

/// `POST /admin/apps`.
pub(crate) async fn create_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    FormBody(form): FormBody<AppForm>,
) -> Result<Response, WebError> {
    let made = match form.draft(&site.services) {
        Ok(draft) => site.services.catalogue.create(&caller.actor, draft).await,
        Err(problems) => Err(problems.into()),
    };
    let problems = match made {
        Ok(_) => return Ok(Redirect::to("/admin/apps").into_response()),
        Err(error) => shown_at_fields(error)?,
    };
    let launch_types = site.services.launch_types.list();
    let categories = categories(&site.services).await?;
    let page = AppFormPage::create(frame, form.fields(), &launch_types, categories, problems);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn(&page)?).into_response())
}

/// `POST /admin/apps/{id}`.
pub(crate) async fn update_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    Id(id): Id<AppId>,
    FormBody(form): FormBody<AppForm>,
) -> Result<Response, WebError> {
    let revision = Some(form.revision.as_str()).filter(|revision| !revision.is_empty());
    let changed = match form.draft(&site.services) {
        Ok(draft) => {
            site.services
                .catalogue
                .update(&caller.actor, &id, draft, revision)
                .await
        }
        Err(problems) => Err(problems.into()),
    };
    let problems = match changed {
        Ok(_) => return Ok(Redirect::to("/admin/apps").into_response()),
        Err(error) => shown_at_fields(error)?,
    };
    let launch_types = site.services.launch_types.list();
    let categories = categories(&site.services).await?;
    let page = AppFormPage::change(
        frame,
        id.as_str(),
        &form.revision,
        form.fields(),
        &launch_types,
        categories,
        problems,
    );
    Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn(&page)?).into_response())
}

/// `GET /admin/apps/{id}/delete`.
pub(crate) async fn confirm_delete(
    State(site): State<Site>,
    Frame(frame): Frame,
    Id(id): Id<AppId>,
) -> Result<Html<String>, WebError> {
    let stored = site.services.catalogue.get(&id).await?;
    drawn(&AppDeletePage::new(frame, &stored.app, &stored.revision))
}

/// `POST /admin/apps/{id}/delete`.
pub(crate) async fn delete_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<AppId>,
    FormBody(form): FormBody<DeleteForm>,
) -> Result<Redirect, WebError> {
    let revision = Some(form.revision.as_str()).filter(|revision| !revision.is_empty());
    site.services
        .catalogue
        .delete(&caller.actor, &id, revision)
        .await?;
    Ok(Redirect::to("/admin/apps"))
}

/// Errors that the form itself shows; every other one has a page of its own.
fn shown_at_fields(error: ServiceError) -> Result<Problems, ServiceError> {
    match error {
        ServiceError::Invalid(problems) => Ok(problems),
        ServiceError::Taken(_) => Ok(Problems::one("id", "is taken by another app")),
        ServiceError::Stale => Ok(Problems::one(
            "",
            "somebody else has changed this app since you opened it; open it again to see what it is now",
        )),
        other => Err(other),
    }
}

async fn categories(services: &Services) -> Result<Vec<String>, WebError> {
    let apps = services.catalogue.list().await?;
    let categories: BTreeSet<&str> = apps
        .iter()
        .map(|stored| stored.app.category.as_str())
        .filter(|category| !category.is_empty())
        .collect();
    Ok(categories.into_iter().map(str::to_owned).collect())
}

impl AppForm {
    /// The app as it was entered, or every problem with it where its settings are no JSON object.
    fn draft(&self, services: &Services) -> Result<AppDraft, Problems> {
        let (settings, problem) = match read_settings(&self.settings) {
            Ok(settings) => (settings, None),
            Err(problem) => (Map::new(), Some(problem)),
        };
        let draft = AppDraft {
            id: self.id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            url: self.url.clone(),
            icon: self.icon.clone(),
            category: self.category.clone(),
            launch_type: self.launch_type.clone(),
            container_image: self.container_image.clone(),
            settings,
        };
        let Some(problem) = problem else {
            return Ok(draft);
        };
        let mut problems = services.catalogue.problems_with(draft);
        problems.add("settings", problem);
        Err(problems)
    }

    fn fields(&self) -> AppFields {
        AppFields {
            id: self.id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            url: self.url.clone(),
            icon: self.icon.clone(),
            category: self.category.clone(),
            launch_type: self.launch_type.clone(),
            container_image: self.container_image.clone(),
            settings: self.settings.clone(),
        }
    }
}

fn read_settings(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(_) => Err("must be a JSON object, like {\"cpu\": \"2\"}".to_owned()),
        Err(error) => Err(format!("is no JSON: {error}")),
    }
}
