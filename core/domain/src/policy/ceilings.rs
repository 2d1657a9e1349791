//! Whether a completed plan asks for no more than the operator allows.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ResourceRequirements, Volume};
use k8s_openapi::apimachinery::pkg::api::resource;

use super::Ceilings;
use crate::{PodPlan, Problems, Quantity};

/// The resources that a container may name.
const CPU: &str = "cpu";
const MEMORY: &str = "memory";
const DISK: &str = "ephemeral-storage";

/// Compares everything that has an amount.
pub(super) fn check(plan: &PodPlan, ceilings: &Ceilings, problems: &mut Problems) {
    let init = plan.pod.init_containers.as_deref().unwrap_or_default();
    for (list, containers) in [
        ("containers", plan.pod.containers.as_slice()),
        ("initContainers", init),
    ] {
        for (index, one) in containers.iter().enumerate() {
            container(one, &format!("pod.{list}[{index}].resources"), ceilings, problems);
        }
    }
    for (index, one) in plan.pod.volumes.iter().flatten().enumerate() {
        volume(one, &format!("pod.volumes[{index}].emptyDir"), ceilings, problems);
    }
    for (index, claim) in plan.claims.iter().enumerate() {
        within(
            &format!("claims[{index}].size"),
            &claim.size,
            &ceilings.workspace,
            problems,
        );
    }
}

fn container(container: &Container, path: &str, ceilings: &Ceilings, problems: &mut Problems) {
    let Some(ResourceRequirements { limits, requests, .. }) = &container.resources else {
        problems.add(path, "is missing");
        return;
    };
    let none = BTreeMap::new();
    let limits = limits.as_ref().unwrap_or(&none);
    for (name, amount) in limits {
        let path = format!("{path}.limits.{name}");
        match name.as_str() {
            CPU => within(&path, &amount.0, &ceilings.cpu, problems),
            MEMORY => within(&path, &amount.0, &ceilings.memory, problems),
            DISK => within(&path, &amount.0, &ceilings.ephemeral_storage, problems),
            _ => problems.add(path, "is nothing that a plan may ask for"),
        }
    }
    for (name, amount) in requests.iter().flatten() {
        let path = format!("{path}.requests.{name}");
        match limits.get(name) {
            Some(resource::Quantity(limit)) => within(&path, &amount.0, limit, problems),
            None => problems.add(path, "is nothing that a plan may ask for"),
        }
    }
}

fn volume(volume: &Volume, path: &str, ceilings: &Ceilings, problems: &mut Problems) {
    let Some(folder) = &volume.empty_dir else { return };
    if let Some(resource::Quantity(size)) = &folder.size_limit {
        let most = match folder.medium.as_deref() {
            Some("Memory") => &ceilings.memory,
            _ => &ceilings.ephemeral_storage,
        };
        within(&format!("{path}.sizeLimit"), size, most, problems);
    }
    if !matches!(folder.medium.as_deref(), None | Some("" | "Memory")) {
        problems.add(format!("{path}.medium"), "must be Memory or nothing");
    }
}

/// An amount that may be as much as `most`, whose own shape is somebody else's to judge.
fn within(path: &str, amount: &str, most: &str, problems: &mut Problems) {
    match (amount.parse::<Quantity>(), most.parse::<Quantity>()) {
        (Err(message), _) => problems.add(path, message),
        (Ok(asked), Ok(ceiling)) if asked > ceiling => {
            problems.add(
                path,
                format!("{asked} is more than the {ceiling} that there may be"),
            );
        }
        _ => {}
    }
}
