//! The policy over whole plans.

use serde_json::{Value, json};

use super::*;
use crate::{Opens, Plan};

pub(super) fn owner() -> Owner {
    Owner {
        instance: InstanceId::new(),
        session: SessionId::new(),
        user: UserId::new(),
        app: "desktop".parse().unwrap(),
    }
}

pub(super) fn document() -> Value {
    json!({
        "schema": 1,
        "pod": {
            "containers": [
                {"name": "vnc", "image": "localhost/vnc:1", "volumeMounts": [{"name": "x11", "mountPath": "/tmp/.X11-unix"}]},
                {"name": "app", "image": "localhost/app:1", "env": [{"name": "DISPLAY", "value": ":0"}]},
            ],
            "volumes": [{"name": "x11", "emptyDir": {}}],
        },
        "endpoint": {"kind": "vnc", "container": "vnc", "port": 5900},
    })
}

fn judge(document: Value, grants: &[&str]) -> Result<PodPlan, Vec<String>> {
    let Ok(Plan::Pod(plan)) = Plan::parse(document, Opens::Pod) else {
        panic!("a pod plan")
    };
    let grants = Grants(grants.iter().map(|grant| (*grant).to_owned()).collect());
    accept(*plan, &grants, &PodLimits::default(), &owner())
        .map_err(|problems| problems.0.into_iter().map(|problem| problem.path).collect())
}

#[test]
fn an_ordinary_pod_is_completed() {
    let plan = judge(document(), &[]).unwrap();
    let security = plan.pod.security_context.unwrap();
    assert_eq!(
        (security.run_as_user, security.run_as_non_root),
        (Some(1_000), Some(true))
    );
    assert_eq!(plan.pod.automount_service_account_token, Some(false));
    for container in plan.pod.containers {
        let limits = container.resources.unwrap().limits.unwrap();
        assert_eq!(limits["memory"].0, "2Gi");
        assert_eq!(
            container.security_context.unwrap().allow_privilege_escalation,
            Some(false)
        );
    }
}

#[test]
fn each_forbidden_wish_is_refused_at_its_path() {
    let cases: &[(&str, Value)] = &[
        ("pod.hostNetwork", json!(true)),
        ("pod.hostPID", json!(true)),
        ("pod.hostUsers", json!(false)),
        ("pod.serviceAccountName", json!("admin")),
        ("pod.nodeName", json!("n1")),
        ("pod.tolerations", json!([{}])),
        ("pod.runtimeClassName", json!("x")),
        ("pod.priorityClassName", json!("x")),
        ("pod.shareProcessNamespace", json!(true)),
        ("pod.automountServiceAccountToken", json!(true)),
        ("pod.restartPolicy", json!("Always")),
        ("pod.securityContext", json!({"runAsUser": 0})),
        (
            "pod.securityContext",
            json!({"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        ),
        (
            "pod.securityContext",
            json!({"seccompProfile": {"type": "Unconfined"}}),
        ),
        ("pod.volumes", json!([{"name": "h", "hostPath": {"path": "/"}}])),
        (
            "pod.volumes",
            json!([{"name": "s", "secret": {"secretName": "x"}}]),
        ),
        (
            "pod.volumes",
            json!([{"name": "p", "projected": {"sources": []}}]),
        ),
        ("pod.containers[0].securityContext", json!({"privileged": true})),
        (
            "pod.containers[0].securityContext",
            json!({"allowPrivilegeEscalation": true}),
        ),
        (
            "pod.containers[0].securityContext",
            json!({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}),
        ),
        (
            "pod.containers[0].securityContext",
            json!({"capabilities": {"drop": []}}),
        ),
        (
            "pod.containers[0].securityContext",
            json!({"procMount": "Unmasked"}),
        ),
        ("pod.containers[0].securityContext", json!({"runAsUser": 0})),
        (
            "pod.containers[0].ports",
            json!([{"containerPort": 5900, "hostPort": 22}]),
        ),
        (
            "pod.containers[0].lifecycle",
            json!({"postStart": {"exec": {"command": ["x"]}}}),
        ),
        ("pod.containers[0].envFrom", json!([{"secretRef": {"name": "x"}}])),
        (
            "pod.containers[0].env",
            json!([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]),
        ),
        ("pod.containers[0].image", json!("--privileged")),
        (
            "pod.containers[0].volumeDevices",
            json!([{"name": "x", "devicePath": "/dev/x"}]),
        ),
        ("endpoint.container", json!("nobody")),
    ];
    for (path, value) in cases {
        let mut document = document();
        let pointer = format!("/{}", path.replace("[0]", ".0").replace('.', "/"));
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[key] = value.clone();
        let refused = judge(document, &["pvc"]).unwrap_err();
        assert!(
            refused.iter().any(|at| at.starts_with(path)),
            "{path} = {value}: {refused:?}"
        );
    }
}

#[test]
fn claims_need_their_grant_and_never_carry_the_plugins_name() {
    let mut document = document();
    document["claims"] = json!([{"name": "workspace", "size": "5Gi"}]);
    document["pod"]["volumes"] = json!([{"name": "w", "persistentVolumeClaim": {"claimName": "workspace"}}]);
    assert_eq!(judge(document.clone(), &[]).unwrap_err(), ["claims"]);
    let plan = judge(document.clone(), &["pvc"]).unwrap();
    let mounted = plan.pod.volumes.unwrap()[0]
        .persistent_volume_claim
        .clone()
        .unwrap()
        .claim_name;
    assert!(
        mounted.starts_with("workspace-") && mounted.ends_with("-desktop"),
        "{mounted}"
    );
    assert_eq!(plan.claims[0].name, mounted);

    document["pod"]["volumes"][0]["persistentVolumeClaim"]["claimName"] = json!("workspace-of-somebody");
    assert_eq!(
        judge(document, &["pvc"]).unwrap_err(),
        ["pod.volumes[0].persistentVolumeClaim.claimName"]
    );
}

#[test]
fn a_secret_is_named_in_the_environment_by_who_was_granted_it_and_put_in_last() {
    let mut named = document();
    named["pod"]["containers"][1]["env"][0] = json!({"name": "TOKEN", "value": "launchpad-secret:token"});
    assert_eq!(
        judge(named.clone(), &["secret-ref:other"]).unwrap_err(),
        ["pod.containers[1].env[0].value"]
    );
    let plan = judge(named, &["secret-ref:token"]).unwrap();
    assert_eq!(secrets_in(&plan.pod), ["token"]);
    let pod = with_secrets(plan.pod, &[("token".to_owned(), "abc".to_owned())].into());
    assert_eq!(
        pod.containers[1].env.as_ref().unwrap()[0].value.as_deref(),
        Some("abc")
    );
    let mut hidden = document();
    hidden["pod"]["containers"][1]["args"] = json!(["--token=launchpad-secret:token"]);
    assert_eq!(
        judge(hidden, &["secret-ref:token"]).unwrap_err(),
        ["pod.containers[1].args[0]"]
    );
}

#[test]
fn nothing_above_the_operators_ceilings_is_planned() {
    let refused = |place: &str, value: Value| {
        let mut document = document();
        let (outer, inner) = place.rsplit_once('/').unwrap();
        document.pointer_mut(outer).unwrap()[inner] = value;
        judge(document, &["pvc"]).unwrap_err()
    };
    let limits = |name: &str, amount: &str| json!({"limits": {name: amount}});
    let container = "/pod/containers/1/resources";
    assert_eq!(
        refused(container, limits("memory", "33Gi")),
        ["pod.containers[1].resources.limits.memory"]
    );
    assert_eq!(
        refused(container, limits("cpu", "16001m")),
        ["pod.containers[1].resources.limits.cpu"]
    );
    assert_eq!(
        refused(container, limits("nvidia.com/gpu", "1")),
        ["pod.containers[1].resources.limits.nvidia.com/gpu"]
    );
    assert_eq!(
        refused(
            container,
            json!({"limits": {"cpu": "1"}, "requests": {"cpu": "2"}})
        ),
        ["pod.containers[1].resources.requests.cpu"]
    );
    assert_eq!(
        refused("/pod/volumes/0/emptyDir", json!({"sizeLimit": "1Ti"})),
        ["pod.volumes[0].emptyDir.sizeLimit"]
    );
    assert_eq!(
        refused("/claims", json!([{"name": "work", "size": "101Gi"}])),
        ["claims[0].size"]
    );
}
