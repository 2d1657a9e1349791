//! What every pod gets, whether its plan asks for it or not.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, PodSecurityContext, PodSpec, ResourceRequirements, SeccompProfile,
    SecurityContext,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{Owner, PodLimits, WorkspaceRules};
use crate::{Claim, ClaimScope, PodPlan, Problems};

/// The user and group of an app that names none: the contract for images.
const APP_ID: i64 = 1_000;

/// Most seconds between asking a session's containers to end and ending them.
const GRACE_SECONDS: i64 = 5;

/// Gives each claim the engine's name, in the list and in the pod's volumes.
///
/// The name is made from who owns it, never from what the plugin wrote: a plan cannot name another's workspace.
pub(super) fn claims(plan: &mut PodPlan, owner: &Owner, rules: &WorkspaceRules, problems: &mut Problems) {
    for (index, claim) in plan.claims.iter().enumerate() {
        if plan.claims[..index]
            .iter()
            .any(|earlier| earlier.name == claim.name)
        {
            problems.add(format!("claims[{index}].name"), "is there twice");
        }
        // Both would be the same workspace.
        if plan.claims[..index]
            .iter()
            .any(|earlier| earlier.scope == claim.scope)
        {
            problems.add(
                format!("claims[{index}].scope"),
                "is the scope of another claim already",
            );
        }
    }
    for (index, volume) in plan.pod.volumes.iter_mut().flatten().enumerate() {
        let Some(source) = &mut volume.persistent_volume_claim else {
            continue;
        };
        match plan.claims.iter().find(|claim| claim.name == source.claim_name) {
            Some(claim) => source.claim_name = claim_name(claim, owner),
            None => problems.add(
                format!("pod.volumes[{index}].persistentVolumeClaim.claimName"),
                "is not the name of one of the plan's claims",
            ),
        }
    }
    for claim in &mut plan.claims {
        claim.name = claim_name(claim, owner);
        if claim.storage_class.is_none() {
            claim.storage_class.clone_from(&rules.storage_class);
        }
        claim.access.get_or_insert(rules.access);
        claim.shared.get_or_insert(rules.shared);
    }
}

fn claim_name(claim: &Claim, owner: &Owner) -> String {
    match claim.scope {
        ClaimScope::Session => format!("session-{}", owner.session),
        // App ids have at most 63 characters, names of claims at most 253.
        ClaimScope::UserApp => format!("workspace-{}-{}-{}", owner.instance, owner.user, owner.app),
    }
}

/// Fills in what the plan leaves open. What the plan does set is left for the judge.
pub(super) fn pod(pod: &mut PodSpec, limits: &PodLimits) {
    pod.automount_service_account_token.get_or_insert(false);
    pod.enable_service_links.get_or_insert(false);
    pod.restart_policy.get_or_insert_with(|| "Never".to_owned());
    pod.termination_grace_period_seconds.get_or_insert(GRACE_SECONDS);
    // Never the plan's own: it must outlast the session and end a forgotten pod.
    pod.active_deadline_seconds = Some(limits.active_deadline_seconds);
    let security = pod
        .security_context
        .get_or_insert_with(PodSecurityContext::default);
    security.run_as_non_root.get_or_insert(true);
    security.run_as_user.get_or_insert(APP_ID);
    security.run_as_group.get_or_insert(APP_ID);
    security.fs_group.get_or_insert(APP_ID);
    security.seccomp_profile.get_or_insert_with(|| SeccompProfile {
        type_: "RuntimeDefault".to_owned(),
        ..SeccompProfile::default()
    });
    let init = pod.init_containers.iter_mut().flatten();
    for container in pod.containers.iter_mut().chain(init) {
        complete_container(container, limits);
    }
}

fn complete_container(container: &mut Container, limits: &PodLimits) {
    let security = container
        .security_context
        .get_or_insert_with(SecurityContext::default);
    security.allow_privilege_escalation.get_or_insert(false);
    let capabilities = security.capabilities.get_or_insert_with(Capabilities::default);
    capabilities.drop.get_or_insert_with(|| vec!["ALL".to_owned()]);

    let resources = container
        .resources
        .get_or_insert_with(ResourceRequirements::default);
    let given = resources.limits.get_or_insert_default();
    for (name, limit) in [
        ("cpu", &limits.cpu),
        ("memory", &limits.memory),
        ("ephemeral-storage", &limits.ephemeral_storage),
    ] {
        given
            .entry(name.to_owned())
            .or_insert_with(|| Quantity(limit.clone()));
    }
    // Without this the API server would request the whole limit.
    let requests = resources.requests.get_or_insert_default();
    for (name, request) in [("cpu", "50m"), ("memory", "64Mi")] {
        requests
            .entry(name.to_owned())
            .or_insert_with(|| Quantity(request.to_owned()));
    }
}
