//! Secrets that we hand out: 256 random bits as base64url text; only the hash is kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A secret that was just made.
pub(super) struct Secret(String);

impl Secret {
    const BYTES: usize = 32;

    /// A new one from the operating system's generator, by way of the thread's.
    pub(super) fn new() -> Self {
        let bytes: [u8; Self::BYTES] = rand::random();
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What is stored of it. A plain hash is enough: nobody guesses 256 random bits.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }

    /// The text, to be shown once.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// The hash of a secret that somebody shows; `None` if no secret of ours looks like that.
    pub(super) fn hash_of(text: &str) -> Option<String> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == Self::BYTES => Some(hex::encode(Sha256::digest(text))),
            _ => None,
        }
    }
}
