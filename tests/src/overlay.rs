//! The overlays of `deploy/kubernetes`, moved into a namespace of a test as an operator's own overlay would.

use serde_json::{Value, json};

use crate::cluster::Namespace;
use crate::workspace;

/// An overlay of somebody's own, on one that is shipped.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    /// Which one it builds on: `single` or `postgres`.
    pub on: &'static str,
    /// What it adds: `ingress`, `httproute`, `servicemonitor`.
    pub components: &'static [&'static str],
    /// The portal's image and its tag, in place of the shipped name.
    pub image: Option<(String, String)>,
    /// A whole `launchpad.toml`, in place of the shipped one.
    pub settings: Option<String>,
}

impl Overlay {
    /// The manifests.
    pub async fn render(&self, namespace: &Namespace<'_>) -> anyhow::Result<String> {
        let folder = tempfile::tempdir()?;
        let mut kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": namespace.name(),
        });
        let deploy = workspace().canonicalize()?.join("deploy/kubernetes");
        // Kustomize wants ways from its own file on, and these lie in another place.
        let up = "../".repeat(folder.path().canonicalize()?.components().count());
        let way = |to: String| format!("{up}.{}", deploy.join(to).display());
        kustomization["resources"] = json!([way(format!("overlays/{}", self.on))]);
        kustomization["components"] = self
            .components
            .iter()
            .map(|name| Value::from(way(format!("components/{name}"))))
            .collect();
        if let Some((name, tag)) = &self.image {
            kustomization["images"] =
                json!([{"name": "localhost/launchpad/portal", "newName": name, "newTag": tag}]);
        }
        if let Some(settings) = &self.settings {
            std::fs::write(folder.path().join("launchpad.toml"), settings)?;
            kustomization["configMapGenerator"] =
                json!([{"name": "launchpad", "behavior": "replace", "files": ["launchpad.toml"]}]);
        }
        std::fs::write(
            folder.path().join("kustomization.yaml"),
            kustomization.to_string(),
        )?;
        namespace
            .kubectl(&["kustomize", &folder.path().display().to_string()], "")
            .await
    }
}
