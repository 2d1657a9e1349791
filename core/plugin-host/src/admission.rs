//! Whose turn it is: bounded for all plugins together and for each.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{CALLS, CALLS_PER_PLUGIN, QUEUE};

/// The gate of the whole server.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

/// The gate of one plugin, behind which is the server's.
#[derive(Debug)]
pub(crate) struct PluginGate {
    own: Arc<Semaphore>,
    all: Gate,
}

/// A call's turn; held by whatever still computes, also after the caller stopped waiting.
#[derive(Debug)]
pub(crate) struct Turn {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(CALLS)))
    }

    pub(crate) fn for_plugin(&self) -> PluginGate {
        PluginGate {
            own: Arc::new(Semaphore::new(CALLS_PER_PLUGIN)),
            all: self.clone(),
        }
    }
}

impl PluginGate {
    /// Waits for a turn; `None` if there is none in time.
    pub(crate) async fn enter(&self) -> Option<Turn> {
        let both = async {
            // The plugin's own first: who waits there takes nothing from the others.
            let own = Arc::clone(&self.own).acquire_owned().await.ok()?;
            let all = Arc::clone(&self.all.0).acquire_owned().await.ok()?;
            Some(Turn { _own: own, _all: all })
        };
        tokio::time::timeout(QUEUE, both).await.ok().flatten()
    }
}
