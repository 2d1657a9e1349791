//! What every handler needs.

use std::sync::Arc;

use axum::extract::FromRef;
use launchpad_services::Services;
use tokio_util::sync::CancellationToken;

use crate::PublicAddress;

/// The services, the address and the end of the program. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Site {
    pub(crate) services: Arc<Services>,
    pub(crate) address: Arc<PublicAddress>,
    /// Cancelled when the program stops: open streams end then.
    pub(crate) stopping: CancellationToken,
}

impl Site {
    /// Puts together what handlers need. `stopping` ends open streams, which would otherwise outlive the listener.
    pub fn new(services: Arc<Services>, address: PublicAddress, stopping: CancellationToken) -> Self {
        Self {
            services,
            address: Arc::new(address),
            stopping,
        }
    }
}

impl FromRef<Site> for Arc<Services> {
    fn from_ref(site: &Site) -> Self {
        Self::clone(&site.services)
    }
}
