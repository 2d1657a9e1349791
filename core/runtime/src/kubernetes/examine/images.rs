//! Whether the cluster's nodes can have the images of sessions.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerState, Pod};
use launchpad_domain::{Finding, Needs, RuntimeError};
use serde_json::{Value, json};

use super::super::access::Access;
use super::not_seen;
use super::probe::Probe;

const IMAGES: &str = "images";
/// How long fetching may take before it is told that it takes long.
const PATIENCE: Duration = Duration::from_mins(2);
/// Containers of one probe.
const AT_ONCE: usize = 8;

/// Starts a container of each image with a program that is not there: it can only be missed once the image is here.
pub(super) async fn examine(access: &Access, needs: &Needs) -> Finding {
    let images: Vec<&str> = needs.all_images().collect();
    let mut lacking = Vec::new();
    for some in images.chunks(AT_ONCE) {
        match Box::pin(look(access, some)).await {
            Ok(wrong) => lacking.extend(wrong),
            Err(error) => return not_seen(IMAGES, &error, access.namespace()),
        }
    }
    if lacking.is_empty() {
        return Finding::ok(IMAGES, format!("{} can be had", images.len()));
    }
    Finding::wrong(
        IMAGES,
        lacking.join("\n"),
        "push them to a registry that the nodes reach, and name them so in apps and in sessions.sidecar_image; or carry \
         them to the nodes: ctr --namespace k8s.io images import",
    )
}

async fn look(access: &Access, images: &[&str]) -> Result<Vec<String>, RuntimeError> {
    let containers = images.iter().enumerate().map(|(index, image)| {
        json!({"name": format!("image-{index}"), "image": image, "command": ["/launchpad-only-looks"]})
    });
    let probe = Probe::start(access, containers.collect(), Value::Null).await?;
    let seen = probe.until(is_settled, PATIENCE).await;
    probe.end(access).await;
    let states = states(&seen?);
    let wrong = images.iter().enumerate().filter_map(|(index, image)| {
        let name = format!("image-{index}");
        let state = states.iter().find(|(container, _)| *container == name);
        match state.map(|(_, state)| verdict(state)) {
            Some(Some(Ok(()))) => None,
            Some(Some(Err(cause))) => Some(format!("{image}: {cause}")),
            Some(None) | None => Some(format!("{image}: is not there after {} s", PATIENCE.as_secs())),
        }
    });
    Ok(wrong.collect())
}

fn states(pod: &Pod) -> Vec<(String, ContainerState)> {
    let statuses = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    statuses
        .filter_map(|status| Some((status.name.clone(), status.state.clone()?)))
        .collect()
}

/// Whether the image is there, or why it is not; `None`: not known yet.
fn verdict(state: &ContainerState) -> Option<Result<(), String>> {
    if state.running.is_some() || state.terminated.is_some() {
        return Some(Ok(()));
    }
    let waiting = state.waiting.as_ref()?;
    match waiting.reason.as_deref()? {
        "CreateContainerError" | "RunContainerError" | "CrashLoopBackOff" => Some(Ok(())),
        reason @ ("ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable") => {
            let cause = waiting.message.clone().unwrap_or_else(|| reason.to_owned());
            Some(Err(cause))
        }
        _ => None,
    }
}

fn is_settled(pod: &Pod) -> bool {
    let wanted = pod.spec.as_ref().map_or(0, |spec| spec.containers.len());
    let states = states(pod);
    states.len() == wanted && states.iter().all(|(_, state)| verdict(state).is_some())
}
