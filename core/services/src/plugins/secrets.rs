//! Secrets for plugins and their sessions: a folder of the operator's with one file for each, named after it, as
//! Kubernetes mounts a Secret.

use std::path::{Path, PathBuf};

use launchpad_domain::HostCallError;
use tokio::io::AsyncReadExt;

/// Most bytes of a secret.
const MAX_SECRET: u64 = 64 * 1_024;

/// The folder; none: there are no secrets.
#[derive(Debug, Clone)]
pub(crate) struct Secrets(Option<PathBuf>);

impl Secrets {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// The secret with this name, read anew each time: a secret that was changed is the new one at once. One line
    /// break at its end, which editors leave, is not part of it.
    pub(crate) async fn read(&self, name: &str) -> Result<String, HostCallError> {
        let missing = || HostCallError::new("not-found", format!("the operator has no secret `{name}`"));
        // Grants hold names without separators; here they become paths.
        let plain = Path::new(name).file_name().is_some_and(|file| file == name) && !name.starts_with('.');
        let folder = self.0.as_ref().filter(|_| plain).ok_or_else(missing)?;
        let unreadable = |cause: std::io::Error| {
            tracing::error!(secret = name, %cause, "a secret cannot be read");
            HostCallError::new("unavailable", format!("the secret `{name}` cannot be read"))
        };
        let file = match tokio::fs::File::open(folder.join(name)).await {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
            other => other.map_err(unreadable)?,
        };
        let mut text = String::new();
        file.take(MAX_SECRET + 1)
            .read_to_string(&mut text)
            .await
            .map_err(unreadable)?;
        if text.len() as u64 > MAX_SECRET {
            return Err(unreadable(std::io::Error::other("has more than 64 KiB")));
        }
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_a_file_of_the_folder_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("secrets");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("token"), "abc\n").unwrap();
        std::fs::write(inside.join("large"), "x".repeat(65 * 1_024)).unwrap();
        std::fs::write(folder.path().join("outside"), "no").unwrap();
        let secrets = Secrets::new(Some(inside));
        assert_eq!(secrets.read("token").await.unwrap(), "abc");
        for (name, code) in [
            ("other", "not-found"),
            ("../outside", "not-found"),
            ("..", "not-found"),
            ("large", "unavailable"),
        ] {
            assert_eq!(secrets.read(name).await.unwrap_err().code, code, "{name}");
        }
        assert!(Secrets::new(None).read("token").await.is_err());
    }
}
