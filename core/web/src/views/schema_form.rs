//! The fields that a launch type's schema asks for, as a page shows them.

use std::collections::BTreeMap;

use launchpad_domain::form::FormChoice;
use launchpad_domain::{FieldKind, Form, FormField};

/// Generated fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct SchemaForm {
    pub(super) fields: Vec<SchemaField>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct SchemaField {
    /// By which it is sent, and by which problems name it: `params.size`.
    pub(super) name: String,
    pub(super) label: String,
    pub(super) help: String,
    pub(super) widget: Widget,
    pub(super) value: String,
    pub(super) required: bool,
    pub(super) placeholder: String,
    /// The field on which it depends, by its name and its label, and the text that must stand there.
    pub(super) when: Option<(String, String, String)>,
}

/// How it is entered.
#[derive(Debug, Clone)]
pub(super) enum Widget {
    Line(&'static str),
    Lines,
    /// Least, most and step as attributes.
    Number(String, String, &'static str),
    Tick,
    List(Vec<Shown>),
    Radio(Vec<Shown>),
}

/// A choice.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) label: String,
}

impl SchemaForm {
    /// The fields of a form below `root`, with these texts in them.
    pub(crate) fn new(form: &Form, root: &str, texts: &BTreeMap<String, String>) -> Self {
        let label_of = |path: &str| {
            let found = form.fields.iter().find(|field| field.path == path);
            found.map_or_else(String::new, |field| field.label.clone())
        };
        let shown = |field: &FormField| SchemaField {
            name: format!("{root}.{}", field.path),
            label: field.label.clone(),
            help: field.help.clone(),
            widget: widget(&field.kind),
            value: texts.get(&field.path).cloned().unwrap_or_default(),
            // A browser would insist on what is not asked just now.
            required: field.required && field.when.is_none() && field.kind != FieldKind::Flag,
            placeholder: field.placeholder.clone(),
            when: field
                .when
                .as_ref()
                .map(|(other, value)| (format!("{root}.{other}"), label_of(other), value.clone())),
        };
        Self {
            fields: form.fields.iter().map(shown).collect(),
        }
    }

    /// Whether nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl SchemaField {
    /// Whether a text explains it.
    pub(super) fn has_help(&self) -> bool {
        !self.help.is_empty() || self.when.is_some()
    }

    pub(super) fn is_chosen(&self, choice: &Shown) -> bool {
        self.value == choice.text
    }
}

fn widget(kind: &FieldKind) -> Widget {
    let text = |number: Option<String>| number.unwrap_or_default();
    match kind {
        FieldKind::Text => Widget::Line("text"),
        FieldKind::Password => Widget::Line("password"),
        FieldKind::LongText | FieldKind::Lines => Widget::Lines,
        FieldKind::Whole(least, most) => Widget::Number(
            text(least.map(|number| number.to_string())),
            text(most.map(|number| number.to_string())),
            "1",
        ),
        FieldKind::Number(least, most) => Widget::Number(
            text(least.map(|number| number.to_string())),
            text(most.map(|number| number.to_string())),
            "any",
        ),
        FieldKind::Flag => Widget::Tick,
        FieldKind::Choice(choices) => Widget::List(shown(choices)),
        FieldKind::Radio(choices) => Widget::Radio(shown(choices)),
    }
}

fn shown(choices: &[FormChoice]) -> Vec<Shown> {
    let shown = |choice: &FormChoice| Shown {
        text: choice.text.clone(),
        label: choice.label.clone(),
    };
    choices.iter().map(shown).collect()
}
