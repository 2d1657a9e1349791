//! The document that `podman kube play` reads: an accepted plan with names, labels and the one port.

use k8s_openapi::api::core::v1::{Container, ContainerPort, EmptyDirVolumeSource, Pod, PodSpec, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use launchpad_domain::{Failure, Reason, RuntimeError, SessionId, Workload};
use serde::Deserialize;

use super::abilities::Abilities;
use super::claims::VOLUMES;
use super::command::{Call, Cli};
use super::{faults, listing};

/// Writes the pod for Podman, its endpoint published on this port of 127.0.0.1. JSON is YAML.
pub(super) fn write(
    workload: &Workload,
    host_port: u16,
    abilities: &Abilities,
) -> Result<Vec<u8>, RuntimeError> {
    let mut spec = workload.plan.pod.clone();
    abilities.drop_impossible_limits(&mut spec);
    name_volumes(&mut spec, workload.session)?;
    let endpoint = &workload.plan.endpoint;
    for container in containers_mut(&mut spec) {
        container.ports = None;
        // Podman runs the probe by a shell in the container; the portal asks the endpoint itself.
        container.readiness_probe = None;
        // Fetched already, so that the stage is true and a missing image fails at once.
        container.image_pull_policy = Some("Never".to_owned());
    }
    for container in spec
        .containers
        .iter_mut()
        .filter(|container| container.name == endpoint.container)
    {
        container.ports = Some(vec![ContainerPort {
            container_port: i32::from(endpoint.port),
            host_ip: Some("127.0.0.1".to_owned()),
            host_port: Some(i32::from(host_port)),
            ..ContainerPort::default()
        }]);
    }
    let labels = [
        (INSTANCE_LABEL, workload.instance.to_string()),
        (SESSION_LABEL, workload.session.to_string()),
    ];
    let metadata = ObjectMeta {
        name: Some(workload.name.clone()),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
        ..ObjectMeta::default()
    };
    let pod = Pod {
        metadata,
        spec: Some(spec),
        ..Pod::default()
    };
    serde_json::to_vec(&pod).map_err(|error| refuse(format!("the pod cannot be written down: {error}")))
}

fn containers_mut(spec: &mut PodSpec) -> impl Iterator<Item = &mut Container> {
    spec.containers
        .iter_mut()
        .chain(spec.init_containers.iter_mut().flatten())
}

/// Gives each `emptyDir` a name of this session's own.
///
/// Podman makes a named volume of it, named like the pod's volume: two sessions would share one folder.
fn name_volumes(spec: &mut PodSpec, session: SessionId) -> Result<(), RuntimeError> {
    let mut scratch = Vec::new();
    for volume in spec.volumes.iter_mut().flatten() {
        if !is_understood(volume) {
            return Err(refuse(format!(
                "Podman runs no pod with a volume like `{}`",
                volume.name
            )));
        }
        if volume.empty_dir.is_some() {
            // Its medium and size are not looked at by Podman.
            volume.empty_dir = Some(EmptyDirVolumeSource::default());
            scratch.push(volume.name.clone());
            volume.name = scratch_name(session, &volume.name);
        }
    }
    for container in containers_mut(spec) {
        for mount in container.volume_mounts.iter_mut().flatten() {
            if mount.sub_path.is_some() {
                // It would be ignored, and the whole volume mounted.
                return Err(refuse(format!(
                    "Podman mounts no part of a volume (subPath of `{}`)",
                    mount.name
                )));
            }
            if scratch.contains(&mount.name) {
                mount.name = scratch_name(session, &mount.name);
            }
        }
    }
    Ok(())
}

/// An `emptyDir` or a claim and nothing else: reading a `ConfigMap` or a Secret, Podman follows links to any file
/// of the host (CVE-2025-9566).
fn is_understood(volume: &Volume) -> bool {
    let plain = Volume {
        name: volume.name.clone(),
        empty_dir: volume.empty_dir.clone(),
        persistent_volume_claim: volume.persistent_volume_claim.clone(),
        ..Volume::default()
    };
    *volume == plain && (volume.empty_dir.is_some() != volume.persistent_volume_claim.is_some())
}

fn refuse(detail: String) -> RuntimeError {
    RuntimeError::Refused(Failure::new(Reason::EngineRefused, detail))
}

fn scratch_prefix(session: SessionId) -> String {
    format!("launchpad-{session}-")
}

fn scratch_name(session: SessionId, volume: &str) -> String {
    scratch_prefix(session) + volume
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
}

/// Removes the session's `emptyDir` volumes, which Podman leaves behind where a pod was never finished. A claim's
/// volume has another name and stays.
pub(super) async fn remove_scratch(cli: &Cli, session: SessionId) -> Result<(), RuntimeError> {
    let prefix = scratch_prefix(session);
    let filter = format!("name={prefix}");
    let listed: Vec<Listed> = listing::ask(cli, VOLUMES, &filter).await?;
    for volume in listed.iter().filter(|volume| volume.name.starts_with(&prefix)) {
        let removed = cli.run(Call::quick(&["volume", "rm", &volume.name])).await?;
        if !removed.succeeded && !faults::is_gone(&removed.complaint()) {
            return Err(RuntimeError::Away(removed.complaint()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use launchpad_domain::{InstanceId, Opens, Plan, PodPlan, UserId};
    use serde_json::{Value, json};

    fn workload(volumes: &Value, mounts: &Value) -> Workload {
        let port = json!([{"containerPort": 5900}, {"containerPort": 6000}]);
        let document = json!({"schema": 1,
            "pod": {"volumes": volumes, "containers": [
                {"name": "vnc", "image": "a:1", "ports": port, "volumeMounts": mounts},
                {"name": "app", "image": "b:1", "ports": port}]},
            "endpoint": {"kind": "vnc", "container": "vnc", "port": 5900}});
        let Plan::Pod(plan) = Plan::parse(document, Opens::Pod).unwrap() else {
            panic!("a pod")
        };
        let plan: Arc<PodPlan> = plan.into();
        Workload {
            instance: InstanceId::new(),
            session: SessionId::new(),
            user: UserId::new(),
            app: "desktop".parse().unwrap(),
            name: "s".into(),
            plan,
        }
    }

    fn attempt(workload: &Workload) -> Result<Vec<u8>, RuntimeError> {
        let info = json!({"version": {"Version": "5"}, "host": {"security": {"rootless": false}}});
        write(workload, 41_000, &serde_json::from_value(info).unwrap())
    }

    fn written(workload: &Workload) -> Value {
        serde_json::from_slice(&attempt(workload).unwrap()).unwrap()
    }

    #[test]
    fn one_port_is_published_and_only_on_loopback() {
        let pod = written(&workload(&json!([]), &json!([])));
        let wanted = json!([{"containerPort": 5900, "hostIP": "127.0.0.1", "hostPort": 41000}]);
        assert_eq!(pod["spec"]["containers"][0]["ports"], wanted);
        assert_eq!(pod["spec"]["containers"][1]["ports"], Value::Null);
        assert_eq!(pod["spec"]["containers"][1]["imagePullPolicy"], "Never");
    }

    #[test]
    fn scratch_volumes_belong_to_one_session_and_claims_keep_their_name() {
        let volumes = json!([{"name": "x11", "emptyDir": {"medium": "Memory"}},
            {"name": "work", "persistentVolumeClaim": {"claimName": "workspace-1"}}]);
        let mounts =
            json!([{"name": "x11", "mountPath": "/tmp/.X11-unix"}, {"name": "work", "mountPath": "/w"}]);
        let workload = workload(&volumes, &mounts);
        let pod = written(&workload);
        let own = format!("launchpad-{}-x11", workload.session);
        assert_eq!(pod["spec"]["volumes"][0]["name"], own.as_str());
        assert_eq!(
            pod["spec"]["containers"][0]["volumeMounts"][0]["name"],
            own.as_str()
        );
        assert_eq!(pod["spec"]["volumes"][1]["name"], "work");
        assert_eq!(
            pod["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"],
            "workspace-1"
        );
    }

    #[test]
    fn what_podman_does_not_understand_safely_is_refused() {
        for volume in [
            json!({"name": "x", "configMap": {"name": "c"}}),
            json!({"name": "x", "hostPath": {"path": "/"}}),
        ] {
            assert!(
                attempt(&workload(&json!([volume]), &json!([]))).is_err(),
                "{volume}"
            );
        }
        let part = json!([{"name": "x", "mountPath": "/x", "subPath": "y"}]);
        assert!(attempt(&workload(&json!([{"name": "x", "emptyDir": {}}]), &part)).is_err());
    }
}
