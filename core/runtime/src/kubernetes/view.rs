//! A pod as this program reads it: what tells of its state, and none of the rest, of which the API server sends several
//! times as much. The most of that is who wrote which field, read into a tree of its own by whoever reads all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::PodStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// What is read of a pod.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct PodView {
    #[serde(deserialize_with = "metadata")]
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) spec: SpecView,
    #[serde(default)]
    pub(super) status: PodStatus,
}

/// What is read of what was asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpecView {
    /// Where it runs, once that is decided.
    pub(super) node_name: Option<String>,
    #[serde(default)]
    containers: Vec<IgnoredAny>,
    #[serde(default)]
    volumes: Vec<VolumeView>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeView {
    persistent_volume_claim: Option<ClaimView>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimView {
    claim_name: String,
}

impl SpecView {
    /// How many containers it is to have.
    pub(super) fn containers(&self) -> usize {
        self.containers.len()
    }

    /// The names of the claims that it mounts.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        let claims = self
            .volumes
            .iter()
            .filter_map(|volume| volume.persistent_volume_claim.as_ref());
        claims.map(|claim| claim.claim_name.as_str())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
}

fn metadata<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectMeta, D::Error> {
    let Metadata {
        name,
        uid,
        resource_version,
        deletion_timestamp,
        labels,
    } = Metadata::deserialize(from)?;
    Ok(ObjectMeta {
        name,
        uid,
        resource_version,
        deletion_timestamp,
        labels,
        ..ObjectMeta::default()
    })
}

impl Resource for PodView {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Pod".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "pods".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
