//! What can go wrong in a use case; `launchpad-web` turns each into one answer.

use launchpad_domain::{AppId, HookError, Problems, Refusal, RuntimeError};
use launchpad_store::StoreError;

/// Why a use case did not do what it was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Values that may not stand, each with its field.
    #[error("{0}")]
    Invalid(Problems),
    /// There is no such thing; the noun says what.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The viewer may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The id or name belongs to something else.
    #[error("{0} is taken")]
    Taken(String),
    /// It cannot go as long as something else needs it; says what to do.
    #[error("{0}")]
    InUse(String),
    /// It was changed by somebody else since it was read.
    #[error("it was changed in the meantime")]
    Stale,
    /// A limit is reached.
    #[error("{message}")]
    OverLimit {
        /// Which, and what to do.
        message: String,
        /// After how many seconds it may be worth asking again.
        retry_after_s: u64,
    },
    /// The app opens a link and has no session.
    #[error("{app_id} is a link: open /go/{app_id}")]
    OpensLink {
        /// The app.
        app_id: AppId,
    },
    /// The app starts a container and has no link.
    #[error("{app_id} is launched, not opened")]
    OpensPod {
        /// The app.
        app_id: AppId,
    },
    /// There is no engine, or it does not answer; says what to do.
    #[error("{0}")]
    EngineAway(String),
    /// The launch type gave no usable answer.
    #[error(transparent)]
    LaunchType(HookError),
    /// Name or password is wrong, or the account is disabled: which of them is not said.
    #[error("name or password is wrong")]
    WrongPassword,
    /// Something inside broke; the text is for the log.
    #[error("{0}")]
    Internal(String),
    /// The database is held by others for longer than one waits, or does not answer; it may be asked again.
    #[error("{0}")]
    Busy(#[source] StoreError),
    /// The disk of the database is full.
    #[error("{0}: nothing was changed")]
    Full(#[source] StoreError),
    /// The database did not do it.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(what) => Self::Taken(what),
            StoreError::Stale => Self::Stale,
            busy @ (StoreError::Busy(_) | StoreError::Away(_)) => Self::Busy(busy),
            full @ StoreError::Full(_) => Self::Full(full),
            other => Self::Store(other),
        }
    }
}

impl From<HookError> for ServiceError {
    fn from(error: HookError) -> Self {
        match error {
            HookError::InvalidInput(problems) => Self::Invalid(Problems(problems)),
            HookError::UnknownLaunchType { .. } => {
                Self::Invalid(Problems::one("launch_type", error.to_string()))
            }
            other => Self::LaunchType(other),
        }
    }
}

impl From<Problems> for ServiceError {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}

impl From<RuntimeError> for ServiceError {
    fn from(error: RuntimeError) -> Self {
        Self::EngineAway(error.to_string())
    }
}
