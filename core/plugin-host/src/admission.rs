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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_plugin_waits_its_time_while_others_enter_until_all_is_full() {
        let gate = Gate::new();
        let full = gate.for_plugin();
        let mut turns = Vec::new();
        for _ in 0..CALLS_PER_PLUGIN {
            turns.push(full.enter().await.unwrap());
        }
        let (refused, others) = tokio::join!(full.enter(), async {
            let mut others = Vec::new();
            for _ in 1..CALLS / CALLS_PER_PLUGIN {
                let plugin = gate.for_plugin();
                for _ in 0..CALLS_PER_PLUGIN {
                    others.push(plugin.enter().await.unwrap());
                }
            }
            others
        });
        assert!(refused.is_none());
        let next = gate.for_plugin();
        // A turn that is given back is the next one's.
        let (entered, ()) = tokio::join!(next.enter(), async { drop(others) });
        assert!(entered.is_some());
        drop(turns);
        assert!(full.enter().await.is_some());
    }
}
