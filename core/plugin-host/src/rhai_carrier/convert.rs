//! Between JSON and the script's values.

use rhai::Dynamic;
use serde_json::{Map, Number, Value};

use crate::answer::{too_deep, too_large, unreadable};
use crate::call::{Document, Fault, FaultKind};
use crate::limits::{MAX_ANSWER, MAX_DEPTH};

/// A context as the script sees it. Numbers beyond its integers become floating-point.
pub(super) fn to_script(document: &Document) -> Result<Dynamic, Fault> {
    serde_json::from_str(&document.0)
        .map_err(|error| Fault::new(FaultKind::Trap, "its context cannot be read", error.to_string()))
}

/// What a host function answers, as the script sees it.
pub(super) fn answer_to_script(value: Value) -> Dynamic {
    // The target takes every JSON value.
    serde_json::from_value(value).unwrap_or_default()
}

/// A script's value as a document. A field that is `()` is left out, so that a script can write what may be missing where
/// it belongs.
///
/// Bounded while it is read, not afterwards: shared parts of a small value may be a large document.
pub(super) fn from_script(value: &Dynamic) -> Result<Value, Fault> {
    Reader { left: MAX_ANSWER }.read(value, MAX_DEPTH)
}

struct Reader {
    left: usize,
}

impl Reader {
    fn read(&mut self, value: &Dynamic, levels: usize) -> Result<Value, Fault> {
        self.pay(1)?;
        // The most frequent first.
        if let Ok(text) = value.as_immutable_string_ref() {
            self.pay(text.len())?;
            Ok(Value::from(text.as_str()))
        } else if let Ok(fields) = value.as_map_ref() {
            let below = levels.checked_sub(1).ok_or_else(too_deep)?;
            // One by one, as they come sorted: `collect` would sort them again.
            let mut object = Map::new();
            for (name, field) in fields.iter().filter(|(_, field)| !field.is_unit()) {
                self.pay(name.len())?;
                object.insert(name.to_string(), self.read(field, below)?);
            }
            Ok(Value::Object(object))
        } else if let Ok(items) = value.as_array_ref() {
            let below = levels.checked_sub(1).ok_or_else(too_deep)?;
            items.iter().map(|item| self.read(item, below)).collect()
        } else if let Ok(integer) = value.as_int() {
            Ok(Value::from(integer))
        } else if let Ok(flag) = value.as_bool() {
            Ok(Value::Bool(flag))
        } else if value.is_unit() {
            Ok(Value::Null)
        } else if let Ok(float) = value.as_float() {
            Number::from_f64(float)
                .map(Value::Number)
                .ok_or_else(|| unreadable(&format!("{float} is no JSON number")))
        } else if let Ok(character) = value.as_char() {
            Ok(Value::from(character.to_string()))
        } else {
            Err(unreadable(&format!(
                "{} is nothing that JSON has",
                value.type_name()
            )))
        }
    }

    fn pay(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(bytes).ok_or_else(too_large)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_without_a_value_are_left_out_and_items_are_null() {
        let engine = rhai::Engine::new();
        let value = engine.eval("#{ a: (), b: [(), #{ c: () }], d: false }").unwrap();
        assert_eq!(from_script(&value).unwrap(), json!({"b": [null, {}], "d": false}));
    }
}
