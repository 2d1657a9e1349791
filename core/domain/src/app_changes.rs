//! What an import would change in the catalogue: found before anything is written, and told in the same words.

use serde::Serialize;

use crate::{App, AppId};

/// What becomes of apps that an import does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// They stay.
    Keep,
    /// They are removed.
    Remove,
}

/// What an import wants to be in the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedApps {
    /// The apps.
    pub apps: Vec<App>,
    /// Those of them that stand first in their categories, in this order; none: the order stays as it is.
    pub order: Vec<AppId>,
}

/// The difference between the catalogue and an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AppChanges {
    /// Apps that are not there yet.
    pub added: Vec<AppId>,
    /// Apps that are there and differ.
    pub updated: Vec<AppUpdate>,
    /// Apps that go.
    pub removed: Vec<AppId>,
    /// How many are there as they should be.
    pub unchanged: usize,
    /// Whether apps change places.
    pub reordered: bool,
}

/// An app that differs, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppUpdate {
    /// The app.
    pub id: AppId,
    /// The fields that differ, by their published names.
    pub fields: Vec<&'static str>,
}

impl AppChanges {
    /// What must be done to the apps `now` so that those `wanted` are there.
    pub fn between(now: &[App], wanted: &[App], unnamed: Unnamed) -> Self {
        let mut changes = Self::default();
        for app in wanted {
            match now.iter().find(|known| known.id == app.id) {
                None => changes.added.push(app.id.clone()),
                Some(known) => match differing(known, app) {
                    fields if fields.is_empty() => changes.unchanged += 1,
                    fields => changes.updated.push(AppUpdate {
                        id: app.id.clone(),
                        fields,
                    }),
                },
            }
        }
        if unnamed == Unnamed::Remove {
            let is_named = |app: &&App| wanted.iter().any(|named| named.id == app.id);
            let gone = now.iter().filter(|app| !is_named(app));
            changes.removed.extend(gone.map(|app| app.id.clone()));
        }
        changes
    }
}

fn differing(one: &App, other: &App) -> Vec<&'static str> {
    [
        ("name", one.name != other.name),
        ("description", one.description != other.description),
        ("url", one.url != other.url),
        ("icon", one.icon != other.icon),
        ("category", one.category != other.category),
        ("launch_type", one.launch_type != other.launch_type),
        ("container_image", one.container_image != other.container_image),
        ("settings", one.settings != other.settings),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppDraft;

    fn app(id: &str, name: &str) -> App {
        let draft = AppDraft {
            id: id.to_owned(),
            name: name.to_owned(),
            ..AppDraft::default()
        };
        draft.parse(&"url".parse().unwrap()).unwrap()
    }

    #[test]
    fn changes_are_told_by_app_and_field() {
        let now = [app("a", "A"), app("b", "B"), app("c", "C")];
        let wanted = [app("a", "A"), app("b", "Bee"), app("d", "D")];
        let kept = AppChanges::between(&now, &wanted, Unnamed::Keep);
        assert_eq!(kept.unchanged, 1);
        assert_eq!(kept.updated[0].fields, ["name"]);
        assert_eq!(kept.added, ["d".parse().unwrap()]);
        assert!(kept.removed.is_empty());
        let pruned = AppChanges::between(&now, &wanted, Unnamed::Remove);
        assert_eq!(pruned.removed, ["c".parse().unwrap()]);
    }
}
