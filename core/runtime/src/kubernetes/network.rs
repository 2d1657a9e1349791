//! Who may talk to sessions, and to whom they may talk: one policy for all sessions of the instance.
//!
//! A cluster without a controller for `NetworkPolicies` ignores it and says nothing.

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::{Patch, PatchParams};
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use launchpad_domain::{InstanceId, RuntimeError};
use serde_json::{Value, json};

use super::access::Access;
use super::pod::MANAGED_BY;
use super::{FIELD_MANAGER, SessionNetwork};

/// Makes the policy what it has to be.
pub(super) async fn apply(
    access: &Access,
    instance: InstanceId,
    network: SessionNetwork,
) -> Result<(), RuntimeError> {
    let policies: Api<NetworkPolicy> = access.api().await?;
    let name = format!("launchpad-sessions-{instance}");
    let home = access.cluster().await?.home.clone();
    let policy = write(&name, instance, network, home.as_deref());
    // By force: whoever changed it by hand has a policy of one's own to write.
    let params = PatchParams::apply(FIELD_MANAGER).force();
    access
        .call(policies.patch(&name, &params, &Patch::Apply(&policy)))
        .await?;
    Ok(())
}

fn write(name: &str, instance: InstanceId, network: SessionNetwork, home: Option<&str>) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "labels": {INSTANCE_LABEL: instance.to_string(), MANAGED_BY.0: MANAGED_BY.1},
        },
        "spec": {
            "podSelector": {
                "matchLabels": {INSTANCE_LABEL: instance.to_string()},
                "matchExpressions": [{"key": SESSION_LABEL, "operator": "Exists"}],
            },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": home.map_or_else(|| json!([]), |home| json!([{"from": [portal(home)]}])),
            "egress": egress(network),
        },
    })
}

/// The portal's own pods, by the labels that the shipped manifests give them. A portal outside the cluster comes through
/// the node, which no policy keeps out.
fn portal(home: &str) -> Value {
    json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": home}},
        "podSelector": {"matchLabels": {
            "app.kubernetes.io/name": "launchpad",
            "app.kubernetes.io/component": "portal",
        }},
    })
}

fn egress(network: SessionNetwork) -> Value {
    match network {
        SessionNetwork::None => json!([]),
        SessionNetwork::Internet => json!([names(), {"to": [
            {"ipBlock": {"cidr": "0.0.0.0/0", "except":
                ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]}},
            {"ipBlock": {"cidr": "::/0", "except": ["fc00::/7", "fe80::/10"]}},
        ]}]),
        SessionNetwork::Open => json!([names(), {"to": [
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["100.100.100.200/32", "169.254.0.0/16"]}},
            {"ipBlock": {"cidr": "::/0", "except": ["fd00:ec2::254/128", "fe80::/10"]}},
        ]}]),
    }
}

/// The cluster's name server, which has a private address.
fn names() -> Value {
    json!({
        "to": [{
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }],
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_reached_by_the_portal_alone() {
        let instance = InstanceId::new();
        let inside = write("x", instance, SessionNetwork::Internet, Some("apps"));
        let from = &inside["spec"]["ingress"][0]["from"];
        assert_eq!(from.as_array().map(Vec::len), Some(1));
        assert_eq!(
            from[0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            "apps"
        );
        let outside = write("x", instance, SessionNetwork::Internet, None);
        assert_eq!(outside["spec"]["ingress"], json!([]));
    }

    #[test]
    fn no_session_reaches_what_a_cloud_tells_its_machines() {
        for network in [SessionNetwork::Internet, SessionNetwork::Open] {
            let out = egress(network);
            let blocks = out[1]["to"].as_array().unwrap();
            let excepted = blocks[0]["ipBlock"]["except"].to_string();
            assert!(excepted.contains("169.254.0.0/16"), "{excepted}");
        }
        assert_eq!(egress(SessionNetwork::None), json!([]));
    }
}
