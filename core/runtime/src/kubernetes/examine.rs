//! What `launchpad doctor` asks of a cluster: each line is ok, or what is wrong and the command that mends it.

mod images;
mod isolation;
mod probe;
mod rights;
mod room;

use launchpad_domain::{Finding, Needs, RuntimeError};

use super::access::Access;

pub(super) use rights::lacking;

/// Looks at everything. Where the cluster does not answer, that is all there is to tell.
pub(super) async fn examine(access: &Access, needs: &Needs) -> Vec<Finding> {
    let namespace = access.namespace();
    let mut findings = match access.version().await {
        Ok(version) => vec![Finding::ok(
            "engine",
            format!("Kubernetes {version}, namespace {namespace}"),
        )],
        Err(error) => {
            return vec![Finding::wrong(
                "engine",
                error.to_string(),
                "kubectl cluster-info tells more; see the setting runtime and the variable KUBECONFIG",
            )];
        }
    };
    let (rights, quota, storage) = tokio::join!(
        rights::examine(access),
        room::quota(access),
        room::storage(access, &needs.storage_classes),
    );
    findings.extend([rights, quota, storage]);
    let (images, isolation) = tokio::join!(images::examine(access, needs), isolation::examine(access, needs));
    findings.extend([images, isolation]);
    findings
}

/// A look that was refused, as far as it does not concern rights, which have a line of their own.
fn not_seen(what: &'static str, error: &RuntimeError, namespace: &str) -> Finding {
    Finding::wrong(
        what,
        error.to_string(),
        format!("kubectl get namespace {namespace}, and the line about rights"),
    )
}
