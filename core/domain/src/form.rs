//! Forms from JSON Schema: the part of a schema that a form can ask, and what was entered as the schema's values.
//!
//! A schema comes from a plugin: it is bounded here, and what a form cannot express is named, not guessed. Whether
//! values fit is the schema's own to say; a form only finds the types for them.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::launch_types::FieldOptions;

/// Most fields of a form.
const MAX_FIELDS: usize = 100;
/// Most choices of a field.
const MAX_CHOICES: usize = 500;
/// Longest name of a property.
const MAX_NAME: usize = 64;
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
    /// The field on which it depends and the text that must stand there, else it is not asked.
    pub when: Option<(String, String)>,
    /// What an empty field shows.
    pub placeholder: String,
}

/// What is entered in a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldKind {
    /// One line.
    Text,
    /// One line that is not shown.
    Password,
    /// Several lines.
    LongText,
    /// Several values, a line each.
    Lines,
    /// A whole number in a range.
    Whole(Option<i64>, Option<i64>),
    /// A number in a range.
    Number(Option<f64>, Option<f64>),
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
    /// The form of a schema: of an object's properties, and of those of the objects in it.
    pub fn of(schema: &Value) -> Self {
        let mut left = MAX_FIELDS;
        let mut form = Self {
            fields: read_properties(schema, "", true, &mut left),
        };
        // A condition on what nobody can enter would hide its field for ever.
        let known: Vec<String> = form.fields.iter().map(|field| field.path.clone()).collect();
        for field in &mut form.fields {
            field.when.take_if(|(other, _)| !known.contains(other));
        }
        form
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

    /// Whether a field is asked: the one on which it depends is asked and says so. Conditions in a circle never hold.
    fn asks(&self, field: &FormField, entered: &BTreeMap<String, String>) -> bool {
        let mut field = field;
        for _ in 0..=self.fields.len() {
            let Some((other, wanted)) = &field.when else {
                return true;
            };
            let Some(other) = self.fields.iter().find(|known| known.path == *other) else {
                return false;
            };
            let text = entered.get(&other.path).map_or("", String::as_str);
            let text = if other.kind == FieldKind::Flag && text.is_empty() {
                "false"
            } else {
                text
            };
            if text != wanted {
                return false;
            }
            field = other;
        }
        false
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
            FieldKind::Text | FieldKind::Password => Some(Value::from(trimmed)),
            // Browsers send line breaks as CRLF, which nobody has typed.
            FieldKind::LongText => Some(Value::from(text.replace("\r\n", "\n"))),
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

/// The fields of an object's properties with the order that the schema gives them.
fn read_properties(schema: &Value, place: &str, insisted: bool, left: &mut usize) -> Vec<FormField> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let order = |property: &Value| {
        let order = property.pointer("/x-launchpad-ui/order");
        order.and_then(Value::as_i64).unwrap_or(i64::MAX)
    };
    let mut properties: Vec<_> = properties.iter().collect();
    // By their order, then by their names: JSON keeps no order of its own here.
    properties.sort_by_key(|(name, property)| (order(property), (*name).clone()));
    let mut fields = Vec::new();
    for (name, property) in properties {
        let path = if place.is_empty() {
            name.clone()
        } else {
            format!("{place}.{name}")
        };
        // Names become those of elements of a page; in an object inside an object nobody finds their way.
        if *left == 0 || !is_plain(name) {
            continue;
        }
        if place.is_empty() && property.get("type").and_then(Value::as_str) == Some("object") {
            fields.extend(read_properties(
                property,
                &path,
                required.contains(&name.as_str()),
                left,
            ));
        } else if let Some(kind) = kind(property) {
            *left -= 1;
            let ui = |key: &str| property.pointer(&format!("/x-launchpad-ui/{key}"));
            let text = |key: &str| bounded(property.get(key).and_then(Value::as_str).unwrap_or_default());
            let label = text("title");
            let sibling =
                |other: &str| format!("{}{other}", path.strip_suffix(name.as_str()).unwrap_or_default());
            fields.push(FormField {
                label: if label.is_empty() { named(name) } else { label },
                help: text("description"),
                // What is inside of an object that may be left out can be left out with it.
                required: required.contains(&name.as_str()) && insisted,
                default: property.get("default").map(text_of).unwrap_or_default(),
                when: ui("when").and_then(Value::as_object).and_then(|when| {
                    let (other, value) = when.iter().next()?;
                    Some((sibling(other), text_of(value)))
                }),
                placeholder: bounded(ui("placeholder").and_then(Value::as_str).unwrap_or_default()),
                path: path.clone(),
                kind,
            });
        }
    }
    fields
}

fn is_plain(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'))
}

/// `own_vnc` as people read it.
fn named(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let mut letters = spaced.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// What a property is entered as; `None`: a form cannot ask for it.
fn kind(property: &Value) -> Option<FieldKind> {
    let widget = property.pointer("/x-launchpad-ui/widget").and_then(Value::as_str);
    if let Some(choices) = choices(property) {
        return Some(if widget == Some("radio") {
            FieldKind::Radio(choices)
        } else {
            FieldKind::Choice(choices)
        });
    }
    let whole = |key: &str| property.get(key).and_then(Value::as_i64);
    let number = |key: &str| property.get(key).and_then(Value::as_f64);
    match property.get("type").and_then(Value::as_str)? {
        "string" => Some(match widget {
            Some("textarea") => FieldKind::LongText,
            Some("password") => FieldKind::Password,
            _ => FieldKind::Text,
        }),
        "integer" => Some(FieldKind::Whole(whole("minimum"), whole("maximum"))),
        "number" => Some(FieldKind::Number(number("minimum"), number("maximum"))),
        "boolean" => Some(FieldKind::Flag),
        "array" => {
            let items = property.pointer("/items/type").and_then(Value::as_str);
            (items == Some("string")).then_some(FieldKind::Lines)
        }
        _ => None,
    }
}

fn choices(property: &Value) -> Option<Vec<FormChoice>> {
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        let choices = values
            .iter()
            .map(|value| FormChoice::new(value.clone(), &text_of(value)));
        return (values.len() <= MAX_CHOICES).then(|| choices.collect());
    }
    let options = property.get("oneOf").and_then(Value::as_array)?;
    if options.len() > MAX_CHOICES {
        return None;
    }
    options
        .iter()
        .map(|option| {
            let value = option.get("const")?.clone();
            let title = option.get("title").and_then(Value::as_str);
            let label = title.map_or_else(|| text_of(&value), str::to_owned);
            Some(FormChoice::new(value, &label))
        })
        .collect()
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
