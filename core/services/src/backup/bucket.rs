//! Backups in a bucket of an S3-compatible store.
//!
//! A snapshot is written and read again on this machine before it is sent, in parts of which the store verifies each by its
//! signature. What an interrupted upload leaves is no object and is seen by nobody; a bucket's own rule
//! (`AbortIncompleteMultipartUpload`) removes it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart};
use tempfile::TempDir;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::folder::MAX_MANIFEST;
use super::manifest::{Manifest, manifest_name, time_of};
use super::place::{Opened, Place, Unfinished};
use super::{BackupError, Result};

/// Bytes that are asked for, or sent, in one request.
const PART: u64 = 8 << 20;
/// Most parts of an upload, by S3's limits: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const MAX_PARTS: u64 = 10_000;
/// Requests at one time: with parts of 8 MiB they hold 32 MiB.
const AT_ONCE: usize = 4;
/// A store that does not answer is given up after so long; whoever waits at a command line wants to know.
const PATIENCE: Duration = Duration::from_secs(30);
/// And after so many tries more.
const RETRIES: usize = 5;

/// How buckets are reached: what the environment variables whose names begin with `AWS_` say, as every client of S3 reads them
/// (`AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_WEB_IDENTITY_TOKEN_FILE`, ...).
#[derive(Clone, Default)]
pub struct BucketAccess(BTreeMap<String, String>);

impl FromIterator<(String, String)> for BucketAccess {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        let ours = |(name, _): &(String, String)| name.starts_with("AWS_");
        Self(variables.into_iter().filter(ours).collect())
    }
}

impl fmt::Debug for BucketAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A bucket, and a place in it.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    address: String,
    prefix: Key,
    store: Arc<dyn ObjectStore>,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl Bucket {
    /// The bucket of `s3://bucket/prefix`. Nothing is asked of the store yet.
    pub(super) fn new(address: &str, access: &BucketAccess) -> Result<Self> {
        let refused = |why: String| BackupError::Refused(format!("`{address}`: {why}"));
        let url = Url::parse(address).map_err(|error| refused(error.to_string()))?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let bucket = url.host_str().filter(|_| bare).ok_or_else(|| {
            refused("a bucket is named s3://bucket/prefix, its store by AWS_ENDPOINT_URL".to_owned())
        })?;
        let prefix = Key::from_url_path(url.path()).map_err(|error| refused(error.to_string()))?;
        super::super::tls::choose_provider();
        let mut builder = AmazonS3Builder::new().with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: PATIENCE,
            ..RetryConfig::default()
        });
        for (name, value) in &access.0 {
            // Variables that other programs read are none of ours.
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
            // Who writes http into the address has decided.
            if name.starts_with("AWS_ENDPOINT_URL") && value.starts_with("http://") {
                builder = builder.with_allow_http(true);
            }
        }
        let store = builder
            .with_bucket_name(bucket)
            .build()
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            address: address.trim_end_matches('/').to_owned(),
            prefix,
            store: Arc::new(store),
        })
    }

    fn key(&self, name: &str) -> Key {
        self.prefix.clone().join(name)
    }

    fn failed(&self) -> impl Fn(object_store::Error) -> BackupError + use<> {
        let bucket = self.address.clone();
        move |cause| BackupError::Bucket {
            bucket: bucket.clone(),
            cause,
        }
    }

    /// Sends a file. The object is there once all of it is.
    async fn send(&self, file: &Path, name: &str) -> Result<()> {
        let at = BackupError::at(file);
        let mut source = File::open(file).await.map_err(&at)?;
        let length = source.metadata().await.map_err(&at)?.len();
        let part = PART.max(length.div_ceil(MAX_PARTS));
        let key = self.key(name);
        let upload = self.store.put_multipart(&key).await.map_err(self.failed())?;
        let size = usize::try_from(part).unwrap_or(usize::MAX);
        let mut upload = WriteMultipart::new_with_chunk_size(upload, size);
        if let Err(error) = self.send_parts(&mut source, part, &mut upload).await {
            if let Err(error) = upload.abort().await {
                tracing::warn!(bucket = %self, %error, "an upload that failed leaves parts behind");
            }
            return Err(error);
        }
        upload.finish().await.map_err(self.failed())?;
        let there = self.store.head(&key).await.map_err(self.failed())?.size;
        if there == length {
            return Ok(());
        }
        Err(BackupError::Refused(format!(
            "{self}/{name} has {there} bytes there, not {length}"
        )))
    }

    async fn send_parts(&self, source: &mut File, part: u64, upload: &mut WriteMultipart) -> Result<()> {
        loop {
            let mut bytes = Vec::new();
            let read = (&mut *source).take(part).read_to_end(&mut bytes).await;
            if read.map_err(BackupError::at(Path::new("the snapshot")))? == 0 {
                return Ok(());
            }
            upload.wait_for_capacity(AT_ONCE).await.map_err(self.failed())?;
            upload.put(bytes.into());
        }
    }
}

/// The ranges in which so many bytes are asked for: each request is short, so that one that is cut is repeated alone.
fn parts(length: u64) -> impl Iterator<Item = Range<u64>> {
    (0..length.div_ceil(PART)).map(move |part| part * PART..length.min((part + 1) * PART))
}

#[async_trait]
impl Place for Bucket {
    async fn files(&self) -> Result<BTreeMap<String, u64>> {
        let listed = self.store.list_with_delimiter(Some(&self.prefix)).await;
        let objects = listed.map_err(self.failed())?.objects;
        let files = objects
            .iter()
            .filter_map(|object| Some((object.location.filename()?, object.size)));
        Ok(files
            .filter(|(name, _)| time_of(name).is_some())
            .map(|(name, bytes)| (name.to_owned(), bytes))
            .collect())
    }

    async fn read(&self, manifest: &str) -> Result<Vec<u8>> {
        let key = self.key(manifest);
        let text = self.store.get_range(&key, 0..MAX_MANIFEST).await;
        Ok(text.map_err(self.failed())?.to_vec())
    }

    async fn fetch(&self, snapshot: &str, to: &Path) -> Result<()> {
        let key = self.key(snapshot);
        let length = self.store.head(&key).await.map_err(self.failed())?.size;
        let mut options = OpenOptions::new();
        let at = BackupError::at(to);
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .await
            .map_err(&at)?;
        let mut arriving = stream::iter(parts(length))
            .map(|part| self.store.get_range(&key, part))
            .buffered(AT_ONCE);
        while let Some(bytes) = arriving.try_next().await.map_err(self.failed())? {
            file.write_all(&bytes).await.map_err(&at)?;
        }
        file.flush().await.map_err(&at)
    }

    async fn open(&self, snapshot: &str) -> Result<Opened> {
        let folder = staging()?;
        let path = folder.path().join(snapshot);
        self.fetch(snapshot, &path).await?;
        Ok(Opened {
            path,
            _brought_to: Some(folder),
        })
    }

    async fn remove(&self, name: &str) -> Result<()> {
        match self.store.delete(&self.key(name)).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(cause) => Err(self.failed()(cause)),
        }
    }

    async fn begin(&self, snapshot: String) -> Result<Box<dyn Unfinished>> {
        // Before the work: whoever may not list may not write either, or the bucket is misspelt.
        if self.files().await?.contains_key(&snapshot) {
            return Err(BackupError::Refused(format!(
                "{self}/{snapshot} is there already"
            )));
        }
        let folder = staging()?;
        Ok(Box::new(Upload {
            path: folder.path().join(&snapshot),
            snapshot,
            bucket: self.clone(),
            _folder: folder,
        }))
    }
}

/// A folder of this machine that goes with the answer; `TMPDIR` says where it is.
fn staging() -> Result<TempDir> {
    TempDir::with_prefix("launchpad-backup-").map_err(BackupError::at(&std::env::temp_dir()))
}

/// A snapshot that lies here until it is sent.
struct Upload {
    path: PathBuf,
    snapshot: String,
    bucket: Bucket,
    _folder: TempDir,
}

#[async_trait]
impl Unfinished for Upload {
    fn path(&self) -> &Path {
        &self.path
    }

    async fn finish(self: Box<Self>, manifest: &Manifest) -> Result<()> {
        self.bucket.send(&self.path, &self.snapshot).await?;
        let key = self.bucket.key(&manifest_name(&self.snapshot));
        let sent = self.bucket.store.put(&key, manifest.text()?.into()).await;
        sent.map_err(self.bucket.failed()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_a_name_and_perhaps_a_place_and_nothing_else() {
        let access = BucketAccess::from_iter([("AWS_REGION".to_owned(), "eu-central-1".to_owned())]);
        for (address, prefix) in [
            ("s3://b", ""),
            ("s3://b/", ""),
            ("s3://b/p/q/", "p/q"),
            ("s3://b/a%20b", "a b"),
        ] {
            let bucket = Bucket::new(address, &access).unwrap();
            assert_eq!(bucket.prefix.as_ref(), prefix, "{address}");
        }
        for address in [
            "s3://",
            "s3:///p",
            "s3://key:secret@b/p",
            "s3://b:9000/p",
            "s3://b/p?versionId=1",
            "s3://b/p#1",
        ] {
            assert!(Bucket::new(address, &access).is_err(), "{address}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let access = BucketAccess::from_iter([
            ("AWS_ACCESS_KEY_ID".to_owned(), "us".to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), "hunter2".to_owned()),
            ("PATH".to_owned(), "/bin".to_owned()),
        ]);
        assert_eq!(
            format!("{access:?}"),
            r#"{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}"#
        );
        let bucket = Bucket::new("s3://b/p", &access).unwrap();
        assert!(!format!("{bucket:?}").contains("hunter2"));
    }

    #[test]
    fn parts_cover_everything_once() {
        assert_eq!(parts(0).count(), 0);
        assert!(parts(PART).eq(std::iter::once(0..PART)));
        assert!(parts(PART + 1).eq([0..PART, PART..PART + 1]));
    }
}
