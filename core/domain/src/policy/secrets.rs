//! Secrets in plans: named, never contained. A value of the environment that is exactly `launchpad-secret:NAME` stands
//! for one; it is put in just before the engine is asked, so that no stored plan holds a secret.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec};
use serde_json::Value;

use crate::{Capability, Grants, Problems};

/// What stands before a secret's name.
pub const SECRET_PREFIX: &str = "launchpad-secret:";

/// Refuses secrets that are not granted, and the prefix where it would stand for nothing.
pub(super) fn check(pod: &PodSpec, grants: &Grants, problems: &mut Problems) {
    if let Ok(document) = serde_json::to_value(pod) {
        walk(&document, "pod", grants, problems);
    }
}

fn walk(value: &Value, path: &str, grants: &Grants, problems: &mut Problems) {
    match value {
        Value::String(text) if text.contains(SECRET_PREFIX) => match text.strip_prefix(SECRET_PREFIX) {
            Some(name) if is_environment(path) => {
                let capability = Capability::SecretRef(name);
                if !grants.allows(capability) {
                    problems.add(
                        path,
                        format!("not granted: the launch type needs `{}`", capability.word()),
                    );
                }
            }
            _ => problems.add(
                path,
                format!("`{SECRET_PREFIX}` may only begin the value of an environment variable"),
            ),
        },
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{index}]"), grants, problems);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                walk(field, &format!("{path}.{name}"), grants, problems);
            }
        }
        _ => {}
    }
}

/// `pod.containers[0].env[1].value`.
fn is_environment(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(place, field)| {
        field == "value"
            && place
                .rsplit_once('.')
                .is_some_and(|(_, list)| list.starts_with("env["))
    })
}

/// The names of the secrets that an accepted pod needs.
pub fn secrets_in(pod: &PodSpec) -> Vec<String> {
    let init = pod.init_containers.iter().flatten();
    let all = pod.containers.iter().chain(init);
    all.flat_map(|container| container.env.iter().flatten())
        .filter_map(|variable| named(variable).map(str::to_owned))
        .collect()
}

/// The pod with these secrets in the places of their names.
pub fn with_secrets(mut pod: PodSpec, secrets: &BTreeMap<String, String>) -> PodSpec {
    let put_in = |container: &mut Container| {
        for variable in container.env.iter_mut().flatten() {
            if let Some(secret) = named(variable).and_then(|name| secrets.get(name)) {
                variable.value = Some(secret.clone());
            }
        }
    };
    let init = pod.init_containers.iter_mut().flatten();
    pod.containers.iter_mut().chain(init).for_each(put_in);
    pod
}

fn named(variable: &EnvVar) -> Option<&str> {
    variable.value.as_deref()?.strip_prefix(SECRET_PREFIX)
}
