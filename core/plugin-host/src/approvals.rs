//! What plugins are given, beyond what they ask for nothing is.

use std::collections::{BTreeMap, BTreeSet};

use arc_swap::ArcSwap;
use launchpad_domain::plugins::Approval;
use launchpad_domain::{Grants, LaunchTypeId};

use crate::Source;
use crate::manifest::Manifest;

/// A plugin in a place: another with its id elsewhere is another plugin.
type Holder = (LaunchTypeId, String);

/// What the operator's configuration gives, and what administrators approved.
#[derive(Debug)]
pub(crate) struct Approvals {
    configured: BTreeMap<String, BTreeSet<String>>,
    approved: ArcSwap<BTreeMap<Holder, BTreeSet<String>>>,
}

/// What one plugin has.
#[derive(Debug)]
pub(crate) struct Given {
    /// All of it.
    pub(crate) grants: Grants,
    /// What only an administrator gave.
    pub(crate) approved: BTreeSet<String>,
}

impl Approvals {
    pub(crate) fn new(configured: BTreeMap<String, BTreeSet<String>>, approved: Vec<Approval>) -> Self {
        let approved = approved.into_iter().map(entry).collect::<BTreeMap<_, _>>();
        Self {
            configured,
            approved: ArcSwap::from_pointee(approved),
        }
    }

    /// Takes the place of what was approved before; `false` if that was the same.
    pub(crate) fn approve(&self, approval: Approval) -> bool {
        let (holder, words) = entry(approval);
        let before = self.approved.rcu(|current| {
            let mut next = BTreeMap::clone(current);
            next.insert(holder.clone(), words.clone());
            next
        });
        before.get(&holder) != Some(&words)
    }

    /// What the manifest asks for and somebody gives; to a plugin that is part of the program, all that it asks for.
    pub(crate) fn given(&self, source: &Source, manifest: &Manifest) -> Given {
        let asked = &manifest.asked.0;
        if source.is_shipped() {
            return Given {
                grants: manifest.asked.clone(),
                approved: BTreeSet::new(),
            };
        }
        let approved = self.approved.load();
        let holder = (manifest.id.clone(), source.to_string());
        let of_both = |words: Option<&BTreeSet<String>>| -> BTreeSet<String> {
            words.map_or_else(BTreeSet::new, |words| {
                asked.intersection(words).cloned().collect()
            })
        };
        let configured = of_both(self.configured.get(manifest.id.as_str()));
        let approved = of_both(approved.get(&holder));
        Given {
            approved: approved.difference(&configured).cloned().collect(),
            grants: Grants(&configured | &approved),
        }
    }
}

fn entry(approval: Approval) -> (Holder, BTreeSet<String>) {
    ((approval.id, approval.source), approval.capabilities)
}
