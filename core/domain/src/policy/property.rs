//! Whatever a plugin returns: it is refused with the places of what is wrong, or the pod that comes of it passes a check
//! that knows nothing of the policy. That check is written from the text of the Kubernetes *restricted* profile
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>) and our promises, over the pod as JSON.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::tests::{document, owner};
use super::{Owner, PodLimits, accept};
use crate::{Grants, Opens, Plan};

/// Places in a plan that a plugin might fill, allowed or not.
const PLACES: &[&str] = &[
    "/schema",
    "/url",
    "/extra",
    "/claims",
    "/endpoint",
    "/endpoint/kind",
    "/endpoint/container",
    "/endpoint/port",
    "/pod",
    "/pod/activeDeadlineSeconds",
    "/pod/affinity",
    "/pod/automountServiceAccountToken",
    "/pod/containers",
    "/pod/containers/0",
    "/pod/containers/0/args",
    "/pod/containers/0/command",
    "/pod/containers/0/env",
    "/pod/containers/0/envFrom",
    "/pod/containers/0/image",
    "/pod/containers/0/lifecycle",
    "/pod/containers/0/livenessProbe",
    "/pod/containers/0/name",
    "/pod/containers/0/ports",
    "/pod/containers/0/readinessProbe",
    "/pod/containers/0/resources",
    "/pod/containers/0/resources/claims",
    "/pod/containers/0/resources/limits",
    "/pod/containers/0/securityContext",
    "/pod/containers/0/securityContext/allowPrivilegeEscalation",
    "/pod/containers/0/securityContext/capabilities",
    "/pod/containers/0/securityContext/capabilities/add",
    "/pod/containers/0/securityContext/capabilities/drop",
    "/pod/containers/0/securityContext/privileged",
    "/pod/containers/0/securityContext/procMount",
    "/pod/containers/0/securityContext/runAsNonRoot",
    "/pod/containers/0/securityContext/runAsUser",
    "/pod/containers/0/securityContext/seLinuxOptions",
    "/pod/containers/0/securityContext/seccompProfile",
    "/pod/containers/0/volumeDevices",
    "/pod/containers/0/volumeMounts",
    "/pod/containers/1/securityContext/runAsGroup",
    "/pod/dnsConfig",
    "/pod/enableServiceLinks",
    "/pod/ephemeralContainers",
    "/pod/hostAliases",
    "/pod/hostIPC",
    "/pod/hostNetwork",
    "/pod/hostPID",
    "/pod/hostUsers",
    "/pod/imagePullSecrets",
    "/pod/initContainers",
    "/pod/nodeName",
    "/pod/priorityClassName",
    "/pod/restartPolicy",
    "/pod/runtimeClassName",
    "/pod/securityContext",
    "/pod/securityContext/fsGroup",
    "/pod/securityContext/runAsNonRoot",
    "/pod/securityContext/runAsUser",
    "/pod/securityContext/seccompProfile",
    "/pod/securityContext/supplementalGroups",
    "/pod/securityContext/sysctls",
    "/pod/serviceAccountName",
    "/pod/shareProcessNamespace",
    "/pod/tolerations",
    "/pod/volumes",
    "/pod/volumes/0",
    "/pod/volumes/0/emptyDir",
    "/pod/volumes/0/hostPath",
    "/pod/volumes/0/persistentVolumeClaim",
    "/pod/volumes/0/projected",
    "/pod/volumes/0/secret",
];

/// What a plugin might put there.
fn values() -> Vec<Value> {
    let root =
        json!({"name": "root", "image": "a:1", "securityContext": {"runAsUser": 0, "privileged": true}});
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1000),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!("root"),
        json!("Always"),
        json!("Never"),
        json!("vnc"),
        json!("\u{202e}\u{0}"),
        json!("launchpad-secret:token"),
        json!([]),
        json!({}),
        json!(["ALL"]),
        json!(["NET_BIND_SERVICE"]),
        json!(["SYS_ADMIN"]),
        json!({"type": "Unconfined"}),
        json!({"type": "RuntimeDefault"}),
        json!({"path": "/"}),
        json!({"claimName": "workspace"}),
        json!({"secretName": "token"}),
        json!({"cpu": "1000000", "memory": "1Ei"}),
        json!({"add": ["SYS_ADMIN"], "drop": []}),
        json!({"runAsUser": 0, "privileged": true, "procMount": "Unmasked"}),
        json!([{"name": "TOKEN", "value": "launchpad-secret:token"}]),
        json!([{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]),
        json!([{"secretRef": {"name": "a"}}]),
        json!([{"containerPort": 5900, "hostPort": 5900}]),
        json!([{"name": "workspace", "size": "1Gi"}]),
        json!([{"name": "work", "size": "1Gi", "scope": "session"}, {"name": "work2", "size": "1Gi", "scope": "session"}]),
        json!([{"name": "x11", "hostPath": {"path": "/"}}]),
        json!([{"name": "x11", "emptyDir": {}, "hostPath": {"path": "/"}}]),
        json!([{"name": "w", "persistentVolumeClaim": {"claimName": "somebody-elses"}}]),
        json!([{"name": "w", "persistentVolumeClaim": {"claimName": "workspace"}}]),
        json!([root.clone()]),
        root,
        json!([{"name": "net.ipv4.ip_forward", "value": "1"}]),
    ]
}

/// Puts a value at a place, and makes the objects on the way to it.
fn put(document: &mut Value, place: &str, value: Value) {
    let mut here = document;
    for part in place.split('/').skip(1) {
        here = if let Ok(index) = part.parse::<usize>() {
            if !here.is_array() {
                *here = json!([]);
            }
            let Value::Array(items) = here else { return };
            while items.len() <= index {
                items.push(json!({}));
            }
            &mut items[index]
        } else {
            if !here.is_object() {
                *here = json!({});
            }
            &mut here[part]
        };
    }
    *here = value;
}

/// What of the profile and of our promises is broken.
#[derive(Default)]
struct Broken(Vec<String>);

impl Broken {
    fn must(&mut self, holds: bool, what: &str) {
        if !holds {
            self.0.push(what.to_owned());
        }
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn only(values: &Map<String, Value>, known: &str) -> bool {
    let known: Vec<&str> = known.split_whitespace().collect();
    values.keys().all(|name| known.contains(&name.as_str()))
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The whole check of a pod.
fn broken(pod: &Value, limits: &PodLimits, owner: &Owner, grants: &Grants) -> Vec<String> {
    let mut broken = Broken::default();
    let known = "activeDeadlineSeconds automountServiceAccountToken containers enableServiceLinks hostname initContainers
                 restartPolicy securityContext terminationGracePeriodSeconds volumes";
    broken.must(
        only(&object(pod), known),
        "a member of the pod that is none of a session's",
    );
    broken.must(pod["restartPolicy"] == "Never", "it starts over");
    broken.must(pod["automountServiceAccountToken"] == false, "a token is mounted");
    broken.must(pod["enableServiceLinks"] == false, "services are told of");
    broken.must(
        pod["activeDeadlineSeconds"] == limits.active_deadline_seconds,
        "nothing ends a forgotten pod",
    );
    let around = object(&pod["securityContext"]);
    let known =
        "fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser seccompProfile supplementalGroups";
    broken.must(
        only(&around, known),
        "sysctls, SELinux or another member of the pod's security context",
    );
    let user = around.get("runAsUser").and_then(Value::as_i64);
    broken.must(user > Some(0), "the pod runs as root");
    broken.must(!list(&pod["containers"]).is_empty(), "no container");
    for container in list(&pod["containers"])
        .iter()
        .chain(&list(&pod["initContainers"]))
    {
        container_broken(container, &around, &mut broken);
        resources_broken(container, grants, &mut broken);
    }
    for volume in list(&pod["volumes"]) {
        volume_broken(&volume, owner, grants, &mut broken);
    }
    broken.0
}

fn container_broken(container: &Value, around: &Map<String, Value>, broken: &mut Broken) {
    let own = object(&container["securityContext"]);
    let known = "args command env image imagePullPolicy name ports readinessProbe resources securityContext volumeMounts
                 workingDir";
    broken.must(
        only(&object(container), known),
        "a member of a container that is none of a session's",
    );
    let none_or = |name: &str, wanted: Value| own.get(name).is_none_or(|value| *value == wanted);
    broken.must(none_or("privileged", json!(false)), "privileged");
    broken.must(
        own.get("allowPrivilegeEscalation") == Some(&json!(false)),
        "privileges may grow",
    );
    broken.must(
        own.get("procMount").is_none() && own.get("seLinuxOptions").is_none(),
        "/proc or SELinux",
    );
    let capabilities = own.get("capabilities").cloned().unwrap_or_default();
    broken.must(
        list(&capabilities["drop"]).contains(&json!("ALL")),
        "capabilities stay",
    );
    let added = list(&capabilities["add"]);
    broken.must(
        added.iter().all(|added| added == "NET_BIND_SERVICE"),
        "capabilities are added",
    );
    let not_root = own.get("runAsNonRoot").or(around.get("runAsNonRoot"));
    broken.must(not_root == Some(&json!(true)), "it may run as root");
    let user = own.get("runAsUser");
    broken.must(user.is_none_or(|user| user.as_i64() > Some(0)), "it runs as root");
    let seccomp = own.get("seccompProfile").or(around.get("seccompProfile"));
    broken.must(
        seccomp.is_some_and(|profile| profile["type"] == "RuntimeDefault"),
        "no seccomp profile",
    );
}

fn resources_broken(container: &Value, grants: &Grants, broken: &mut Broken) {
    for limit in ["cpu", "memory", "ephemeral-storage"] {
        let amount = &container["resources"]["limits"][limit];
        let beyond = amount == "1000000" || amount == "1Ei";
        broken.must(
            amount.is_string() && !beyond,
            "no limit, or one beyond the ceilings",
        );
    }
    for port in list(&container["ports"]) {
        broken.must(port.get("hostPort").is_none(), "a port of the host");
    }
    for variable in list(&container["env"]) {
        broken.must(variable.get("valueFrom").is_none(), "a value from elsewhere");
        let value = variable["value"].as_str().unwrap_or_default();
        let granted = |name: &str| grants.0.contains(&format!("secret-ref:{name}"));
        let secret = value.strip_prefix("launchpad-secret:");
        broken.must(secret.is_none_or(granted), "a secret that is not granted");
    }
}

fn volume_broken(volume: &Value, owner: &Owner, grants: &Grants, broken: &mut Broken) {
    let known = "emptyDir name persistentVolumeClaim";
    broken.must(only(&object(volume), known), "a volume of another kind");
    let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
    let own = [
        format!("session-{}", owner.session),
        format!("workspace-{}-{}-{}", owner.instance, owner.user, owner.app),
    ];
    broken.must(
        claim.is_none_or(|name| own.iter().any(|own| own == name)),
        "somebody else's workspace",
    );
    broken.must(
        claim.is_none() || grants.0.contains("pvc"),
        "a workspace that is not granted",
    );
}

/// The pod that comes of a document, or the places of what is wrong with it.
fn judged(document: Value, grants: &Grants, owner: &Owner) -> Result<Value, Vec<String>> {
    let limits = PodLimits::default();
    let accepted = Plan::parse(document, Opens::Pod).and_then(|plan| match plan {
        Plan::Pod(plan) => accept(*plan, grants, &limits, owner),
        Plan::Url(_) => panic!("a link where a pod was asked for"),
    });
    match accepted {
        Ok(plan) => Ok(serde_json::to_value(plan.pod).unwrap()),
        Err(problems) => Err(problems.0.into_iter().map(|problem| problem.path).collect()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_a_plugin_returns_is_refused_or_safe(
        changes in prop::collection::vec((0..PLACES.len(), 0..values().len()), 0..5),
        grants in prop::collection::btree_set(prop::sample::select(vec!["pvc", "secret-ref:token"]), 0..3),
    ) {
        let mut document = document();
        let values = values();
        for (place, value) in changes {
            put(&mut document, PLACES[place], values[value].clone());
        }
        let grants = Grants(grants.into_iter().map(str::to_owned).collect());
        let owner = owner();
        match judged(document, &grants, &owner) {
            Ok(pod) => {
                let broken = broken(&pod, &PodLimits::default(), &owner, &grants);
                prop_assert!(broken.is_empty(), "{broken:?} in {pod:#}");
            }
            Err(paths) => prop_assert!(!paths.is_empty()),
        }
    }
}

#[test]
fn an_ordinary_plan_is_accepted_so_that_the_property_says_something() {
    let owner = owner();
    let pod = judged(document(), &Grants::default(), &owner).unwrap();
    assert_eq!(
        broken(&pod, &PodLimits::default(), &owner, &Grants::default()),
        Vec::<String>::new()
    );
}

/// The independent check can fail: each of these is a pod that the policy would never let through.
#[test]
fn the_independent_check_finds_each_bad_pod() {
    let owner = owner();
    let good = judged(document(), &Grants::default(), &owner).unwrap();
    for (place, value) in [
        ("/hostNetwork", json!(true)),
        ("/serviceAccountName", json!("admin")),
        ("/ephemeralContainers", json!([])),
        ("/restartPolicy", json!("Always")),
        ("/automountServiceAccountToken", json!(true)),
        ("/activeDeadlineSeconds", Value::Null),
        ("/securityContext/runAsUser", json!(0)),
        ("/securityContext/sysctls", json!([])),
        ("/securityContext/seccompProfile/type", json!("Unconfined")),
        ("/containers/0/securityContext/privileged", json!(true)),
        (
            "/containers/0/securityContext/allowPrivilegeEscalation",
            json!(true),
        ),
        ("/containers/0/securityContext/capabilities/drop", json!([])),
        (
            "/containers/0/securityContext/capabilities/add",
            json!(["SYS_ADMIN"]),
        ),
        ("/containers/0/securityContext/runAsNonRoot", json!(false)),
        ("/containers/0/securityContext/runAsUser", json!(0)),
        ("/containers/0/resources/limits/memory", Value::Null),
        (
            "/containers/0/ports",
            json!([{"containerPort": 1, "hostPort": 1}]),
        ),
        ("/containers/0/env", json!([{"name": "A", "valueFrom": {}}])),
        (
            "/containers/0/env",
            json!([{"name": "A", "value": "launchpad-secret:token"}]),
        ),
        ("/containers/0/lifecycle", json!({})),
        ("/volumes/0/hostPath", json!({"path": "/"})),
        (
            "/volumes/0/persistentVolumeClaim",
            json!({"claimName": "somebody-elses"}),
        ),
    ] {
        let mut bad = good.clone();
        put(&mut bad, place, value);
        let found = broken(&bad, &PodLimits::default(), &owner, &Grants::default());
        assert!(!found.is_empty(), "{place}");
    }
}
