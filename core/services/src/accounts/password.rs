//! Password hashing: argon2id with the crate's defaults (19 MiB, two passes: the OWASP minimum), two at once.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::spawn_blocking;

use crate::ServiceError;

/// How many hashes may be computed at once; each takes a core and 19 MiB.
const AT_ONCE: usize = 2;

#[derive(Debug)]
pub(super) struct Passwords {
    slots: Arc<Semaphore>,
    /// Checked where there is no account, so that its absence cannot be told by the time it takes.
    nobody: OnceCell<String>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: OnceCell::new(),
        }
    }

    /// The hash to store, in PHC string format.
    pub(super) async fn hash(&self, password: &str) -> Result<String, ServiceError> {
        let password = password.to_owned();
        self.compute(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string())
                .map_err(|error| ServiceError::Internal(error.to_string()))
        })
        .await?
    }

    /// Whether the password is the one that was hashed. Takes as long without a hash.
    pub(super) async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, ServiceError> {
        let there = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => self
                .nobody
                .get_or_try_init(|| self.hash("nobody has this password"))
                .await?
                .clone(),
        };
        // Longer than any password that can be set: not worth hashing.
        let password: String = password.chars().take(257).collect();
        let matches = self
            .compute(move || {
                let Ok(parsed) = PasswordHash::new(&hash) else {
                    return false;
                };
                Argon2::default()
                    .verify_password(password.as_bytes(), &parsed)
                    .is_ok()
            })
            .await?;
        Ok(there && matches)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let internal = |error: &dyn std::error::Error| ServiceError::Internal(error.to_string());
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|error| internal(&error))?;
        spawn_blocking(move || {
            let _slot = slot;
            work()
        })
        .await
        .map_err(|error| internal(&error))
    }
}
