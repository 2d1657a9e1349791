//! The catalogue and the page of one app.

use askama::Template;
use launchpad_domain::{App, AppId, LaunchType, Opens, Preferences, Problems, Session, Status};

use super::form::FormProblems;
use super::icon::Icon;
use super::page::Page;
use super::schema_form::{SchemaForm, Widget};
use super::sessions::SessionRow;

/// The catalogue: what runs, and every app by category. Block `results`: the apps alone, for the search.
#[derive(Debug, Template)]
#[template(path = "catalogue.html", blocks = ["results"])]
pub(crate) struct CataloguePage {
    page: Page,
    query: String,
    running: Vec<SessionRow>,
    favorites: Vec<AppCard>,
    recent: Vec<AppCard>,
    categories: Vec<Category>,
    /// How many apps there are, and how many of them are shown.
    total: usize,
    shown: usize,
}

/// The page of one app: what it is, and the button that launches or opens it.
#[derive(Debug, Template)]
#[template(path = "app.html")]
pub(crate) struct AppPage {
    page: Page,
    card: AppCard,
    /// Which launch type it has, in words.
    launch_type: String,
    /// What is asked before it is launched.
    form: SchemaForm,
    problems: FormProblems,
    /// Whether the launch type failed to say what this user may choose.
    without_options: bool,
}

/// A heading of the catalogue.
#[derive(Debug)]
struct Category {
    /// As the apps name it; empty where they name none.
    name: String,
    collapsed: bool,
    apps: Vec<AppCard>,
}

/// An app in the catalogue.
#[derive(Debug)]
struct AppCard {
    id: String,
    name: String,
    description: String,
    icon: Icon,
    favorite: bool,
    way: Way,
}

/// How an app is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is a link.
    Link,
    /// It is launched at once.
    Launch,
    /// It is launched after something was asked.
    Form,
    /// Its launch type is not installed.
    None,
}

impl CataloguePage {
    /// The catalogue as this viewer sees it. `apps` come in the order of the catalogue, `sessions` are the
    /// viewer's own, `query` is what was searched for or empty, `recent` the apps that the viewer used last.
    pub(crate) fn new<'a>(
        page: Page,
        apps: impl IntoIterator<Item = &'a App>,
        launch_types: &[LaunchType],
        sessions: &[Session],
        preferences: &Preferences,
        query: &str,
        recent: &[AppId],
    ) -> Self {
        let apps: Vec<&App> = apps.into_iter().collect();
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let found: Vec<&App> = apps.iter().copied().filter(|app| matches(app, &words)).collect();
        let card = |app: &App| AppCard::new(app, launch_types, &page, &preferences.favorites);
        let mut categories: Vec<Category> = Vec::new();
        for app in &found {
            if categories.last().is_none_or(|last| last.name != app.category) {
                // Who searches wants to see what was found.
                let collapsed = words.is_empty() && preferences.collapsed_categories.contains(&app.category);
                categories.push(Category {
                    name: app.category.clone(),
                    collapsed,
                    apps: Vec::new(),
                });
            }
            if let Some(category) = categories.last_mut() {
                category.apps.push(card(app));
            }
        }
        let is_favorite = |app: &&&App| preferences.favorites.contains(&app.id);
        // Who searches knows what they want, and favourites stand above already.
        let recent = recent
            .iter()
            .filter(|id| words.is_empty() && !preferences.favorites.contains(id));
        let recent = recent.filter_map(|id| found.iter().find(|app| app.id == *id));
        Self {
            recent: recent.map(|app| card(app)).collect(),
            favorites: found.iter().filter(is_favorite).map(|app| card(app)).collect(),
            running: SessionRow::live(sessions, apps.iter().copied(), &page.branding),
            query: query.trim().to_owned(),
            total: apps.len(),
            shown: found.len(),
            categories,
            page: page.named("Apps", "/"),
        }
    }

    /// What stands under the heading: how many apps are shown.
    fn count(&self) -> String {
        let noun = if self.total == 1 { "app" } else { "apps" };
        if self.query.is_empty() {
            format!("{} {noun}", self.total)
        } else {
            format!("{} of {} {noun} found", self.shown, self.total)
        }
    }

    /// What the key Enter opens in the search: the first card that can be opened, as catalogue.js looks for it.
    fn first_hit(&self) -> Option<&str> {
        let cards = self.categories.iter().flat_map(|category| &category.apps);
        let mut cards = self.favorites.iter().chain(cards);
        let first = cards.find(|card| card.way != Way::None)?;
        (!self.query.is_empty()).then_some(first.name.as_str())
    }
}

impl AppPage {
    /// The page of `app`.
    pub(crate) fn new(page: Page, app: &App, launch_types: &[LaunchType]) -> Self {
        let launch_type = launch_types
            .iter()
            .find(|launch_type| launch_type.id == app.launch_type)
            .map_or_else(
                || app.launch_type.to_string(),
                |launch_type| launch_type.name.clone(),
            );
        Self {
            card: AppCard::new(app, launch_types, &page, &[]),
            launch_type,
            form: SchemaForm::default(),
            problems: FormProblems::default(),
            without_options: false,
            page: page.named(app.name.clone(), "/"),
        }
    }

    /// The same with what the launch form asks, and what is wrong with what was entered.
    #[must_use]
    pub(crate) fn asking(mut self, form: SchemaForm, problems: Problems) -> Self {
        self.problems = FormProblems::new(problems, &[]).beside(&form);
        self.form = form;
        self
    }

    /// The same where the launch type could not say what this user may choose.
    #[must_use]
    pub(crate) fn without_options(mut self) -> Self {
        self.without_options = true;
        self
    }
}

impl AppCard {
    fn new(app: &App, launch_types: &[LaunchType], page: &Page, favorites: &[AppId]) -> Self {
        let launch_type = launch_types.iter().find(|known| known.id == app.launch_type);
        Self {
            id: app.id.to_string(),
            name: app.name.clone(),
            description: app.description.clone(),
            icon: Icon::of(&app.icon, &app.name, &page.branding),
            favorite: favorites.contains(&app.id),
            way: match launch_type {
                None => Way::None,
                Some(known) if known.opens == Opens::Url => Way::Link,
                Some(known) if known.has_params => Way::Form,
                Some(_) => Way::Launch,
            },
        }
    }
}

/// Whether every word stands somewhere in what people read of the app.
fn matches(app: &App, words: &[String]) -> bool {
    let text = format!("{}\n{}\n{}\n{}", app.name, app.description, app.category, app.id).to_lowercase();
    words.iter().all(|word| text.contains(word))
}
