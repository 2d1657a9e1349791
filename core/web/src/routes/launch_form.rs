//! What the launch form of an app asks one user.

use std::collections::BTreeMap;

use launchpad_domain::{App, FieldProblem, Form, Problems};
use serde_json::{Map, Value};

use crate::Site;
use crate::views::{AppPage, Page, SchemaForm};
use crate::visitor::SignedIn;

/// By what the fields' names begin.
const ROOT: &str = "params";

/// The form, and whether the launch type could say what this user may choose.
pub(super) struct LaunchForm {
    pub(super) form: Form,
    failed: bool,
}

impl LaunchForm {
    /// The schema's form with the choices of the moment. A launch type that fails to name them is told of on the page.
    pub(super) async fn of(site: &Site, caller: &SignedIn, app: &App) -> Self {
        let form = site
            .services
            .launch_types
            .params_form(&app.launch_type)
            .unwrap_or_default();
        if form.fields.is_empty() {
            return Self { form, failed: false };
        }
        match site
            .services
            .sessions
            .launch_options(&caller.viewer, &app.id)
            .await
        {
            Ok(options) => Self {
                form: form.with_options(options),
                failed: false,
            },
            Err(error) => {
                tracing::warn!(%error, app = %app.id, "a launch form does without the choices of its launch type");
                Self { form, failed: true }
            }
        }
    }

    /// What was entered, or what is not among the choices.
    pub(super) fn read(&self, texts: &BTreeMap<String, String>) -> Result<Map<String, Value>, Problems> {
        let params = self.form.read(texts);
        let outside = self.form.outside_choices(&params).into_iter();
        let problems = outside.map(|field| FieldProblem {
            path: format!("{ROOT}.{}", field.path),
            message: "is not one of the choices".to_owned(),
        });
        Problems(problems.collect()).into_result(params)
    }

    /// The app's page with the form in it.
    pub(super) fn page(
        &self,
        site: &Site,
        frame: Page,
        app: &App,
        texts: &BTreeMap<String, String>,
        problems: Problems,
    ) -> AppPage {
        let page = AppPage::new(frame, app, &site.services.launch_types.list());
        let page = page.asking(SchemaForm::new(&self.form, ROOT, texts), problems);
        if self.failed { page.without_options() } else { page }
    }
}

/// The fields of a form that begin with a root, without it.
pub(super) fn below(root: &str, fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let inside = fields.iter().filter_map(|(name, text)| {
        let path = name.strip_prefix(root)?.strip_prefix('.')?;
        Some((path.to_owned(), text.clone()))
    });
    inside.collect()
}

/// The choices of a launch form among the fields that were sent.
pub(super) fn entered(fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    below(ROOT, fields)
}
