//! Whether a completed pod stays within the *restricted* profile and our rules.

use k8s_openapi::api::core::v1::{Container, PodSpec, SeccompProfile};

use super::{PodLimits, WorkspaceRules};
use crate::{Claim, ClaimAccess, PodPlan, Problems};

/// Longest name that a container or a volume may have (RFC 1123 label).
const MAX_LABEL: usize = 63;

/// Judges everything that the list of allowed fields lets through.
pub(super) fn pod(plan: &PodPlan, limits: &PodLimits, problems: &mut Problems) {
    let pod = &plan.pod;
    flag(
        "pod.automountServiceAccountToken",
        pod.automount_service_account_token,
        false,
        problems,
    );
    flag(
        "pod.enableServiceLinks",
        pod.enable_service_links,
        false,
        problems,
    );
    if pod.restart_policy.as_deref() != Some("Never") {
        problems.add(
            "pod.restartPolicy",
            "must be Never: a session does not start over behind its user's back",
        );
    }
    if !pod
        .termination_grace_period_seconds
        .is_some_and(|seconds| (0..=60).contains(&seconds))
    {
        problems.add("pod.terminationGracePeriodSeconds", "must be 0 to 60");
    }
    pod_security(pod, problems);

    let init = pod.init_containers.as_deref().unwrap_or_default();
    if pod.containers.is_empty() || pod.containers.len() + init.len() > limits.containers {
        problems.add(
            "pod.containers",
            format!("must be 1 to {}, init containers counted", limits.containers),
        );
    }
    for (list, containers) in [
        ("containers", pod.containers.as_slice()),
        ("initContainers", init),
    ] {
        for (index, one) in containers.iter().enumerate() {
            container(one, &format!("pod.{list}[{index}]"), problems);
        }
    }
    for (index, volume) in pod.volumes.iter().flatten().enumerate() {
        let path = format!("pod.volumes[{index}]");
        label(&format!("{path}.name"), &volume.name, problems);
        if volume.empty_dir.is_some() == volume.persistent_volume_claim.is_some() {
            problems.add(path, "must be either an emptyDir or one of the plan's claims");
        }
    }
    for (index, one) in plan.claims.iter().enumerate() {
        claim(one, &format!("claims[{index}]"), &limits.workspaces, problems);
    }
    endpoint(plan, problems);
}

fn claim(claim: &Claim, path: &str, rules: &WorkspaceRules, problems: &mut Problems) {
    if let Some(class) = &claim.storage_class
        && claim.storage_class != rules.storage_class
        && !rules.storage_classes.contains(class)
    {
        problems.add(
            format!("{path}.storage_class"),
            format!("`{class}` is not among the workspaces.storage_classes that the operator allows"),
        );
    }
    if claim.shared == Some(true) && claim.access == Some(ClaimAccess::ReadWriteOncePod) {
        problems.add(
            format!("{path}.shared"),
            "contradicts the access ReadWriteOncePod",
        );
    }
}

fn pod_security(pod: &PodSpec, problems: &mut Problems) {
    let Some(security) = &pod.security_context else {
        return;
    };
    flag(
        "pod.securityContext.runAsNonRoot",
        security.run_as_non_root,
        true,
        problems,
    );
    not_root("pod.securityContext.runAsUser", security.run_as_user, problems);
    not_root("pod.securityContext.runAsGroup", security.run_as_group, problems);
    not_root("pod.securityContext.fsGroup", security.fs_group, problems);
    for group in security.supplemental_groups.iter().flatten() {
        not_root("pod.securityContext.supplementalGroups", Some(*group), problems);
    }
    seccomp(
        "pod.securityContext.seccompProfile",
        security.seccomp_profile.as_ref(),
        problems,
    );
}

fn container(container: &Container, path: &str, problems: &mut Problems) {
    label(&format!("{path}.name"), &container.name, problems);
    let image = container.image.as_deref().unwrap_or_default();
    if let Err(message) = crate::app::image_reference(image) {
        problems.add(format!("{path}.image"), message);
    }
    if !matches!(
        container.image_pull_policy.as_deref(),
        None | Some("IfNotPresent" | "Never" | "Always")
    ) {
        problems.add(
            format!("{path}.imagePullPolicy"),
            "must be IfNotPresent, Never or Always",
        );
    }
    let Some(security) = &container.security_context else {
        problems.add(format!("{path}.securityContext"), "is missing");
        return;
    };
    let path = format!("{path}.securityContext");
    if security.privileged == Some(true) {
        problems.add(format!("{path}.privileged"), "is granted to nobody");
    }
    flag(
        &format!("{path}.allowPrivilegeEscalation"),
        security.allow_privilege_escalation,
        false,
        problems,
    );
    if security.run_as_non_root == Some(false) {
        problems.add(format!("{path}.runAsNonRoot"), "must be true");
    }
    not_root(&format!("{path}.runAsUser"), security.run_as_user, problems);
    not_root(&format!("{path}.runAsGroup"), security.run_as_group, problems);
    seccomp(
        &format!("{path}.seccompProfile"),
        security.seccomp_profile.as_ref(),
        problems,
    );
    let capabilities = security.capabilities.clone().unwrap_or_default();
    if capabilities.drop != Some(vec!["ALL".to_owned()]) {
        problems.add(format!("{path}.capabilities.drop"), "must be [\"ALL\"]");
    }
    if capabilities
        .add
        .iter()
        .flatten()
        .any(|capability| capability != "NET_BIND_SERVICE")
    {
        problems.add(
            format!("{path}.capabilities.add"),
            "may name NET_BIND_SERVICE only",
        );
    }
}

fn endpoint(plan: &PodPlan, problems: &mut Problems) {
    if !plan
        .pod
        .containers
        .iter()
        .any(|container| container.name == plan.endpoint.container)
    {
        problems.add(
            "endpoint.container",
            "is not the name of one of the pod's containers",
        );
    }
    if plan.endpoint.port == 0 {
        problems.add("endpoint.port", "must be 1 to 65535");
    }
}

fn flag(path: &str, value: Option<bool>, wanted: bool, problems: &mut Problems) {
    if value != Some(wanted) {
        problems.add(path, format!("must be {wanted}"));
    }
}

fn not_root(path: &str, id: Option<i64>, problems: &mut Problems) {
    if id.is_some_and(|id| id < 1) {
        problems.add(path, "must not be root's");
    }
}

fn seccomp(path: &str, profile: Option<&SeccompProfile>, problems: &mut Problems) {
    if profile.is_some_and(|profile| profile.type_ != "RuntimeDefault") {
        problems.add(path, "must be of type RuntimeDefault");
    }
}

fn label(path: &str, name: &str, problems: &mut Problems) {
    let shaped = (1..=MAX_LABEL).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !shaped {
        problems.add(
            path,
            "must be 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends",
        );
    }
}
