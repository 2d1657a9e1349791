//! What this Podman can do for its user.

use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};
use launchpad_domain::RuntimeError;
use serde::Deserialize;

use super::command::{Call, Cli};

/// Asked once: none of it changes while the machine runs.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Abilities {
    host: Host,
    version: Version,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Host {
    cgroup_controllers: Option<Vec<String>>,
    security: Security,
}

#[derive(Debug, Clone, Deserialize)]
struct Security {
    rootless: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

/// The limits that containers are given, which are also the names of the controllers that keep them.
const LIMITS: [&str; 2] = ["cpu", "memory"];

impl Abilities {
    pub(super) async fn ask(cli: &Cli) -> Result<Self, RuntimeError> {
        let told = cli.run(Call::quick(&["info", "--format", "json"])).await?;
        serde_json::from_slice(&told.into_answer()?)
            .map_err(|error| RuntimeError::Away(format!("the answer of podman info cannot be read: {error}")))
    }

    /// In a few words.
    pub(super) fn describe(&self) -> String {
        let rootless = if self.host.security.rootless {
            ", rootless"
        } else {
            ""
        };
        let missing: Vec<&str> = LIMITS
            .into_iter()
            .filter(|limit| !self.can_limit(limit))
            .collect();
        let unlimited = if missing.is_empty() {
            ""
        } else {
            ", without limits of "
        };
        format!(
            "Podman {}{rootless}{unlimited}{}",
            self.version.version,
            missing.join(" and ")
        )
    }

    /// An ordinary user on cgroup v1 has no controllers, one on v2 those that the administrator delegated.
    fn can_limit(&self, resource: &str) -> bool {
        self.host
            .cgroup_controllers
            .iter()
            .flatten()
            .any(|controller| controller == resource)
    }

    /// Takes away the limits that this Podman cannot keep: with them it would not start the container at all.
    pub(super) fn drop_impossible_limits(&self, spec: &mut PodSpec) {
        for container in spec
            .containers
            .iter_mut()
            .chain(spec.init_containers.iter_mut().flatten())
        {
            let Some(ResourceRequirements { limits, requests, .. }) = &mut container.resources else {
                continue;
            };
            for given in [limits, requests].into_iter().flatten() {
                given.retain(|resource, _| !LIMITS.contains(&resource.as_str()) || self.can_limit(resource));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn abilities(controllers: &[&str]) -> Abilities {
        serde_json::from_value(json!({"version": {"Version": "4.3.1"},
            "host": {"cgroupControllers": controllers, "security": {"rootless": true}}}))
        .unwrap()
    }

    #[test]
    fn only_limits_that_can_be_kept_are_asked_for() {
        let limits = json!({"cpu": "2", "memory": "1Gi", "ephemeral-storage": "5Gi"});
        let pod =
            json!({"containers": [{"name": "a", "resources": {"limits": limits, "requests": {"cpu": "1"}}}]});
        let mut spec: PodSpec = serde_json::from_value(pod).unwrap();
        abilities(&["memory", "pids"]).drop_impossible_limits(&mut spec);
        let left = serde_json::to_value(&spec).unwrap();
        let resources = &left["containers"][0]["resources"];
        assert_eq!(
            resources["limits"],
            json!({"memory": "1Gi", "ephemeral-storage": "5Gi"})
        );
        assert_eq!(resources["requests"], json!({}));
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(abilities(&["cpu", "memory"]).describe(), "Podman 4.3.1, rootless");
        assert_eq!(
            abilities(&[]).describe(),
            "Podman 4.3.1, rootless, without limits of cpu and memory"
        );
    }
}
