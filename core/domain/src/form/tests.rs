//! Forms of ordinary and of hostile schemas.

use super::*;
use crate::launch_types::Choice;
use serde_json::json;

fn form() -> Form {
    Form::of(&json!({
        "type": "object",
        "required": ["page"],
        "properties": {
            "page": {"type": "string", "title": "Start page", "description": "Where it begins",
                     "default": "https://example.org/", "x-launchpad-ui": {"order": 1}},
            "size": {"oneOf": [{"const": 1, "title": "Small"}, {"const": 2, "title": "Large"}], "default": 1},
            "kiosk": {"type": "boolean"},
            "seconds": {"type": "integer", "minimum": 1, "x-launchpad-ui": {"when": {"kiosk": true}}},
            "share": {"type": "number"},
            "hosts": {"type": "array", "items": {"type": "string"}},
            "machine": {"type": "object", "properties": {"memory": {"type": "string"}}},
            "odd": {"type": "object", "additionalProperties": {"type": "string"}},
        }
    }))
}

fn entered(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
    texts
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

#[test]
fn a_schema_becomes_fields_and_what_is_entered_its_values() {
    let form = form();
    let first = &form.fields[0];
    assert_eq!(
        (first.path.as_str(), first.label.as_str(), first.required),
        ("page", "Start page", true)
    );
    assert!(form.fields.iter().any(|field| field.path == "machine.memory"));
    let values = form.read(&entered(&[
        ("page", " https://a.example/ "),
        ("size", "2"),
        ("kiosk", "true"),
        ("seconds", "30"),
        ("share", "0.5"),
        ("hosts", "a\r\n\r\nb"),
        ("machine.memory", "2Gi"),
        ("odd", "x"),
    ]));
    let expected = json!({"page": "https://a.example/", "size": 2, "kiosk": true, "seconds": 30, "share": 0.5,
                          "hosts": ["a", "b"], "machine": {"memory": "2Gi"}});
    assert_eq!(Value::Object(values.clone()), expected);
    assert_eq!(form.read(&form.texts(&values)), values);
}

#[test]
fn nothing_is_no_value_and_nonsense_is_left_to_the_schema() {
    let values = form().read(&entered(&[
        ("page", ""),
        ("seconds", "soon"),
        ("kiosk", "true"),
        ("size", "9"),
    ]));
    assert_eq!(
        Value::Object(values),
        json!({"kiosk": true, "seconds": "soon", "size": "9"})
    );
    // Not asked where the field that it depends on says otherwise.
    let values = form().read(&entered(&[("seconds", "30")]));
    assert_eq!(Value::Object(values), json!({}));
}

#[test]
fn what_a_form_cannot_ask_is_kept_apart() {
    let Value::Object(values) = json!({"page": "x", "odd": {"a": "b"}, "seconds": "soon", "other": 1}) else {
        panic!("an object")
    };
    let rest = Value::Object(form().beyond(&values));
    assert_eq!(
        rest,
        json!({"odd": {"a": "b"}, "seconds": "soon", "other": 1}).clone()
    );
}

#[test]
fn choices_of_the_moment_take_the_place_of_the_schemas() {
    let options = vec![FieldOptions {
        path: "size".to_owned(),
        choices: vec![Choice {
            value: json!(7),
            label: "Huge".to_owned(),
        }],
        default: Some(json!(7)),
    }];
    let form = form().with_options(options);
    let values = form.read(&entered(&[("size", "7")]));
    assert!(form.outside_choices(&values).is_empty());
    let values = form.read(&entered(&[("size", "1")]));
    assert_eq!(form.outside_choices(&values)[0].path, "size");
    assert_eq!(form.defaults()["size"], "7");
}

#[test]
fn a_hostile_schema_is_bounded() {
    let many: Map<String, Value> = (0..5_000)
        .map(|n| (format!("p{n}"), json!({"type": "string"})))
        .collect();
    assert_eq!(Form::of(&json!({"properties": many})).fields.len(), 100);
    let choices: Vec<u32> = (0..100_000).collect();
    let form = Form::of(&json!({"properties": {
        "a": {"enum": choices}, "b.c": {"type": "string"}, "d": 7, "<e>": {"type": "string"},
        "f": {"type": "string", "x-launchpad-ui": {"when": {"g": 1}}},
    }}));
    assert_eq!((form.fields.len(), form.fields[0].when.len()), (1, 0), "{form:?}");
    assert!(Form::of(&json!([1])).fields.is_empty());
}

#[test]
fn what_is_not_asked_now_is_not_lost_and_a_circle_asks_nothing() {
    let form = Form::of(&json!({"required": ["agreed"], "properties": {
        "agreed": {"type": "boolean"},
        "kind": {"enum": ["a", "b"]},
        "inner": {"type": "string", "x-launchpad-ui": {"when": {"kind": "b"}}},
        "innermost": {"type": "string", "x-launchpad-ui": {"when": {"inner": "x"}}},
        "one": {"type": "string", "x-launchpad-ui": {"when": {"two": "x"}}},
        "two": {"type": "string", "x-launchpad-ui": {"when": {"one": "x"}}},
        "machine": {"type": "object", "required": ["cpu"], "properties": {"cpu": {"type": "string"}}},
        "quiet": {"type": "boolean"},
    }}));
    let Value::Object(values) = json!({"agreed": false, "kind": "a", "inner": "x", "quiet": false}) else {
        panic!("an object")
    };
    assert_eq!(
        Value::Object(form.beyond(&values)),
        json!({"inner": "x", "quiet": false})
    );
    let sent = entered(&[
        ("kind", "a"),
        ("inner", "x"),
        ("innermost", "y"),
        ("one", "x"),
        ("two", "x"),
    ]);
    assert_eq!(
        Value::Object(form.read(&sent)),
        json!({"agreed": false, "kind": "a"})
    );
    let cpu = form
        .fields
        .iter()
        .find(|field| field.path == "machine.cpu")
        .unwrap();
    assert!(!cpu.required);
}

/// Which fields are asked when this was entered.
fn asked(form: &Form, texts: &[(&str, &str)]) -> Vec<String> {
    let entered = entered(texts);
    let asked = form.fields.iter().filter(|field| form.asks(field, &entered));
    asked.map(|field| field.path.clone()).collect()
}

#[test]
fn branches_of_a_schema_are_fields_that_are_asked_where_they_hold() {
    let form = Form::of(&json!({
        "type": "object",
        "properties": {"kind": {"enum": ["cpu", "gpu", "tpu"]}, "shared": {"type": "boolean"}},
        "if": {"properties": {"kind": {"enum": ["gpu", "tpu"]}}, "required": ["kind"]},
        "then": {"properties": {"cards": {"type": "integer"}}, "required": ["cards"]},
        "else": {"properties": {"cores": {"type": "integer"}, "cards": {"type": "string"}}},
        "allOf": [
            {"if": {"properties": {"shared": {"const": true}}, "required": ["shared"]},
             "then": {"properties": {"team": {"type": "string"}}}},
            {"if": {"properties": {"kind": {"const": "cpu"}}}, "then": {"properties": {"cheap": {"type": "boolean"}}}},
            {"if": {"properties": {"kind": {"minLength": 3}}}, "then": {"properties": {"odd": {"type": "string"}}}},
        ],
        "dependentSchemas": {"cores": {"properties": {"pinned": {"type": "boolean"}}}},
    }));
    assert_eq!(asked(&form, &[("kind", "gpu")]), ["kind", "shared", "cards"]);
    assert_eq!(
        asked(&form, &[("kind", "cpu"), ("cores", "2")]),
        ["kind", "shared", "cores", "cheap", "pinned"]
    );
    // Nothing chosen: the first branch asks for something, the third does not.
    assert_eq!(
        asked(&form, &[("shared", "true")]),
        ["kind", "shared", "cores", "team", "cheap"]
    );
    let cards = form.fields.iter().find(|field| field.path == "cards").unwrap();
    assert!(
        cards.required && matches!(cards.kind, FieldKind::Whole(..)),
        "{cards:?}"
    );
    let values = form.read(&entered(&[("kind", "cpu"), ("cards", "2"), ("cores", "4")]));
    assert_eq!(Value::Object(values), json!({"kind": "cpu", "cores": 4}));
}

#[test]
fn bounds_and_objects_are_told_to_whoever_draws_the_form() {
    let form = Form::of(&json!({"properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 8, "pattern": "^[a-z]+$"},
        "count": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9, "multipleOf": 3},
        "machine": {"type": "object", "title": "The machine", "description": "What it runs on",
                    "properties": {"memory": {"type": "number", "minimum": 0.5}}},
    }}));
    let kinds: Vec<&FieldKind> = form.fields.iter().map(|field| &field.kind).collect();
    let bounds = TextBounds {
        least: Some(2),
        most: Some(8),
        pattern: Some("^[a-z]+$".into()),
    };
    let (count, memory) = (
        FieldKind::Whole(Some(1), Some(9), Some(3)),
        FieldKind::Number(Some(0.5), None, None),
    );
    assert_eq!(kinds, [&count, &memory, &FieldKind::Text(bounds)]);
    let group = form.fields[1].group.as_ref().unwrap();
    assert_eq!(
        (group.path.as_str(), group.label.as_str()),
        ("machine", "The machine")
    );
}
