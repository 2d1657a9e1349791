//! Images: there, fetched, or missing.

use k8s_openapi::api::core::v1::Container;
use launchpad_domain::{Failure, Reason, RuntimeError, Workload};

use super::command::{Call, Cli};
use super::faults;

/// Makes every image of the workload be on this machine. `pulling` is called before the first is fetched.
pub(super) async fn ensure(cli: &Cli, workload: &Workload, pulling: impl Fn()) -> Result<(), RuntimeError> {
    let pod = &workload.plan.pod;
    let mut asked: Vec<&str> = Vec::new();
    for container in pod.init_containers.iter().flatten().chain(&pod.containers) {
        let image = container.image.as_deref().unwrap_or_default();
        if asked.contains(&image) {
            continue;
        }
        asked.push(image);
        if must_fetch(cli, container, image).await? {
            pulling();
            fetch(cli, image).await?;
        }
    }
    Ok(())
}

async fn must_fetch(cli: &Cli, container: &Container, image: &str) -> Result<bool, RuntimeError> {
    // No registry is called localhost: such an image was built here, or not at all.
    let only_here = image.starts_with("localhost/");
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

async fn fetch(cli: &Cli, image: &str) -> Result<(), RuntimeError> {
    let fetched = cli.run(Call::fetch(&["pull", "--quiet", image])).await?;
    if fetched.succeeded {
        Ok(())
    } else {
        Err(faults::refusal(&fetched.complaint(), Reason::ImagePull))
    }
}
