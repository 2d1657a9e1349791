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
    assert_eq!(Form::of(&json!({"properties": many})).fields.len(), MAX_FIELDS);
    let choices: Vec<u32> = (0..100_000).collect();
    let form = Form::of(&json!({"properties": {
        "a": {"enum": choices}, "b.c": {"type": "string"}, "d": 7, "<e>": {"type": "string"},
        "f": {"type": "string", "x-launchpad-ui": {"when": {"g": 1}}},
    }}));
    assert_eq!((form.fields.len(), &form.fields[0].when), (1, &None), "{form:?}");
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
