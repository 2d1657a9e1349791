//! Images: there, fetched, or missing.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Container;
use launchpad_domain::{Failure, Finding, Needs, Reason, RuntimeError, Workload};

use super::command::{Call, Cli};
use super::faults;

/// The images of the workload that are to be fetched.
///
/// # Errors
/// An image that is not here and that nobody can fetch.
pub(super) async fn missing(cli: &Cli, workload: &Workload) -> Result<Vec<String>, RuntimeError> {
    let pod = &workload.plan.pod;
    let wanted: BTreeMap<&str, &Container> = pod
        .init_containers
        .iter()
        .flatten()
        .chain(&pod.containers)
        .map(|container| (container.image.as_deref().unwrap_or_default(), container))
        .collect();
    let asked = wanted.into_iter().map(async |(image, container)| {
        let missing = must_fetch(cli, container, image).await?;
        Ok::<_, RuntimeError>(missing.then(|| image.to_owned()))
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

/// Fetches images, one after the other.
pub(super) async fn fetch(cli: &Cli, images: &[String]) -> Result<(), RuntimeError> {
    for image in images {
        let fetched = cli.run(Call::fetch(&["pull", "--quiet", image])).await?;
        if !fetched.succeeded {
            return Err(faults::refusal(&fetched.complaint(), Reason::ImagePull));
        }
    }
    Ok(())
}

/// Whether these images are on this machine, or may be fetched when they are needed.
pub(super) async fn examine(cli: &Cli, needs: &Needs) -> Finding {
    let mut wrong = Vec::new();
    let mut elsewhere = Vec::new();
    for image in needs.all_images() {
        match cli.run(Call::quick(&["image", "exists", image])).await {
            Ok(finished) if finished.succeeded => {}
            Ok(_) if is_only_here(image) => wrong.push(format!("{image} is not on this machine")),
            Ok(_) => elsewhere.push(image),
            Err(error) => wrong.push(format!("{image}: {error}")),
        }
    }
    if !wrong.is_empty() {
        return Finding::missing(
            "images",
            wrong.join("\n"),
            "podman build or podman load brings them here",
        );
    }
    if !elsewhere.is_empty() {
        let detail = format!("fetched at the first launch: {}", elsewhere.join(", "));
        return Finding::missing("images", detail, format!("podman pull {}", elsewhere.join(" ")));
    }
    Finding::ok(
        "images",
        format!("{} on this machine", needs.all_images().count()),
    )
}

/// No registry is called localhost: such an image was built here, or not at all.
fn is_only_here(image: &str) -> bool {
    image.starts_with("localhost/")
}

async fn must_fetch(cli: &Cli, container: &Container, image: &str) -> Result<bool, RuntimeError> {
    let only_here = is_only_here(image);
    let policy = container.image_pull_policy.as_deref().unwrap_or("IfNotPresent");
    if policy == "Always" && !only_here {
        return Ok(true);
    }
    let known = cli.run(Call::quick(&["image", "exists", image])).await?.succeeded;
    if !known && (policy == "Never" || only_here) {
        let detail = format!("{image}: not on this machine, and nowhere to fetch it from");
        return Err(RuntimeError::Refused(Failure::new(Reason::ImageMissing, detail)));
    }
    Ok(!known)
}
