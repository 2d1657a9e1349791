//! Plans: what a launch type answers, read strictly.
//!
//! A plan comes from a plugin and is hostile until it is parsed. Fields that nobody knows are refused, also
//! inside the pod, where the Kubernetes types would drop them silently.

use k8s_openapi::api::core::v1::PodSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Endpoint, Opens, Problems, ReadyCheck};

/// What a launch type wants to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Send the browser there; http or https.
    Url(String),
    /// Run this.
    Pod(Box<PodPlan>),
}

/// A pod with its claims and the endpoint that the viewer is connected to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PodPlan {
    /// The pod. In an accepted plan it is complete: with labels' values left to the runtime, and with the
    /// limits and the security context that the policy demands.
    pub pod: PodSpec,
    /// The workspaces that the pod mounts.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// Where the session is reached.
    pub endpoint: Endpoint,
    /// When it counts as ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<ReadyCheck>,
}

/// A workspace that a plan asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// By which the pod's volumes name it (`persistentVolumeClaim.claimName`); an accepted plan has the
    /// engine's name for it in both places.
    pub name: String,
    /// How big it is to be, as a Kubernetes quantity: `5Gi`.
    pub size: String,
    /// Whom it belongs to.
    #[serde(default)]
    pub scope: ClaimScope,
    /// Whether one of a session's own outlives it.
    #[serde(default)]
    pub retain: bool,
    /// What kind of storage it is on; an accepted plan has the configured one where the plugin said nothing, and none
    /// where nothing is configured either. Podman has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// From how many machines at once it may be mounted; an accepted plan says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<ClaimAccess>,
    /// Whether another session may mount it while one does; an accepted plan says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
}

impl Claim {
    /// Whether a session may mount it beside another one.
    pub fn is_for_many(&self) -> bool {
        self.shared == Some(true) || self.access == Some(ClaimAccess::ReadWriteMany)
    }
}

/// From how many machines at once a workspace may be mounted, in Kubernetes' words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimAccess {
    /// One machine.
    #[default]
    ReadWriteOnce,
    /// Any number.
    ReadWriteMany,
    /// One pod.
    ReadWriteOncePod,
}

impl ClaimAccess {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }
}

/// Whom a workspace belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimScope {
    /// One user and one app: found again at the next launch.
    #[default]
    UserApp,
    /// One session.
    Session,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    url: Option<String>,
    pod: Option<PodSpec>,
    #[serde(default)]
    claims: Vec<Claim>,
    endpoint: Option<Endpoint>,
    ready: Option<ReadyCheck>,
}

impl Plan {
    /// The version of the plan document that this server reads.
    pub const SCHEMA: u32 = 1;

    /// Reads a plan. Paths in the problems are those of the plugin's own document (`pod.containers[0].image`).
    pub fn parse(document: Value, opens: Opens) -> Result<Self, Problems> {
        let mut problems = Problems::none();
        let parsed = serde_ignored::deserialize::<_, _, Document>(document, |path| {
            problems.add(dotted(&path), "is not a field that a plan has");
        });
        let document = match parsed {
            Ok(document) => document,
            Err(error) => {
                problems.add("", format!("is not a plan: {error}"));
                return Err(problems);
            }
        };
        if document.schema != Self::SCHEMA {
            problems.add("schema", format!("must be {}", Self::SCHEMA));
        }
        match opens {
            Opens::Url => {
                let of_pods =
                    document.pod.is_some() || document.endpoint.is_some() || document.ready.is_some();
                if of_pods || !document.claims.is_empty() {
                    problems.add("pod", "a launch type that opens a URL plans no pod");
                }
                let address = document.url.unwrap_or_default();
                let url = problems
                    .take("url", crate::app::web_address(&address))
                    .unwrap_or_default();
                problems.into_result(Self::Url(url))
            }
            Opens::Pod => {
                if document.url.is_some() {
                    problems.add("url", "a launch type that opens a pod plans no URL");
                }
                match (document.pod, document.endpoint) {
                    (Some(pod), Some(endpoint)) => {
                        endpoint.check(&mut problems);
                        if let Some(ready) = &document.ready {
                            ready.check(&endpoint, &mut problems);
                        }
                        problems.into_result(Self::Pod(Box::new(PodPlan {
                            pod,
                            claims: document.claims,
                            endpoint,
                            ready: document.ready,
                        })))
                    }
                    (pod, endpoint) => {
                        if pod.is_none() {
                            problems.add("pod", "is missing");
                        }
                        if endpoint.is_none() {
                            problems.add("endpoint", "is missing");
                        }
                        Err(problems)
                    }
                }
            }
        }
    }
}

/// `pod.containers.0.image` as people write it: `pod.containers[0].image`.
fn dotted(path: &serde_ignored::Path<'_>) -> String {
    let mut dotted = String::new();
    for part in path.to_string().split('.').filter(|part| *part != "?") {
        if part.chars().all(|c| c.is_ascii_digit()) {
            dotted.extend(["[", part, "]"]);
        } else {
            if !dotted.is_empty() {
                dotted.push('.');
            }
            dotted.push_str(part);
        }
    }
    dotted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({"schema": 1, "pod": {"containers": [{"name": "vnc", "image": "a:1"}]},
               "endpoint": {"kind": "vnc", "container": "vnc", "port": 5900}})
    }

    #[test]
    fn a_pod_plan_is_read() {
        let Plan::Pod(plan) = Plan::parse(pod(), Opens::Pod).unwrap() else {
            panic!("a pod")
        };
        assert_eq!(plan.pod.containers[0].name, "vnc");
        assert_eq!(plan.endpoint.port, 5900);
    }

    #[test]
    fn a_plan_may_serve_pages_and_say_when_it_is_ready() {
        let mut document = pod();
        document["endpoint"] = json!({"kind": "http", "container": "vnc", "port": 8000, "path": "/lab"});
        document["ready"] = json!({"path": "/health", "timeout_s": 30});
        let Plan::Pod(plan) = Plan::parse(document.clone(), Opens::Pod).unwrap() else {
            panic!("a pod")
        };
        assert_eq!(plan.endpoint.first_page(), "/lab");
        assert_eq!(plan.ready.unwrap().path.as_deref(), Some("/health"));
        document["ready"] = json!({"path": "health", "interval": 3});
        let problems = Plan::parse(document, Opens::Pod).unwrap_err();
        assert!(problems.to_string().contains("interval"), "{problems}");
    }

    #[test]
    fn fields_that_kubernetes_types_would_drop_are_refused_with_their_path() {
        let mut document = pod();
        document["pod"]["containers"][0]["priviledged"] = json!(true);
        let problems = Plan::parse(document, Opens::Pod).unwrap_err();
        assert_eq!(problems.0[0].path, "pod.containers[0].priviledged");
    }

    #[test]
    fn a_url_plan_is_an_http_address() {
        let plan = |url: &str| Plan::parse(json!({"schema": 1, "url": url}), Opens::Url);
        assert_eq!(
            plan("https://wiki.example/").unwrap(),
            Plan::Url("https://wiki.example/".into())
        );
        assert!(plan("javascript:alert(1)").is_err());
        assert!(Plan::parse(pod(), Opens::Url).is_err());
        assert!(Plan::parse(json!([]), Opens::Url).is_err());
    }
}
