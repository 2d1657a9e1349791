//! Reads one setting at a time out of the merged layers, and notes what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use figment::Figment;
use figment::value::Value;
use serde_json::{Map, Value as Json};

use super::keys::Key;
use super::problem::ConfigProblems;

/// The merged layers and what was found wrong in them so far.
pub(super) struct Reader {
    figment: Figment,
    pub(super) problems: ConfigProblems,
}

impl Reader {
    pub(super) fn new(figment: Figment, problems: ConfigProblems) -> Self {
        Self { figment, problems }
    }

    /// Where the setting was set last; empty where it was not.
    pub(super) fn origin(&self, key: Key) -> String {
        self.figment
            .find_value(key.path)
            .ok()
            .and_then(|value| self.figment.get_metadata(value.tag()))
            .map(|metadata| metadata.name.to_string())
            .unwrap_or_default()
    }

    pub(super) fn wrong(&mut self, key: Key, message: impl Into<String>) {
        let origin = self.origin(key);
        self.problems.add(key.path, &origin, message);
    }

    fn value(&self, key: Key) -> Option<Value> {
        self.figment.find_value(key.path).ok()
    }

    /// The setting as text, empty where it is not set; `None` where it is none. A number in a file is no text, a
    /// variable always is.
    pub(super) fn text(&mut self, key: Key) -> Option<String> {
        match self.value(key) {
            None => Some(String::new()),
            Some(Value::String(_, text)) => Some(text),
            Some(_) => {
                self.wrong(key, "must be text in quotes");
                None
            }
        }
    }

    /// The setting, parsed; `None` where it is wrong, which is noted.
    pub(super) fn parsed<T>(&mut self, key: Key, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(key)?;
        parse(text.trim())
            .map_err(|message| self.wrong(key, message))
            .ok()
    }

    /// The same where empty means that nothing is set.
    pub(super) fn optional<T>(
        &mut self,
        key: Key,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parsed(key, |text| match text {
            "" => Ok(None),
            text => parse(text).map(Some),
        })
        .flatten()
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(&mut self, key: Key, least: u64, most: u64) -> Option<u64> {
        let number = match self.value(key) {
            Some(Value::String(_, text)) => text.trim().parse().ok(),
            Some(Value::Num(_, number)) => number
                .to_i128()
                .and_then(|number| u64::try_from(number).ok())
                .or_else(|| number.to_u128().and_then(|number| u64::try_from(number).ok())),
            _ => None,
        };
        let found = number.filter(|number| (least..=most).contains(number));
        if found.is_none() {
            self.wrong(key, format!("must be a whole number from {least} to {most}"));
        }
        found
    }

    /// Paths: a list in a file, separated by colons in a variable.
    pub(super) fn paths(&mut self, key: Key) -> Vec<PathBuf> {
        match self.value(key) {
            Some(Value::String(_, text)) => std::env::split_paths(&text)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            Some(Value::Array(_, items)) => {
                let paths: Option<Vec<PathBuf>> = items
                    .iter()
                    .map(|item| item.as_str().map(PathBuf::from))
                    .collect();
                if paths.is_none() {
                    self.wrong(key, "must be a list of texts");
                }
                paths.unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Words by name: a table of lists in a file, `name=word,word;name=word` in a variable.
    pub(super) fn words_by_name(&mut self, key: Key) -> BTreeMap<String, BTreeSet<String>> {
        let read = match self.value(key) {
            Some(Value::String(_, text)) => words_of_text(&text),
            Some(Value::Dict(_, table)) => table
                .into_iter()
                .map(|(name, words)| Some((name, words.deserialize::<BTreeSet<String>>().ok()?)))
                .collect(),
            _ => Some(BTreeMap::new()),
        };
        if read.is_none() {
            self.wrong(key, "must be a table of lists, or name=word,word;name=word");
        }
        read.unwrap_or_default()
    }
}

impl Reader {
    /// Tables by name: of any shape in a file, one JSON object of objects in a variable.
    pub(super) fn documents(&mut self, key: Key) -> BTreeMap<String, Map<String, Json>> {
        let read = match self.value(key) {
            Some(Value::String(_, text)) if text.trim().is_empty() => Ok(BTreeMap::new()),
            Some(Value::String(_, text)) => serde_json::from_str(&text).map_err(|error| error.to_string()),
            Some(table) => table.deserialize().map_err(|error| error.to_string()),
            None => Ok(BTreeMap::new()),
        };
        read.unwrap_or_else(|error| {
            self.wrong(
                key,
                format!("must be a table for each plugin, or a JSON object of objects: {error}"),
            );
            BTreeMap::new()
        })
    }

    /// Values separated by spaces.
    pub(super) fn list<T>(&mut self, key: Key, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        self.parsed(key, |text| {
            text.split_whitespace().map(&parse).collect::<Result<_, _>>()
        })
        .unwrap_or_default()
    }
}

fn words_of_text(text: &str) -> Option<BTreeMap<String, BTreeSet<String>>> {
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, words) = part.split_once('=')?;
            let words = words.split(',').map(|word| word.trim().to_owned()).collect();
            Some((name.trim().to_owned(), words))
        })
        .collect()
}
