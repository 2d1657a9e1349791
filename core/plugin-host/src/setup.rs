//! What the host is told when it is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use launchpad_domain::plugins::Approval;
use launchpad_domain::{Clock, PluginServices};
use serde_json::{Map, Value};

use crate::{Ceiling, NothingGranted, Source};

/// Where plugins come from, and what they get.
#[derive(Debug)]
pub struct Setup {
    /// Plugins one by one, in this order.
    pub sources: Vec<Source>,
    /// Folders of plugins: each of their subfolders is one. Looked at again at every reload.
    pub folders: Vec<PathBuf>,
    /// The capabilities that the operator grants, by plugin id. A shipped plugin has what it asks for.
    pub granted: BTreeMap<String, BTreeSet<String>>,
    /// What administrators approved beside that.
    pub approved: Vec<Approval>,
    /// The most that any plugin may use.
    pub ceiling: Ceiling,
    /// The operator's configuration of plugins, by plugin id.
    pub configs: BTreeMap<String, Map<String, Value>>,
    /// Where compiled components are kept, which makes the next start fast. The folder is made if it is not there; it
    /// must be this user's alone (mode 0700), else it is not used and the log says so.
    pub cache: Option<PathBuf>,
    /// What host functions need.
    pub services: Arc<dyn PluginServices>,
    /// The time, for what is remembered of calls.
    pub clock: Arc<dyn Clock>,
}

impl Setup {
    /// These plugins alone, without grants, configuration, cache and services.
    pub fn of(sources: Vec<Source>, clock: Arc<dyn Clock>) -> Self {
        Self {
            sources,
            folders: Vec::new(),
            granted: BTreeMap::new(),
            approved: Vec::new(),
            ceiling: Ceiling::default(),
            configs: BTreeMap::new(),
            cache: None,
            services: Arc::new(NothingGranted),
            clock,
        }
    }
}
