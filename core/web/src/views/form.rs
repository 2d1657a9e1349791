//! Problems with what somebody entered, for the field and for the summary above the form.

use launchpad_domain::Problems;

use super::schema_form::SchemaForm;

/// The fields of a form by the path that a problem names them by: path, the field's element, its label.
pub(super) type Labels = &'static [(&'static str, &'static str)];

/// The problems of one form.
#[derive(Debug, Clone, Default)]
pub(crate) struct FormProblems {
    problems: Problems,
    labels: Vec<(String, String)>,
}

impl FormProblems {
    /// These problems, in a form of these fields (path and label).
    pub(super) fn new(problems: Problems, labels: Labels) -> Self {
        let owned = |(field, label): &(&str, &str)| ((*field).to_owned(), (*label).to_owned());
        Self {
            problems,
            labels: labels.iter().map(owned).collect(),
        }
    }

    /// In a form that asks these fields as well.
    #[must_use]
    pub(super) fn beside(mut self, form: &SchemaForm) -> Self {
        self.labels.extend(form.labels());
        self
    }

    /// Whether there is anything to tell.
    pub(super) fn any(&self) -> bool {
        !self.problems.is_empty()
    }

    /// What is wrong with this field; a problem inside of it (`settings.memory`) is named with its place.
    pub(super) fn of(&self, field: &str) -> Option<String> {
        let told: Vec<String> = self
            .problems
            .0
            .iter()
            .filter(|problem| self.field(&problem.path) == Some(field))
            .map(|problem| match problem.path.strip_prefix(field) {
                Some("") | None => sentence(&problem.message),
                Some(_) => format!("{} {}", problem.path, sentence(&problem.message)),
            })
            .collect();
        (!told.is_empty()).then(|| told.join(" "))
    }

    /// Every problem for the summary: the field to jump to (empty where it has none) and the sentence.
    pub(super) fn summary(&self) -> Vec<(&str, String)> {
        self.problems
            .0
            .iter()
            .map(|problem| match self.field(&problem.path) {
                Some(field) => {
                    let label = self.label(field);
                    (field, sentence(&format!("{label}: {}", problem.message)))
                }
                None => ("", sentence(&problem.message)),
            })
            .collect()
    }

    /// The field that a problem is shown at: the one of its path, or the nearest around it.
    fn field(&self, path: &str) -> Option<&str> {
        let around = |field: &str| match path.strip_prefix(field) {
            Some(rest) => rest.is_empty() || rest.starts_with(['.', '[']),
            None => false,
        };
        let fields = self.labels.iter().map(|(field, _)| field.as_str());
        fields
            .filter(|field| around(field))
            .max_by_key(|field| field.len())
    }

    fn label(&self, field: &str) -> &str {
        self.labels
            .iter()
            .find(|(name, _)| name == field)
            .map_or("", |(_, label)| label)
    }
}

/// A message of the domain (`must not be empty`) as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let mut text: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    text.push_str(letters.as_str());
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}
