//! From a schema to the fields of a form.

use serde_json::Value;

use super::{
    Condition, FieldGroup, FieldKind, Form, FormChoice, FormField, MAX_CHOICES, TextBounds, bounded, text_of,
};

/// Most fields of a form.
const MAX_FIELDS: usize = 100;
/// Most conditional parts of a schema.
const MAX_PARTS: usize = 50;
/// Longest name of a property.
const MAX_NAME: usize = 64;
/// Longest regular expression that a page carries.
const MAX_PATTERN: usize = 500;

/// Reads a schema. What a form cannot express is left out.
pub(super) fn read(schema: &Value) -> Form {
    let mut left = MAX_FIELDS;
    let mut fields = properties(schema, &Place::default(), &mut left);
    for (part, when) in conditional(schema) {
        let place = Place {
            when,
            ..Place::default()
        };
        let more = properties(part, &place, &mut left);
        // One field for one value: where two branches ask for it, the first one does.
        fields.extend(
            more.into_iter()
                .filter(|new| is_new(new, &fields))
                .collect::<Vec<_>>(),
        );
    }
    // A condition on what nobody can enter would hide its field for ever.
    let known: Vec<String> = fields.iter().map(|field| field.path.clone()).collect();
    for field in &mut fields {
        field.when.retain(|condition| known.contains(&condition.other));
    }
    Form { fields }
}

fn is_new(field: &FormField, known: &[FormField]) -> bool {
    known.iter().all(|other| other.path != field.path)
}

/// Where properties are: in which object, and under which conditions.
#[derive(Debug, Clone, Default)]
struct Place {
    group: Option<FieldGroup>,
    /// Whether the object may be left out.
    optional: bool,
    when: Vec<Condition>,
}

/// The parts of a schema that hold under a condition, with the condition.
fn conditional(schema: &Value) -> Vec<(&Value, Vec<Condition>)> {
    let mut parts = Vec::new();
    let all = schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for part in std::iter::once(schema).chain(all).take(MAX_PARTS) {
        let conditions = part.get("if").map(conditions).unwrap_or_default();
        if conditions.is_empty() {
            continue;
        }
        if let Some(then) = part.get("then") {
            parts.push((then, conditions.clone()));
        }
        // That one of several does not hold is more than a form can tell.
        if let ([only], Some(otherwise)) = (conditions.as_slice(), part.get("else")) {
            let negated = Condition {
                negated: !only.negated,
                ..only.clone()
            };
            parts.push((otherwise, vec![negated]));
        }
    }
    let depending = schema.get("dependentSchemas").and_then(Value::as_object);
    for (other, part) in depending.into_iter().flatten().take(MAX_PARTS) {
        parts.push((part, vec![given(other)]));
    }
    parts
}

/// That something was entered.
fn given(other: &str) -> Condition {
    Condition {
        other: other.to_owned(),
        texts: vec![String::new(), "false".to_owned()],
        negated: true,
    }
}

/// What an `if` asks of single properties; nothing where it asks for more than a form can tell.
fn conditions(schema: &Value) -> Vec<Condition> {
    let required = required(schema);
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return required.into_iter().map(given).collect();
    };
    let told = properties.iter().map(|(name, property)| {
        let values = match (
            property.get("const"),
            property.get("enum").and_then(Value::as_array),
        ) {
            (Some(value), _) => vec![value],
            (None, Some(values)) => values.iter().take(MAX_CHOICES).collect(),
            (None, None) => return None,
        };
        let mut texts: Vec<String> = values.into_iter().map(text_of).collect();
        // What is not there fits any condition that does not ask for it to be there.
        if !required.contains(&name.as_str()) {
            texts.push(String::new());
        }
        Some(Condition {
            other: name.clone(),
            texts,
            negated: false,
        })
    });
    let there = required.iter().filter(|name| !properties.contains_key(**name));
    let there = there.map(|name| Some(given(name)));
    told.chain(there).collect::<Option<_>>().unwrap_or_default()
}

fn required(schema: &Value) -> Vec<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The fields of an object's properties in the order that the schema gives them.
fn properties(schema: &Value, place: &Place, left: &mut usize) -> Vec<FormField> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let required = required(schema);
    let order = |property: &Value| {
        let order = property.pointer("/x-launchpad-ui/order");
        order.and_then(Value::as_i64).unwrap_or(i64::MAX)
    };
    let mut properties: Vec<_> = properties.iter().collect();
    // By their order, then by their names: JSON keeps no order of its own here.
    properties.sort_by_key(|(name, property)| (order(property), (*name).clone()));
    let mut fields = Vec::new();
    for (name, property) in properties {
        // Names become those of elements of a page; in an object inside an object nobody finds their way.
        if *left == 0 || !is_plain(name) {
            continue;
        }
        let insisted = required.contains(&name.as_str());
        if place.group.is_none() && property.get("type").and_then(Value::as_str) == Some("object") {
            let inside = Place {
                group: Some(FieldGroup {
                    path: name.clone(),
                    label: label(name, property),
                    help: text(property, "description"),
                }),
                optional: !insisted,
                when: place.when.clone(),
            };
            fields.extend(self::properties(property, &inside, left));
        } else if let Some(kind) = kind(property) {
            *left -= 1;
            fields.push(field(name, property, kind, insisted, place));
        }
    }
    fields
}

fn field(name: &str, property: &Value, kind: FieldKind, insisted: bool, place: &Place) -> FormField {
    let ui = |key: &str| property.pointer(&format!("/x-launchpad-ui/{key}"));
    let beside = |name: &str| match &place.group {
        Some(group) => format!("{}.{name}", group.path),
        None => name.to_owned(),
    };
    let when = ui("when")
        .and_then(Value::as_object)
        .and_then(|when| when.iter().next());
    let when = when.map(|(other, value)| Condition {
        other: beside(other),
        texts: vec![text_of(value)],
        negated: false,
    });
    FormField {
        path: beside(name),
        label: label(name, property),
        help: text(property, "description"),
        // What is inside of an object that may be left out can be left out with it.
        required: insisted && !place.optional,
        default: property.get("default").map(text_of).unwrap_or_default(),
        when: place.when.iter().cloned().chain(when).collect(),
        placeholder: bounded(ui("placeholder").and_then(Value::as_str).unwrap_or_default()),
        group: place.group.clone(),
        kind,
    }
}

fn text(property: &Value, key: &str) -> String {
    bounded(property.get(key).and_then(Value::as_str).unwrap_or_default())
}

fn label(name: &str, property: &Value) -> String {
    let title = text(property, "title");
    if title.is_empty() { named(name) } else { title }
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
    match property.get("type").and_then(Value::as_str)? {
        "string" => Some(match widget {
            Some("textarea") => FieldKind::LongText(bounds(property)),
            Some("password") => FieldKind::Password(bounds(property)),
            _ => FieldKind::Text(bounds(property)),
        }),
        "integer" => {
            let whole = |key: &str| property.get(key).and_then(Value::as_i64);
            let least = whole("minimum").or_else(|| whole("exclusiveMinimum")?.checked_add(1));
            let most = whole("maximum").or_else(|| whole("exclusiveMaximum")?.checked_sub(1));
            Some(FieldKind::Whole(least, most, whole("multipleOf")))
        }
        "number" => {
            let number = |key: &str| property.get(key).and_then(Value::as_f64);
            Some(FieldKind::Number(
                number("minimum"),
                number("maximum"),
                number("multipleOf"),
            ))
        }
        "boolean" => Some(FieldKind::Flag),
        "array" => {
            let items = property.pointer("/items/type").and_then(Value::as_str);
            (items == Some("string")).then_some(FieldKind::Lines)
        }
        _ => None,
    }
}

fn bounds(property: &Value) -> TextBounds {
    let count = |key: &str| property.get(key).and_then(Value::as_u64);
    let pattern = property.get("pattern").and_then(Value::as_str);
    TextBounds {
        least: count("minLength"),
        most: count("maxLength"),
        pattern: pattern
            .filter(|pattern| pattern.len() <= MAX_PATTERN)
            .map(str::to_owned),
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
