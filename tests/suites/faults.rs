//! What goes wrong on real machines with Podman, beyond what `engines` tries on every engine: it is not installed, its disk
//! is full, it is gone. Each must end in a state and a sentence, and leave nothing behind.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use launchpad_tests::{Seed, desktop, link};
use reqwest::Method;
use serde_json::json;

use crate::{PASSWORD, portal};

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_links_open_and_a_launch_says_what_to_install() -> anyhow::Result<()> {
    let empty = tempfile::tempdir()?;
    let apps = vec![desktop("desktop"), link("wiki", "https://wiki.example/")];
    let portal = portal().seed(Seed::Apps(apps)).path(empty.path()).start().await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let opened = ada.get("/go/wiki").await?;
    ensure!(
        opened.location() == Some("https://wiki.example/"),
        "{:?}",
        opened.location()
    );
    let refused = ada
        .send_json(Method::POST, "/api/sessions", &json!({ "app_id": "desktop" }))
        .await?
        .expect(503)?;
    ensure!(refused.body.to_lowercase().contains("podman"), "{}", refused.body);
    Ok(())
}

const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Writes a program of our own that stands before the machine's.
fn write_program(path: &Path, script: &str) -> anyhow::Result<()> {
    std::fs::write(path, script)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// A `podman` that keeps its containers on a disk of three megabytes, and has the machine's images.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let disk = folder.path().join("disk");
        std::fs::create_dir(&disk)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
            .arg(&disk)
            .status()?;
        ensure!(
            mounted.success(),
            "a small disk cannot be mounted: run the suites as root"
        );
        let small = Self { folder };
        let script = format!(
            "#!/bin/sh\nexec /usr/bin/podman --root {disk}/root --runroot {disk}/run \
             --storage-opt additionalimagestore=/var/lib/containers/storage \"$@\"\n",
            disk = disk.display()
        );
        write_program(&small.folder.path().join("podman"), &script)?;
        Ok(small)
    }

    /// Leaves no byte free.
    fn fill(&self) -> anyhow::Result<()> {
        let mut file = std::fs::File::create(self.folder.path().join("disk/filling"))?;
        let full = loop {
            if let Err(error) = file.write_all(&[0; 1_024]) {
                break error;
            }
        };
        ensure!(full.kind() == std::io::ErrorKind::StorageFull, "{full}");
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Containers' own mounts lie below it; lazily, so that none of them holds it.
        let unmounted = Command::new("umount")
            .args(["--lazy", "--recursive"])
            .arg(self.folder.path().join("disk"))
            .status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("the small disk is still mounted");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told() -> anyhow::Result<()> {
    let disk = SmallDisk::new()?;
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .path(format!("{}:{SEARCH_PATH}", disk.folder.path().display()))
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    disk.fill()?;
    let session = ada.launch("desktop").await?;
    let failed = ada.until(&session.id, "failed").await?;
    ensure!(failed.reason == Some("disk_full".into()), "{failed:?}");
    Ok(())
}

/// A folder with a `podman` of our own in it, which is the machine's until it is told to be away.
struct Switch {
    folder: tempfile::TempDir,
}

impl Switch {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("podman");
        let away = folder.path().join("away");
        let script = format!(
            "#!/bin/sh\nif [ -e {} ]; then echo 'Cannot connect to Podman' >&2; exit 125; fi\nexec /usr/bin/podman \"$@\"\n",
            away.display()
        );
        write_program(&program, &script)?;
        Ok(Self { folder })
    }

    fn path(&self) -> String {
        format!("{}:{SEARCH_PATH}", self.folder.path().display())
    }

    fn away(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("away")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_comes_back_is_cleaned_up() -> anyhow::Result<()> {
    let switch = Switch::new()?;
    let portal = portal()
        .seed(Seed::Apps(vec![desktop("desktop")]))
        .path(switch.path())
        .start()
        .await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    let session = ada.launch("desktop").await?;
    ada.until(&session.id, "running").await?;

    std::fs::write(switch.away(), "")?;
    ada.end(&session.id).await?;
    ada.until(&session.id, "stopped").await?;
    ensure!(
        !portal.engine()?.leftovers()?.is_empty(),
        "the workload went although its engine was away"
    );
    std::fs::remove_file(switch.away())?;
    portal.engine()?.until_empty().await
}
