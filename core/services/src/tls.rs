//! The one implementation of TLS that everything here uses.

/// Chooses it for the process; somebody else's choice is as good.
pub(crate) fn choose_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
