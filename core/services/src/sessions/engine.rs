//! The engine and what was last seen of it.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use launchpad_domain::{Runtime, RuntimeError};

/// What was last seen of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// None is configured or installed.
    None,
    /// Nobody has asked it anything yet.
    Unknown,
    /// It answers; its name and version.
    Answers(String),
    /// It does not answer; the raw cause.
    Away(String),
}

impl fmt::Display for EngineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none is installed"),
            Self::Unknown => f.write_str("not asked yet"),
            Self::Answers(what) => f.write_str(what),
            Self::Away(cause) => write!(f, "does not answer: {cause}"),
        }
    }
}

/// The configured engine.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) runtime: Arc<dyn Runtime>,
    state: ArcSwap<EngineState>,
}

impl Engine {
    pub(super) fn new(runtime: Arc<dyn Runtime>) -> Self {
        Self {
            runtime,
            state: ArcSwap::from_pointee(EngineState::Unknown),
        }
    }

    /// What was last seen.
    pub(super) fn state(&self) -> EngineState {
        self.state.load().as_ref().clone()
    }

    /// Asks the engine whether it answers, and remembers it.
    pub(super) async fn check(&self) -> Result<(), String> {
        match self.runtime.check().await {
            Ok(what) => {
                self.state.store(Arc::new(EngineState::Answers(what)));
                Ok(())
            }
            Err(error) => {
                self.note(&error);
                Err(error.to_string())
            }
        }
    }

    /// Remembers that the engine was away, if that is what the error says.
    pub(crate) fn note(&self, error: &RuntimeError) {
        if let RuntimeError::Away(cause) = error {
            self.state.store(Arc::new(EngineState::Away(cause.clone())));
        }
    }

    /// Whether a launch may be tried: asks again where the last look was bad.
    pub(super) async fn ready(&self) -> Result<(), String> {
        match self.state() {
            EngineState::Away(_) => self.check().await,
            _ => Ok(()),
        }
    }
}
