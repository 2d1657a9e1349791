//! The pages on which administrators change apps.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use launchpad_domain::{AppDraft, AppId, Form, LaunchTypeId, Problems};
use launchpad_services::{ServiceError, Services, Shift};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Site;
use crate::error::WebError;
use crate::input::{FormBody, Id, Query};
use crate::routes::frame::{Frame, drawn};
use crate::routes::launch_form::below;
use crate::said::Said;
use crate::views::{AppDeletePage, AppFields, AppFormPage, AppsPage, Page, SchemaForm};
use crate::visitor::{Htmx, SignedIn};

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
    /// There where nothing is to be saved yet: the launch type was chosen, and its fields are wanted.
    show: String,
    /// The fields that the launch type asks for.
    #[serde(flatten)]
    more: BTreeMap<String, String>,
}

/// By what their names begin.
const ROOT: &str = "settings";

/// What the question before deleting sends.
#[derive(Debug, Deserialize)]
pub(crate) struct DeleteForm {
    #[serde(default)]
    revision: String,
}

/// Where an app is to go.
#[derive(Debug, Deserialize)]
pub(crate) struct ShiftForm {
    #[serde(default)]
    shift: String,
}

/// What was done before the list was shown.
#[derive(Debug, Deserialize)]
pub(crate) struct Done {
    /// The app that was deleted.
    #[serde(default)]
    deleted: String,
}

/// `GET /admin`: leads to the first page for administrators.
pub(crate) async fn front() -> Redirect {
    Redirect::to("/admin/apps")
}

/// `GET /admin/apps`.
pub(crate) async fn page(
    State(site): State<Site>,
    Frame(frame): Frame,
    Query(done): Query<Done>,
) -> Result<Html<String>, WebError> {
    let catalogue = &site.services.catalogue;
    let apps = catalogue.list().await?;
    let launch_types = site.services.launch_types.list();
    let page = AppsPage::new(frame, apps.iter().map(|stored| &stored.app), &launch_types);
    drawn(&page.with_deleted(&catalogue.deleted().await?, &done.deleted))
}

/// `POST /admin/apps/{id}/restore`.
pub(crate) async fn restore_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<AppId>,
) -> Result<Redirect, WebError> {
    site.services.catalogue.restore(&caller.actor, &id).await?;
    Ok(Redirect::to(&format!("/admin/apps#app-{id}")))
}

/// `POST /admin/apps/{id}/shift`.
pub(crate) async fn shift_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Id(id): Id<AppId>,
    FormBody(form): FormBody<ShiftForm>,
) -> Result<Redirect, WebError> {
    let shift = match form.shift.as_str() {
        "up" => Shift::Up,
        "down" => Shift::Down,
        _ => return Err(Problems::one("shift", "must be up or down").into()),
    };
    site.services.catalogue.shift(&caller.actor, &id, shift).await?;
    Ok(Redirect::to(&format!("/admin/apps#app-{id}")))
}

/// `GET /admin/apps/new`.
pub(crate) async fn new(State(site): State<Site>, Frame(frame): Frame) -> Result<Html<String>, WebError> {
    let form = AppForm {
        launch_type: site.services.catalogue.default_launch_type().to_string(),
        ..AppForm::default()
    };
    let texts = form.schema(&site.services).defaults();
    drawn(&form.page(&site, frame, None, &texts, Problems::none()).await?)
}

/// `GET /admin/apps/{id}`.
pub(crate) async fn edit(
    State(site): State<Site>,
    Frame(frame): Frame,
    Id(id): Id<AppId>,
) -> Result<Html<String>, WebError> {
    let stored = site.services.catalogue.get(&id).await?;
    let schema = settings_form(&site.services, stored.app.launch_type.as_str());
    let fields = AppFields::from(&stored.app).with_more_settings(&schema.beyond(&stored.app.settings));
    let texts = schema.texts(&stored.app.settings);
    let page = AppFormPage::change(
        frame,
        stored.app.id.as_str(),
        &stored.revision,
        fields,
        &site.services.launch_types.list(),
        categories(&site.services).await?,
        Problems::none(),
    );
    drawn(&page.with_settings(SchemaForm::new(&schema, ROOT, &texts)))
}

/// `POST /admin/apps`.
pub(crate) async fn create_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    Htmx(fragment): Htmx,
    FormBody(form): FormBody<AppForm>,
) -> Result<Response, WebError> {
    if !form.show.is_empty() {
        return form.shown(&site, frame, None, fragment).await;
    }
    let made = match form.draft(&site.services) {
        Ok(draft) => site.services.catalogue.create(&caller.actor, draft).await,
        Err(problems) => Err(problems.into()),
    };
    match made {
        Ok(_) => Ok(Said::AppCreated.at(&site, "/admin/apps")),
        Err(error) => form.refused(&site, frame, None, error).await,
    }
}

/// `POST /admin/apps/{id}`.
pub(crate) async fn update_by_form(
    State(site): State<Site>,
    caller: SignedIn,
    Frame(frame): Frame,
    Htmx(fragment): Htmx,
    Id(id): Id<AppId>,
    FormBody(form): FormBody<AppForm>,
) -> Result<Response, WebError> {
    if !form.show.is_empty() {
        return form.shown(&site, frame, Some(&id), fragment).await;
    }
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
    match changed {
        Ok(_) => Ok(Said::AppSaved.at(&site, "/admin/apps")),
        Err(error) => form.refused(&site, frame, Some(&id), error).await,
    }
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
    Ok(Redirect::to(&format!("/admin/apps?deleted={id}")))
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
    /// What the chosen launch type asks for.
    fn schema(&self, services: &Services) -> Form {
        settings_form(services, &self.launch_type)
    }

    /// What was entered in the launch type's own fields.
    fn texts(&self) -> BTreeMap<String, String> {
        below(ROOT, &self.more)
    }

    /// The page as it was filled in, with the fields of the launch type that was chosen, and nothing saved.
    async fn shown(
        &self,
        site: &Site,
        frame: Page,
        editing: Option<&AppId>,
        fragment: bool,
    ) -> Result<Response, WebError> {
        let schema = self.schema(&site.services);
        let mut texts = self.texts();
        for (path, text) in schema.defaults() {
            texts.entry(path).or_insert(text);
        }
        let page = self.page(site, frame, editing, &texts, Problems::none()).await?;
        let drawn = if fragment {
            drawn(&page.as_form())?
        } else {
            drawn(&page)?
        };
        Ok(drawn.into_response())
    }

    /// The page as it was filled in, with what is wrong.
    async fn refused(
        &self,
        site: &Site,
        frame: Page,
        editing: Option<&AppId>,
        error: ServiceError,
    ) -> Result<Response, WebError> {
        let problems = shown_at_fields(error)?;
        let page = self.page(site, frame, editing, &self.texts(), problems).await?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn(&page)?).into_response())
    }

    async fn page(
        &self,
        site: &Site,
        frame: Page,
        editing: Option<&AppId>,
        texts: &BTreeMap<String, String>,
        problems: Problems,
    ) -> Result<AppFormPage, WebError> {
        let launch_types = site.services.launch_types.list();
        let categories = categories(&site.services).await?;
        let settings = SchemaForm::new(&self.schema(&site.services), ROOT, texts);
        let page = match editing {
            Some(id) => AppFormPage::change(
                frame,
                id.as_str(),
                &self.revision,
                self.fields(),
                &launch_types,
                categories,
                problems,
            ),
            None => AppFormPage::create(frame, self.fields(), &launch_types, categories, problems),
        };
        Ok(page.with_settings(settings))
    }

    /// The app as it was entered, or every problem with it where its settings are no JSON object.
    fn draft(&self, services: &Services) -> Result<AppDraft, Problems> {
        let (mut settings, problem) = match read_settings(&self.settings) {
            Ok(settings) => (settings, None),
            Err(problem) => (Map::new(), Some(problem)),
        };
        for (name, value) in self.schema(services).read(&self.texts()) {
            match (settings.get_mut(&name), value) {
                // What the fields do not ask of an object may stand beside what they do.
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                (_, value) => {
                    settings.insert(name, value);
                }
            }
        }
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

/// What a launch type asks for; nothing where it is not installed.
fn settings_form(services: &Services, launch_type: &str) -> Form {
    let id = launch_type.parse::<LaunchTypeId>().ok();
    let form = id.and_then(|id| services.launch_types.settings_form(&id).ok());
    form.unwrap_or_default()
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
