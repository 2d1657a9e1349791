//! What differs between two documents, field by field.

use std::fmt::Write;

use serde_json::Value;

/// Most differences that are told.
const MOST: usize = 20;
/// Most characters of a value that is shown.
const SHOWN: usize = 200;

/// The differences in words, a few lines each; nothing where there are none.
pub(crate) fn between(expected: &Value, answered: &Value) -> Option<String> {
    let mut found = Vec::new();
    walk("", Some(expected), Some(answered), &mut found);
    if found.is_empty() {
        return None;
    }
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    let mut text = found.join("\n");
    if more > 0 {
        let _ = write!(text, "\nand {more} more differences");
    }
    Some(text)
}

fn walk(path: &str, expected: Option<&Value>, answered: Option<&Value>, found: &mut Vec<String>) {
    match (expected, answered) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let added = other.keys().filter(|name| !one.contains_key(*name));
            for name in one.keys().chain(added) {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                walk(&below, one.get(name), other.get(name), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                walk(
                    &format!("{path}[{index}]"),
                    one.get(index),
                    other.get(index),
                    found,
                );
            }
        }
        (one, other) if one == other => {}
        (one, other) => {
            let place = if path.is_empty() { "the answer" } else { path };
            found.push(format!(
                "{place}\n  expected {}\n  answered {}",
                shown(one),
                shown(other)
            ));
        }
    }
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_told_at_its_place() {
        let one = json!({"a": 1, "b": [{"c": "x"}, 2], "d": null});
        let other = json!({"a": 1, "b": [{"c": "y"}], "e": {}});
        assert_eq!(between(&one, &one), None);
        assert_eq!(
            between(&one, &other).unwrap(),
            "b[0].c\n  expected \"x\"\n  answered \"y\"\nb[1]\n  expected 2\n  answered nothing\n\
             d\n  expected null\n  answered nothing\ne\n  expected nothing\n  answered {}"
        );
    }

    #[test]
    fn much_is_cut_short() {
        let one = json!((0..100).collect::<Vec<_>>());
        let text = between(&one, &json!(["x".repeat(1_000)])).unwrap();
        assert!(text.ends_with("and 80 more differences"), "{text}");
        assert!(text.len() < 3_000, "{}", text.len());
    }
}
