//! What a person chose about how the portal looks to them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AppId, Problems};

/// The colour scheme that somebody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The stored and published spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl FromStr for Theme {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "light" => Ok(Self::Light),
            "dark" => Ok(Self::Dark),
            _ => Err("must be light or dark".to_owned()),
        }
    }
}

/// The most entries that either list of [`Preferences`] may have.
pub const MAX_ENTRIES: usize = 1_000;

/// A person's preferences, as `/api/preferences` speaks of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `None`: never chosen, the browser's setting counts.
    pub theme: Option<Theme>,
    /// Categories that are folded away in the catalogue.
    pub collapsed_categories: Vec<String>,
    /// Apps that stand first.
    pub favorites: Vec<AppId>,
}

impl Preferences {
    /// Checks what somebody sent; every problem at once. Repeated entries are kept once.
    pub fn parse(
        theme: Option<&str>,
        collapsed: Vec<String>,
        favorites: Vec<String>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::none();
        let theme = theme.and_then(|text| problems.take("theme", text.parse()));
        for (path, length) in [
            ("collapsed_categories", collapsed.len()),
            ("favorites", favorites.len()),
        ] {
            if length > MAX_ENTRIES {
                problems.add(path, format!("must have at most {MAX_ENTRIES} entries"));
            }
        }
        let mut parsed = Self {
            theme,
            ..Self::default()
        };
        for (index, name) in collapsed.into_iter().take(MAX_ENTRIES).enumerate() {
            if name.chars().count() > crate::app::MAX_CATEGORY {
                problems.add(
                    format!("collapsed_categories[{index}]"),
                    "is longer than any category's name",
                );
            } else if !parsed.collapsed_categories.contains(&name) {
                parsed.collapsed_categories.push(name);
            }
        }
        for (index, id) in favorites.into_iter().take(MAX_ENTRIES).enumerate() {
            if let Some(id) = problems.take(&format!("favorites[{index}]"), id.parse::<AppId>())
                && !parsed.favorites.contains(&id)
            {
                parsed.favorites.push(id);
            }
        }
        problems.into_result(parsed)
    }
}
