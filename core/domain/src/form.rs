//! Forms from JSON Schema: the part of a schema that a form can ask, and what was entered as the schema's values.
//!
//! A schema comes from a plugin: it is bounded here, and what a form cannot express is named, not guessed. Whether
//! values fit is the schema's own to say; a form only finds the types for them.

mod schema;

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::launch_types::FieldOptions;

/// Most choices of a field.
const MAX_CHOICES: usize = 500;
/// Most characters of a label or a help text.
const MAX_TEXT: usize = 500;

/// What a form asks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// Its fields, in order.
    pub fields: Vec<FormField>,
}

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub struct FormField {
    /// Its place in the values: `size`, or `machine.size` in an object inside.
    pub path: String,
    /// Its name for people.
    pub label: String,
    /// What to enter, or nothing.
    pub help: String,
    /// What is entered.
    pub kind: FieldKind,
    /// Whether something must be entered.
    pub required: bool,
    /// What stands in it at first, as text.
    pub default: String,
    /// What must hold, all of it, else it is not asked.
    pub when: Vec<Condition>,
    /// What an empty field shows.
    pub placeholder: String,
    /// The object in which its value is, where it is in one.
    pub group: Option<FieldGroup>,
}

/// What must stand in another field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The other field's place.
    pub other: String,
    /// These texts; a box that is not ticked says `false`, an empty field nothing.
    pub texts: Vec<String>,
    /// Whether none of them must stand there instead.
    pub negated: bool,
}

/// An object of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldGroup {
    /// Its place in the values.
    pub path: String,
    /// Its name for people.
    pub label: String,
    /// What it is about, or nothing.
    pub help: String,
}

/// What a text must be, for whoever enters it. The schema says it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextBounds {
    /// Fewest characters.
    pub least: Option<u64>,
    /// Most characters.
    pub most: Option<u64>,
    /// A regular expression of ECMA-262 of which a match must be in the text, as JSON Schema has it.
    pub pattern: Option<String>,
}

/// What is entered in a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldKind {
    /// One line.
    Text(TextBounds),
    /// One line that is not shown.
    Password(TextBounds),
    /// Several lines.
    LongText(TextBounds),
    /// Several values, a line each.
    Lines,
    /// A whole number from, to, and a multiple of.
    Whole(Option<i64>, Option<i64>, Option<i64>),
    /// A number from, to, and a multiple of.
    Number(Option<f64>, Option<f64>, Option<f64>),
    /// Yes or no.
    Flag,
    /// One of these, as a list that opens.
    Choice(Vec<FormChoice>),
    /// One of these, all shown at once.
    Radio(Vec<FormChoice>),
}

/// One choice.
#[derive(Debug, Clone, PartialEq)]
pub struct FormChoice {
    /// The schema's value.
    pub value: Value,
    /// The value as text, which a browser sends.
    pub text: String,
    /// What is shown.
    pub label: String,
}

impl Form {
    /// The form of a schema: of an object's properties, of those of the objects in it, and of those that are there under
    /// a condition (`if`, `then`, `else`, also in `allOf`, and `dependentSchemas`).
    pub fn of(schema: &Value) -> Self {
        schema::read(schema)
    }

    /// The same with a launch type's choices for one user. What it names and the form does not ask is left out.
    #[must_use]
    pub fn with_options(mut self, options: Vec<FieldOptions>) -> Self {
        for option in options {
            let named = |field: &&mut FormField| {
                // Several values, a line each, are no choice of one.
                field.path == option.path && field.kind != FieldKind::Lines
            };
            let Some(field) = self.fields.iter_mut().find(named) else {
                continue;
            };
            let choices = option.choices.into_iter().take(MAX_CHOICES);
            let choices = choices
                .map(|choice| FormChoice::new(choice.value, &choice.label))
                .collect();
            field.kind = match field.kind {
                FieldKind::Radio(_) => FieldKind::Radio(choices),
                _ => FieldKind::Choice(choices),
            };
            field.default = option.default.as_ref().map(text_of).unwrap_or_default();
        }
        self
    }

    /// What was entered as the schema's values. Nothing entered is no value; what cannot be a field's value stays
    /// text, so that the schema finds it. A field that is not asked has no value, whatever was sent.
    pub fn read(&self, entered: &BTreeMap<String, String>) -> Map<String, Value> {
        let mut values = Map::new();
        for field in self.fields.iter().filter(|field| self.asks(field, entered)) {
            let text = entered.get(&field.path).map_or("", String::as_str);
            if let Some(value) = field.value(text) {
                put(&mut values, &field.path, value);
            }
        }
        values
    }

    /// The texts of the fields for these values; for what has no value, nothing.
    pub fn texts(&self, values: &Map<String, Value>) -> BTreeMap<String, String> {
        let known = self.fields.iter().filter_map(|field| {
            let value = find(values, &field.path)?;
            Some((field.path.clone(), text_of(value)))
        });
        known.collect()
    }

    /// The texts that stand in the fields at first.
    pub fn defaults(&self) -> BTreeMap<String, String> {
        let fields = self.fields.iter();
        fields
            .map(|field| (field.path.clone(), field.default.clone()))
            .collect()
    }

    /// Of these values, those that the form does not ask for.
    pub fn beyond(&self, values: &Map<String, Value>) -> Map<String, Value> {
        let mut rest = values.clone();
        let entered = self.texts(values);
        for field in self.fields.iter().filter(|field| self.asks(field, &entered)) {
            // A value that the field cannot hold stays where it can be seen.
            if find(values, &field.path).is_some_and(|value| field.holds(value)) {
                remove(&mut rest, &field.path);
            }
        }
        rest
    }

    /// Whether the choices of a field exclude a value; the fields that do.
    pub fn outside_choices(&self, values: &Map<String, Value>) -> Vec<&FormField> {
        let outside = |field: &&FormField| match (&field.kind, find(values, &field.path)) {
            (FieldKind::Choice(choices) | FieldKind::Radio(choices), Some(value)) => {
                choices.iter().all(|choice| choice.value != *value)
            }
            _ => false,
        };
        self.fields.iter().filter(outside).collect()
    }

    /// Whether a field is asked: those on which it depends are asked and say so. Conditions in a circle never hold.
    fn asks(&self, field: &FormField, entered: &BTreeMap<String, String>) -> bool {
        self.asks_within(field, entered, self.fields.len())
    }

    fn asks_within(&self, field: &FormField, entered: &BTreeMap<String, String>, depth: usize) -> bool {
        field.when.iter().all(|condition| {
            let other = self.fields.iter().find(|known| known.path == condition.other);
            other.is_some_and(|other| {
                depth > 0
                    && self.asks_within(other, entered, depth - 1)
                    && condition.holds(other, entered.get(&other.path).map_or("", String::as_str))
            })
        })
    }
}

impl Condition {
    fn holds(&self, other: &FormField, text: &str) -> bool {
        let text = if other.kind == FieldKind::Flag && text.is_empty() {
            "false"
        } else {
            text
        };
        self.texts.iter().any(|known| known == text) != self.negated
    }
}

impl FormField {
    /// Whether a value can stand in the field as it is.
    fn holds(&self, value: &Value) -> bool {
        match (&self.kind, value) {
            (FieldKind::Flag, value) => *value == true || (*value == false && self.tells_no()),
            (FieldKind::Whole(..), value) => value.is_i64(),
            (FieldKind::Number(..), value) => value.is_number(),
            (_, value) => self.value(&text_of(value)).as_ref() == Some(value),
        }
    }

    /// Whether a box that is not ticked is a value, not the lack of one.
    fn tells_no(&self) -> bool {
        self.required || self.default == "true"
    }

    fn value(&self, text: &str) -> Option<Value> {
        let trimmed = text.trim();
        match &self.kind {
            // A box that is not ticked sends nothing: that says no only where the answer would else be yes.
            FieldKind::Flag if trimmed == "true" => Some(Value::Bool(true)),
            FieldKind::Flag => self.tells_no().then_some(Value::Bool(false)),
            _ if trimmed.is_empty() => None,
            FieldKind::Text(_) | FieldKind::Password(_) => Some(Value::from(trimmed)),
            // Browsers send line breaks as CRLF, which nobody has typed.
            FieldKind::LongText(_) => Some(Value::from(text.replace("\r\n", "\n"))),
            FieldKind::Lines => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                Some(lines.map(Value::from).collect())
            }
            FieldKind::Whole(..) => Some(
                trimmed
                    .parse::<i64>()
                    .map_or_else(|_| trimmed.into(), Value::from),
            ),
            FieldKind::Number(..) => {
                let number = trimmed.parse::<f64>().ok().and_then(Number::from_f64);
                // `2` is the number 2, not 2.0.
                let whole = trimmed.parse::<i64>().ok().map(Number::from);
                Some(whole.or(number).map_or_else(|| trimmed.into(), Value::Number))
            }
            FieldKind::Choice(choices) | FieldKind::Radio(choices) => {
                let chosen = choices.iter().find(|choice| choice.text == text);
                Some(chosen.map_or_else(|| text.into(), |choice| choice.value.clone()))
            }
        }
    }
}

impl FormChoice {
    fn new(value: Value, label: &str) -> Self {
        Self {
            text: text_of(&value),
            label: bounded(label),
            value,
        }
    }
}

/// A value as a browser sends it.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn find<'a>(values: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((outer, inner)) => values.get(outer)?.get(inner),
        None => values.get(path),
    }
}

fn put(values: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((outer, inner)) = path.split_once('.') else {
        values.insert(path.to_owned(), value);
        return;
    };
    let object = values.entry(outer).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(object) = object {
        object.insert(inner.to_owned(), value);
    }
}

fn remove(values: &mut Map<String, Value>, path: &str) {
    let Some((outer, inner)) = path.split_once('.') else {
        values.remove(path);
        return;
    };
    if let Some(Value::Object(object)) = values.get_mut(outer) {
        object.remove(inner);
        if object.is_empty() {
            values.remove(outer);
        }
    }
}

#[cfg(test)]
mod tests;
