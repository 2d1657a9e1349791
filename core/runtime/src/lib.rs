//! The engines that run workloads: implementations of the port [`launchpad_domain::Runtime`].
//!
//! An engine sees and touches only what carries its instance's label. What it reports is judged here and becomes a
//! [`launchpad_domain::Failure`] with a reason for people and the raw cause; what it cannot report becomes an error,
//! never a guess.

mod endpoint;
mod exits;
mod kubernetes;
mod owned;
mod podman;

pub use kubernetes::{ConnectBy, Kubernetes, KubernetesSettings, SessionNetwork};
pub use podman::Podman;
