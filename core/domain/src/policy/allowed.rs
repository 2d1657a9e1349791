//! The list of fields that a pod may have. Everything else is refused by name.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::Value;

use crate::Problems;

/// Field names that may stand at a place; `*` stands for any key of a map or any index of a list.
const POD: &[&str] = &[
    "activeDeadlineSeconds",
    "automountServiceAccountToken",
    "containers",
    "enableServiceLinks",
    "hostname",
    "initContainers",
    "restartPolicy",
    "securityContext",
    "terminationGracePeriodSeconds",
    "volumes",
];
const POD_SECURITY: &[&str] = &[
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seccompProfile",
    "supplementalGroups",
];
const CONTAINER: &[&str] = &[
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "volumeMounts",
    "workingDir",
];
const CONTAINER_SECURITY: &[&str] = &[
    "allowPrivilegeEscalation",
    "capabilities",
    "privileged",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seccompProfile",
];
const ENV: &[&str] = &["name", "value"];
const PORT: &[&str] = &["containerPort", "name", "protocol"];
const RESOURCES: &[&str] = &["limits", "requests"];
const MOUNT: &[&str] = &["mountPath", "name", "readOnly", "subPath"];
const VOLUME: &[&str] = &["emptyDir", "name", "persistentVolumeClaim"];
const SECCOMP: &[&str] = &["type"];
const CAPABILITIES: &[&str] = &["add", "drop"];
const PROBE: &[&str] = &[
    "failureThreshold",
    "initialDelaySeconds",
    "periodSeconds",
    "successThreshold",
    "tcpSocket",
    "timeoutSeconds",
];
const PROBE_SOCKET: &[&str] = &["port"];

/// Refuses every field of the pod that is not on the list.
pub(super) fn check(pod: &PodSpec, problems: &mut Problems) {
    match serde_json::to_value(pod) {
        Ok(document) => walk(&document, "pod", POD, problems),
        Err(error) => problems.add("pod", format!("cannot be written down: {error}")),
    }
}

fn walk(object: &Value, path: &str, allowed: &[&str], problems: &mut Problems) {
    let Value::Object(fields) = object else { return };
    for (name, value) in fields {
        let here = format!("{path}.{name}");
        if !allowed.contains(&name.as_str()) {
            problems.add(here, "is not something that a plan may set");
            continue;
        }
        let Some(list) = children(path, name) else {
            continue;
        };
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{here}[{index}]"), list, problems);
                }
            }
            single => walk(single, &here, list, problems),
        }
    }
}

/// The list for the objects below a field, if they are objects with a fixed set of fields.
fn children(path: &str, name: &str) -> Option<&'static [&'static str]> {
    let list = match name {
        "containers" | "initContainers" => CONTAINER,
        "volumes" => VOLUME,
        "securityContext" if path == "pod" => POD_SECURITY,
        "securityContext" => CONTAINER_SECURITY,
        "env" => ENV,
        "ports" => PORT,
        "resources" => RESOURCES,
        "volumeMounts" => MOUNT,
        "seccompProfile" => SECCOMP,
        "capabilities" => CAPABILITIES,
        "readinessProbe" => PROBE,
        "tcpSocket" => PROBE_SOCKET,
        _ => return None,
    };
    Some(list)
}
