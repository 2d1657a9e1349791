//! JSON Schema (draft 2020-12): the manifest, an app's settings, a user's choices.
//!
//! A schema comes from a plugin and is not trusted: nothing is fetched for it, and its patterns run in time
//! linear in what they read.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use launchpad_domain::{AppField, Form, Problems};
use serde_json::Value;

/// Most problems that one check tells.
const MAX_PROBLEMS: usize = 50;

/// Our keyword: which fields of an app a launch type needs, beyond its settings.
const NEEDS: &str = "x-launchpad-needs";

/// A compiled schema.
#[derive(Debug)]
pub(crate) struct Schema {
    validator: Validator,
    needs: Vec<AppField>,
    form: Form,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// In words, where it is no such schema, refers to another document, or has a pattern beyond regular
    /// expressions.
    pub(crate) fn compile(document: &Value) -> Result<Self, String> {
        if !document.is_object() {
            return Err("a schema must be an object".to_owned());
        }
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .offline()
            .build(document)
            .map_err(|error| format!("{error} (at {})", error.instance_path()))?;
        Ok(Self {
            validator,
            needs: needs(document)?,
            form: Form::of(document),
        })
    }

    /// The form that asks for it.
    pub(crate) fn form(&self) -> &Form {
        &self.form
    }

    /// What the app must have beyond its settings.
    pub(crate) fn needs(&self) -> &[AppField] {
        &self.needs
    }

    /// Everything that is wrong with a value; paths begin with `root`, which may be empty.
    pub(crate) fn check(&self, value: &Value, root: &str) -> Problems {
        let mut problems = Problems::none();
        for error in self.validator.iter_errors(value).take(MAX_PROBLEMS) {
            tell(&error, root, &mut problems);
        }
        problems
    }
}

fn needs(document: &Value) -> Result<Vec<AppField>, String> {
    let wrong = || format!("{NEEDS} must be a list of \"url\" and \"container_image\"");
    let Some(list) = document.get(NEEDS) else {
        return Ok(Vec::new());
    };
    list.as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|field| match field.as_str() {
            Some("url") => Ok(AppField::Url),
            Some("container_image") => Ok(AppField::ContainerImage),
            _ => Err(wrong()),
        })
        .collect()
}

/// One error of the library as problems of ours: at the field itself, without the sender's value in it.
fn tell(error: &ValidationError<'_>, root: &str, problems: &mut Problems) {
    use ValidationErrorKind as Kind;
    let here = dotted(root, error.instance_path());
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                problems.add(below(&here, name), "is not known here");
            }
        }
        Kind::Required { property } => {
            problems.add(below(&here, property.as_str().unwrap_or_default()), "is missing");
        }
        Kind::Type {
            kind: TypeKind::Single(kind),
        } => problems.add(here, format!("must be of type {kind}")),
        Kind::Enum { options } => problems.add(here, format!("must be one of {options}")),
        Kind::Constant { expected_value } => problems.add(here, format!("must be {expected_value}")),
        Kind::Pattern { pattern } => problems.add(here, format!("must look like {pattern}")),
        Kind::Minimum { limit } => problems.add(here, format!("must be at least {limit}")),
        Kind::Maximum { limit } => problems.add(here, format!("must be at most {limit}")),
        Kind::MinLength { limit } => problems.add(here, format!("must have at least {limit} characters")),
        Kind::MaxLength { limit } => problems.add(here, format!("must have at most {limit} characters")),
        Kind::MaxItems { limit } => problems.add(here, format!("must have at most {limit} items")),
        Kind::PropertyNames { error } => {
            problems.add(
                here,
                format!("has a name in it that is wrong: {}", error.masked()),
            );
        }
        _ => problems.add(here, error.masked().to_string()),
    }
}

fn dotted(root: &str, location: &Location) -> String {
    let mut path = root.to_owned();
    for segment in location {
        match segment {
            LocationSegment::Property(name) => path = below(&path, &name),
            LocationSegment::Index(index) => path = format!("{path}[{index}]"),
        }
    }
    path
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_problem_stands_at_its_field() {
        let schema = Schema::compile(&json!({
            "type": "object",
            "required": ["size"],
            "properties": {"env": {"type": "array", "items": {"type": "string"}}},
            "additionalProperties": false
        }))
        .unwrap();
        let problems = schema.check(&json!({"env": ["a", 1], "x": 1}), "settings");
        let mut paths: Vec<_> = problems.0.iter().map(|problem| problem.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["settings.env[1]", "settings.size", "settings.x"]);
    }

    #[test]
    fn a_schema_fetches_nothing_and_backtracks_never() {
        assert!(Schema::compile(&json!({"$ref": "https://example.org/s.json"})).is_err());
        assert!(Schema::compile(&json!({"$ref": "file:///etc/passwd"})).is_err());
        assert!(Schema::compile(&json!({"pattern": "^(a+)+\\1$"})).is_err());
        assert!(Schema::compile(&json!({"x-launchpad-needs": ["password"]})).is_err());
    }
}
