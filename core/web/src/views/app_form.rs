//! Apps, for administrators: the list, the form, the question before deleting.

use std::collections::BTreeSet;

use askama::Template;
use launchpad_domain::{App, AppField, DeletedApp, LaunchType, Problems};
use serde_json::{Map, Value};

use super::form::{FormProblems, Labels};
use super::icon::Icon;
use super::page::Page;
use super::schema_form::{SchemaForm, Widget};
use super::when::When;

const FIELDS: Labels = &[
    ("id", "Id"),
    ("name", "Name"),
    ("description", "Description"),
    ("category", "Category"),
    ("icon", "Icon"),
    ("launch_type", "Launch type"),
    ("url", "Address"),
    ("container_image", "Container image"),
    ("settings", "Settings"),
];

/// All apps as a table.
#[derive(Debug, Template)]
#[template(path = "admin/apps.html")]
pub(crate) struct AppsPage {
    page: Page,
    apps: Vec<AppsRow>,
    categories: usize,
    deleted: Vec<DeletedRow>,
    /// The one of them that was deleted just now.
    just_deleted: Option<DeletedRow>,
}

/// An app that can be put back.
#[derive(Debug, Clone)]
struct DeletedRow {
    id: String,
    name: String,
    when: When,
}

/// A row of it.
#[derive(Debug)]
pub(crate) struct AppsRow {
    id: String,
    name: String,
    category: String,
    launch_type: String,
    /// Whether the launch type is installed.
    available: bool,
    icon: Icon,
    /// Whether another of its category stands before it, and after it.
    neighbours: (bool, bool),
}

/// The form of an app, new or known.
#[derive(Debug, Template)]
#[template(path = "admin/app-form.html", blocks = ["form"])]
pub(crate) struct AppFormPage {
    page: Page,
    /// The id of the app that is changed; `None` for a new one.
    editing: Option<String>,
    revision: String,
    fields: AppFields,
    /// Launch types by id and name; an app's own is among them even when it is not installed.
    launch_types: Vec<(String, String)>,
    /// Which of the fields that only some launch types need are asked.
    asks: Vec<AppField>,
    categories: Vec<String>,
    /// What the launch type asks for beyond the fields that every app has.
    settings: SchemaForm,
    problems: FormProblems,
}

/// What stands in the form, as it was entered.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppFields {
    /// See [`App::id`].
    pub(crate) id: String,
    /// See [`App::name`].
    pub(crate) name: String,
    /// See [`App::description`].
    pub(crate) description: String,
    /// See [`App::url`].
    pub(crate) url: String,
    /// See [`App::icon`].
    pub(crate) icon: String,
    /// See [`App::category`].
    pub(crate) category: String,
    /// See [`App::launch_type`].
    pub(crate) launch_type: String,
    /// See [`App::container_image`].
    pub(crate) container_image: String,
    /// What of [`App::settings`] no field asks for: JSON, or what was meant to be.
    pub(crate) settings: String,
}

/// The question whether an app shall be deleted.
#[derive(Debug, Template)]
#[template(path = "admin/app-delete.html")]
pub(crate) struct AppDeletePage {
    page: Page,
    id: String,
    name: String,
    revision: String,
}

impl AppsPage {
    /// The table of `apps`.
    pub(crate) fn new<'a>(
        page: Page,
        apps: impl IntoIterator<Item = &'a App>,
        launch_types: &[LaunchType],
    ) -> Self {
        let mut categories = BTreeSet::new();
        let apps: Vec<&App> = apps.into_iter().collect();
        let is_beside =
            |app: &App, other: Option<&&App>| other.is_some_and(|other| other.category == app.category);
        let rows = apps.iter().enumerate().map(|(at, app)| {
            categories.insert(app.category.as_str());
            let known = launch_types.iter().find(|known| known.id == app.launch_type);
            AppsRow {
                id: app.id.to_string(),
                name: app.name.clone(),
                category: app.category.clone(),
                launch_type: known.map_or_else(|| app.launch_type.to_string(), |known| known.name.clone()),
                available: known.is_some(),
                icon: Icon::of(&app.icon, &app.name, &page.branding),
                neighbours: (
                    at > 0 && is_beside(app, apps.get(at - 1)),
                    is_beside(app, apps.get(at + 1)),
                ),
            }
        });
        Self {
            apps: rows.collect(),
            categories: categories.len(),
            deleted: Vec::new(),
            just_deleted: None,
            page: page.named("Apps", "/admin/apps"),
        }
    }

    /// The same with the apps that can be put back, newest first, and that of this id as the one that was deleted just
    /// now. Of several with one id only the newest can be put back.
    #[must_use]
    pub(crate) fn with_deleted(mut self, deleted: &[DeletedApp], just_deleted: &str) -> Self {
        let mut seen = BTreeSet::new();
        let newest = deleted
            .iter()
            .filter(|deleted| seen.insert(deleted.app.id.as_str()));
        let rows = newest.map(|deleted| DeletedRow {
            id: deleted.app.id.to_string(),
            name: deleted.app.name.clone(),
            when: deleted.deleted_at.into(),
        });
        self.deleted = rows.collect();
        self.just_deleted = self.deleted.iter().find(|row| row.id == just_deleted).cloned();
        self
    }

    /// Whether an app that is there has this id.
    fn is_taken(&self, id: &str) -> bool {
        self.apps.iter().any(|app| app.id == id)
    }
}

impl AppFormPage {
    /// The form for a new app. `categories` are offered while typing.
    pub(crate) fn create(
        page: Page,
        fields: AppFields,
        launch_types: &[LaunchType],
        categories: Vec<String>,
        problems: Problems,
    ) -> Self {
        Self::filled(
            page,
            "New app".to_owned(),
            fields,
            launch_types,
            categories,
            problems,
        )
    }

    /// The form for a known app at its `revision`, which comes back as the hidden field of that name.
    pub(crate) fn change(
        page: Page,
        id: &str,
        revision: &str,
        fields: AppFields,
        launch_types: &[LaunchType],
        categories: Vec<String>,
        problems: Problems,
    ) -> Self {
        Self {
            editing: Some(id.to_owned()),
            revision: revision.to_owned(),
            ..Self::filled(
                page,
                format!("Change {id}"),
                fields,
                launch_types,
                categories,
                problems,
            )
        }
    }

    fn filled(
        page: Page,
        title: String,
        fields: AppFields,
        launch_types: &[LaunchType],
        categories: Vec<String>,
        problems: Problems,
    ) -> Self {
        let mut known: Vec<(String, String)> = launch_types
            .iter()
            .map(|known| (known.id.to_string(), known.name.clone()))
            .collect();
        let own = &fields.launch_type;
        if !own.is_empty() && known.iter().all(|(id, _)| id != own) {
            known.push((own.clone(), format!("{own} (not installed)")));
        }
        Self {
            editing: None,
            revision: String::new(),
            launch_types: known,
            asks: fields.asked(launch_types),
            categories,
            settings: SchemaForm::default(),
            problems: FormProblems::new(problems, FIELDS),
            page: page.named(title, "/admin/apps"),
            fields,
        }
    }
}

impl AppFormPage {
    /// Whether something stands in the field for what no other asks, or is wrong with it.
    fn has_more_settings(&self) -> bool {
        !self.fields.settings.is_empty() || self.problems.of("settings").is_some()
    }

    /// The same with the launch type's own fields.
    #[must_use]
    pub(crate) fn with_settings(mut self, settings: SchemaForm) -> Self {
        self.problems = self.problems.beside(&settings);
        self.settings = settings;
        self
    }
}

impl From<&App> for AppFields {
    fn from(app: &App) -> Self {
        Self {
            id: app.id.to_string(),
            name: app.name.clone(),
            description: app.description.clone(),
            url: app.url.clone(),
            icon: app.icon.clone(),
            category: app.category.clone(),
            launch_type: app.launch_type.to_string(),
            container_image: app.container_image.clone(),
            settings: String::new(),
        }
    }
}

impl AppFields {
    /// Which of the fields that only some launch types need are shown: those that this one needs, all where it says of
    /// none, and what somebody has entered.
    fn asked(&self, launch_types: &[LaunchType]) -> Vec<AppField> {
        let own = launch_types
            .iter()
            .find(|known| known.id.as_str() == self.launch_type);
        let needs = own.map_or(&[][..], |known| &known.needs);
        [
            (AppField::Url, &self.url),
            (AppField::ContainerImage, &self.container_image),
        ]
        .into_iter()
        .filter(|(field, value)| needs.is_empty() || needs.contains(field) || !value.is_empty())
        .map(|(field, _)| field)
        .collect()
    }

    /// With these settings in the field for what no other asks.
    #[must_use]
    pub(crate) fn with_more_settings(mut self, settings: &Map<String, Value>) -> Self {
        if !settings.is_empty() {
            self.settings = serde_json::to_string_pretty(settings).unwrap_or_default();
        }
        self
    }
}

impl AppDeletePage {
    /// The question about `app`.
    pub(crate) fn new(page: Page, app: &App, revision: &str) -> Self {
        Self {
            id: app.id.to_string(),
            name: app.name.clone(),
            revision: revision.to_owned(),
            page: page.named(format!("Delete {}", app.name), "/admin/apps"),
        }
    }
}
