//! The fields that a launch type's schema asks for, as a page shows them.

use std::collections::BTreeMap;

use launchpad_domain::form::{Condition, FieldGroup, FormChoice, TextBounds};
use launchpad_domain::{FieldKind, Form, FormField};
use serde_json::json;

/// Most characters of a line where the schema does not say it.
const MAX_LINE: u64 = 10_000;

/// Generated fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct SchemaForm {
    pub(super) groups: Vec<SchemaGroup>,
}

/// Fields that belong together: those of one object, or single ones.
#[derive(Debug, Clone)]
pub(super) struct SchemaGroup {
    /// The object.
    pub(super) object: Option<SchemaObject>,
    pub(super) fields: Vec<SchemaField>,
}

/// An object of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SchemaObject {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) help: String,
}

/// One field.
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
    /// When it is asked, for scripts: a JSON list of [name, texts, whether they are excluded]; empty: always.
    pub(super) when: String,
    /// The same for people; empty: always.
    pub(super) when_words: String,
}

/// How it is entered.
#[derive(Debug, Clone)]
pub(super) enum Widget {
    Line(&'static str, TextLimits),
    Paragraph(TextLimits),
    Lines,
    Number(NumberLimits),
    Tick,
    List(Vec<Shown>),
    Radio(Vec<Shown>),
}

/// What a text must be, as attributes; empty: anything.
#[derive(Debug, Clone)]
pub(super) struct TextLimits {
    pub(super) least: String,
    pub(super) most: u64,
    pub(super) pattern: String,
}

/// What a number must be, as attributes; empty: anything.
#[derive(Debug, Clone)]
pub(super) struct NumberLimits {
    pub(super) least: String,
    pub(super) most: String,
    pub(super) step: String,
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
        let mut groups: Vec<SchemaGroup> = Vec::new();
        for field in &form.fields {
            let object = field.group.as_ref().map(|group| SchemaObject::new(group, root));
            let value = texts.get(&field.path).cloned().unwrap_or_default();
            let shown = SchemaField::new(field, form, root, value);
            match groups.last_mut().filter(|group| group.object == object) {
                Some(group) => group.fields.push(shown),
                None => groups.push(SchemaGroup {
                    object,
                    fields: vec![shown],
                }),
            }
        }
        Self { groups }
    }

    /// Whether nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Name and label of every field and every object.
    pub(super) fn labels(&self) -> impl Iterator<Item = (String, String)> {
        self.groups.iter().flat_map(|group| {
            let object = group
                .object
                .iter()
                .map(|object| (object.name.clone(), object.label.clone()));
            let fields = group
                .fields
                .iter()
                .map(|field| (field.name.clone(), field.label.clone()));
            object.chain(fields)
        })
    }
}

impl SchemaObject {
    fn new(group: &FieldGroup, root: &str) -> Self {
        Self {
            name: format!("{root}.{}", group.path),
            label: group.label.clone(),
            help: group.help.clone(),
        }
    }
}

impl SchemaField {
    fn new(field: &FormField, form: &Form, root: &str, value: String) -> Self {
        let conditions: Vec<_> = field
            .when
            .iter()
            .map(|condition| {
                json!([
                    format!("{root}.{}", condition.other),
                    condition.texts,
                    condition.negated
                ])
            })
            .collect();
        let words: Vec<String> = field
            .when
            .iter()
            .map(|condition| words(condition, form))
            .collect();
        Self {
            name: format!("{root}.{}", field.path),
            label: field.label.clone(),
            help: field.help.clone(),
            widget: widget(&field.kind),
            value,
            required: field.required && field.kind != FieldKind::Flag,
            placeholder: field.placeholder.clone(),
            when: if conditions.is_empty() {
                String::new()
            } else {
                json!(conditions).to_string()
            },
            when_words: if words.is_empty() {
                String::new()
            } else {
                format!("Only where {}.", words.join(" and "))
            },
        }
    }

    /// Whether a text explains it.
    pub(super) fn has_help(&self) -> bool {
        !self.help.is_empty() || !self.when.is_empty()
    }

    /// Whether a browser may insist on it before a script has looked whether it is asked at all.
    pub(super) fn is_always_required(&self) -> bool {
        self.required && self.when.is_empty()
    }

    pub(super) fn is_chosen(&self, choice: &Shown) -> bool {
        self.value == choice.text
    }
}

/// `“Kind” is “gpu” or “tpu”`.
fn words(condition: &Condition, form: &Form) -> String {
    let other = form.fields.iter().find(|field| field.path == condition.other);
    let label = other.map_or("", |field| field.label.as_str());
    let texts: Vec<&String> = condition.texts.iter().filter(|text| !text.is_empty()).collect();
    let flag = other.is_some_and(|field| field.kind == FieldKind::Flag);
    // A box is ticked or not; every other field may also be empty.
    let given = !flag && condition.negated && texts.iter().all(|text| *text == "false");
    if given {
        return format!("“{label}” is filled in");
    }
    let told: Vec<String> = texts
        .iter()
        .map(|text| format!("“{}”", shown_as(other, text)))
        .collect();
    let not = if condition.negated { "not " } else { "" };
    format!("“{label}” is {not}{}", told.join(" or "))
}

/// A text of a field as its form shows it: the label of a choice.
fn shown_as<'a>(field: Option<&'a FormField>, text: &'a str) -> &'a str {
    let choices = field.map(|field| &field.kind);
    match choices {
        Some(FieldKind::Choice(choices) | FieldKind::Radio(choices)) => choices
            .iter()
            .find(|choice| choice.text == text)
            .map_or(text, |choice| &choice.label),
        Some(FieldKind::Flag) if text == "true" => "yes",
        Some(FieldKind::Flag) => "no",
        _ => text,
    }
}

fn widget(kind: &FieldKind) -> Widget {
    match kind {
        FieldKind::Text(bounds) => Widget::Line("text", limits(bounds)),
        FieldKind::Password(bounds) => Widget::Line("password", limits(bounds)),
        FieldKind::LongText(bounds) => Widget::Paragraph(limits(bounds)),
        FieldKind::Lines => Widget::Lines,
        FieldKind::Whole(least, most, multiple) => {
            // Browsers count steps from the least number; a schema counts them from nought.
            let step = multiple.filter(|step| *step > 0 && least.unwrap_or(0) % step == 0);
            Widget::Number(NumberLimits {
                least: text(*least),
                most: text(*most),
                step: text(Some(step.unwrap_or(1))),
            })
        }
        FieldKind::Number(least, most, multiple) => {
            let step = multiple.filter(|step| *step > 0.0 && least.is_none());
            Widget::Number(NumberLimits {
                least: text(*least),
                most: text(*most),
                step: step.map_or_else(|| "any".to_owned(), |step| step.to_string()),
            })
        }
        FieldKind::Flag => Widget::Tick,
        FieldKind::Choice(choices) => Widget::List(shown(choices)),
        FieldKind::Radio(choices) => Widget::Radio(shown(choices)),
    }
}

fn text(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn limits(bounds: &TextBounds) -> TextLimits {
    TextLimits {
        least: text(bounds.least),
        most: bounds.most.unwrap_or(MAX_LINE),
        pattern: bounds
            .pattern
            .as_deref()
            .and_then(browser_pattern)
            .unwrap_or_default(),
    }
}

/// The pattern as browsers take it: for the whole of the text, and by the stricter rules of the flag `v` (HTML, section
/// 4.10.5.3.6). `None`: one that they might read differently, which is left to the server.
fn browser_pattern(pattern: &str) -> Option<String> {
    const ESCAPES: &str = "dDsSwWbBtnr.\\/^$*+?()[]{}|";
    let mut in_class = false;
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let escaped = letters.next()?;
                if !(ESCAPES.contains(escaped) || in_class && escaped == '-') {
                    return None;
                }
            }
            '[' | '(' | ')' | '{' | '}' | '/' | '|' if in_class => return None,
            '[' => in_class = true,
            ']' => in_class = false,
            // `&&`, `--` and the like are operators there.
            _ if in_class && letter.is_ascii_punctuation() && letters.peek() == Some(&letter) => return None,
            '(' if letters.peek() == Some(&'?') => {
                letters.next();
                if !letters.peek().is_some_and(|kind| matches!(kind, ':' | '=' | '!')) {
                    return None;
                }
            }
            _ => {}
        }
    }
    Some(format!("[\\s\\S]*(?:{pattern})[\\s\\S]*"))
}

fn shown(choices: &[FormChoice]) -> Vec<Shown> {
    let shown = |choice: &FormChoice| Shown {
        text: choice.text.clone(),
        label: choice.label.clone(),
    };
    choices.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_given_to_browsers_only_where_they_read_it_alike() {
        for shared in [
            "^[a-z]+$",
            r"^\d{2}\.[^\s]*$",
            "^a$|^b$",
            "^(?:a|b)$",
            r"^[\w\-.]+$",
        ] {
            assert!(browser_pattern(shared).is_some(), "{shared}");
        }
        for other in [
            r"^[a/b]$", "^[(]$", "[a&&b]", "[[a]b]", r"\p{L}", r"\_", "(?i)a", "(?<n>a)", r"a\",
        ] {
            assert_eq!(browser_pattern(other), None, "{other}");
        }
    }
}
