//! What disks do to a database file: the real program on real files, killed at each sync, cut off from power, refused
//! room, refused syncs, locked out, and started on files that are not what they were.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use launchpad_domain::AuditFilter;
use launchpad_tests::{Client, Portal, Recipe, Seed, link};
use reqwest::Method;

use crate::commands::{out, says};
use crate::{PASSWORD, portal};

/// A catalogue of links: no engine is needed for them.
fn recipe() -> Recipe {
    let apps = vec![link("wiki", "https://wiki.example/")];
    portal().seed(Seed::Apps(apps)).set("LAUNCHPAD_RUNTIME", "none")
}

/// What a client was told is saved, in one portal's life or several.
#[derive(Default)]
struct Acknowledged {
    apps: Vec<String>,
    tried: usize,
}

impl Acknowledged {
    /// Adds apps, one after the other, until the portal does not answer any more or refuses.
    async fn write(&mut self, ada: &Client, most: usize) -> anyhow::Result<()> {
        for _ in 0..most {
            let id = format!("app-{}", self.tried);
            self.tried += 1;
            let app = link(&id, "https://app.example/");
            match ada.send_json(Method::POST, "/api/apps", &app).await {
                Ok(answer) if answer.status == 201 => self.apps.push(id),
                Ok(answer) => {
                    ensure!(
                        answer.status.is_server_error(),
                        "{}: {}",
                        answer.status,
                        answer.body
                    );
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Everything is there, once, with its audit row; the file is whole, and so is the audit log.
    async fn check(&self, portal: &Portal, ada: &Client) -> anyhow::Result<()> {
        let apps = ada.get("/api/apps").await?.expect(200)?.json()?;
        let apps = apps.as_array().context("a list")?;
        for id in &self.apps {
            let found = apps.iter().filter(|app| app["id"] == id.as_str()).count();
            ensure!(found == 1, "{id} was acknowledged and is there {found} times");
        }
        let store = portal.store().await?;
        let filter = AuditFilter {
            action: Some("CREATE_APP".to_owned()),
            ..AuditFilter::default()
        };
        let noted = store.audit().page(&filter, None, 10_000).await?;
        let mut noted: Vec<&str> = noted.iter().map(|row| row.target.as_str()).collect();
        let mut there: Vec<&str> = apps.iter().filter_map(|app| app["id"].as_str()).collect();
        there.retain(|id| id.starts_with("app-"));
        noted.retain(|id| id.starts_with("app-"));
        noted.sort_unstable();
        there.sort_unstable();
        ensure!(
            noted == there,
            "apps and audit rows differ: {there:?} and {noted:?}"
        );
        store.close().await?;
        says(portal, &["audit", "verify"], "", 0).await?;
        // It is opened and read as a whole before it counts.
        says(portal, &["backup", "checked"], "", 0).await?;
        Ok(())
    }
}

/// Which calls bring something to a disk.
const SYNC: &str = "fsync,fdatasync";

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_a_sync_of_the_first_start_the_next_one_succeeds() -> anyhow::Result<()> {
    for sync in 1..=8 {
        let mut portal = recipe().unstarted()?;
        if portal
            .start_injected(&format!("{SYNC}:signal=KILL:when={sync}"))
            .await?
        {
            portal.kill().await?;
        } else {
            portal.until_ended().await?;
        }
        portal
            .start_again()
            .await
            .with_context(|| format!("after a kill at sync {sync}"))?;
        let ada = portal.account("ada", "admin", PASSWORD).await?;
        let mut saved = Acknowledged::default();
        saved.write(&ada, 3).await?;
        ensure!(saved.apps.len() == 3);
        saved
            .check(&portal, &ada)
            .await
            .with_context(|| format!("after a kill at sync {sync}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_sync_nothing_acknowledged_is_lost() -> anyhow::Result<()> {
    let mut portal = recipe().start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    portal.kill().await?;
    let mut saved = Acknowledged::default();
    for sync in [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 40] {
        if portal
            .start_injected(&format!("{SYNC}:signal=KILL:when={sync}"))
            .await?
        {
            saved.write(&ada, 400).await?;
        }
        let ended = portal.until_ended().await?;
        ensure!(!ended.success(), "it was not killed: {ended}");
        portal.start_again().await?;
        saved
            .check(&portal, &ada)
            .await
            .with_context(|| format!("after a kill at sync {sync}"))?;
        portal.kill().await?;
    }
    ensure!(saved.apps.len() > 40, "only {} were saved", saved.apps.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_ends_the_process_and_loses_nothing() -> anyhow::Result<()> {
    let mut portal = recipe().start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    portal.kill().await?;
    let mut saved = Acknowledged::default();
    ensure!(
        portal
            .start_injected(&format!("{SYNC}:error=EIO:when=12"))
            .await?
    );
    saved.write(&ada, 400).await?;
    let log = portal.log();
    let ended = portal.until_ended().await?;
    ensure!(ended.code() == Some(1), "{ended}: {log}");
    ensure!(saved.apps.len() < 400);
    portal.start_again().await?;
    saved.check(&portal, &ada).await
}

/// A disk of this machine's memory or in a file, for the database alone. Dropped, it is gone.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// A disk in memory of so many megabytes.
    fn small(megabytes: u32) -> anyhow::Result<Self> {
        let disk = Self::unmounted()?;
        disk.mount(&["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])?;
        Ok(disk)
    }

    /// A disk whose every block is in a file.
    fn in_file() -> anyhow::Result<Self> {
        let disk = Self::unmounted()?;
        let image = std::fs::File::create(disk.image())?;
        image.set_len(96 * 1_024 * 1_024)?;
        run(Command::new("mkfs.ext4").arg("-q").arg(disk.image()))?;
        disk.mount_image()?;
        Ok(disk)
    }

    fn unmounted() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("launchpad-disk-").tempdir()?;
        std::fs::create_dir(folder.path().join("mounted"))?;
        Ok(Self { folder })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run(Command::new("mount").args(arguments).arg(self.path()))
            .context("the suites mount disks: run them as root")
    }

    fn mount_image(&self) -> anyhow::Result<()> {
        let image = self.image();
        self.mount(&["-o", "loop", image.to_str().context("a path")?])
    }

    fn unmount(&self) -> anyhow::Result<()> {
        run(Command::new("umount").arg(self.path()))
    }

    /// Takes what a power cut now would leave on the disk, and puts that in its place.
    fn cut_power(&self) -> anyhow::Result<()> {
        let left = self.folder.path().join("left");
        // Before it is unmounted, which would write what is still in memory.
        run(Command::new("cp")
            .arg("--sparse=always")
            .arg(self.image())
            .arg(&left))?;
        self.unmount()?;
        std::fs::rename(left, self.image())?;
        self.mount_image()
    }

    /// Leaves no byte free.
    fn fill(&self) -> anyhow::Result<()> {
        let mut file = std::fs::File::create(self.path().join("filling"))?;
        let full = loop {
            if let Err(error) = file.write_all(&[0; 512]) {
                break error;
            }
        };
        ensure!(full.kind() == std::io::ErrorKind::StorageFull, "{full}");
        Ok(())
    }

    fn free(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.path().join("filling"))?)
    }

    /// The recipe with its database on this disk.
    fn recipe(&self) -> Recipe {
        recipe().database(self.path().join("launchpad.db").display().to_string())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.path()).status());
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let done = command.output()?;
    ensure!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_nothing_that_was_acknowledged() -> anyhow::Result<()> {
    let disk = Disk::in_file()?;
    let mut portal = disk.recipe().start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    let mut saved = Acknowledged::default();
    for _ in 0..4 {
        let before = saved.apps.len();
        saved.write(&ada, 25).await?;
        ensure!(saved.apps.len() == before + 25);
        portal.kill().await?;
        disk.cut_power()?;
        portal.start_again().await?;
        saved.check(&portal, &ada).await?;
    }
    portal.kill().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_changes_and_nothing_else() -> anyhow::Result<()> {
    let disk = Disk::small(12)?;
    let mut portal = disk.recipe().start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    let mut saved = Acknowledged::default();
    saved.write(&ada, 5).await?;
    disk.fill()?;
    // What is in the log already may still have room for a few.
    let refused = loop {
        let app = link(&format!("more-{}", saved.tried), "https://app.example/");
        saved.tried += 1;
        let answer = ada.send_json(Method::POST, "/api/apps", &app).await?;
        if answer.status != 201 {
            break answer;
        }
        ensure!(saved.tried < 2_000, "the disk is not full");
    };
    let refused = refused.expect(507)?;
    ensure!(refused.body.contains("no room left"), "{}", refused.body);
    ada.get("/api/apps").await?.expect(200)?;
    portal.stranger()?.get("/readyz").await?.expect(200)?;
    let place = disk.path().join("backups").display().to_string();
    says(&portal, &["backup", &place], "", 1).await?;
    let left = std::fs::read_dir(disk.path().join("backups"))
        .into_iter()
        .flatten();
    let left: Vec<_> = left.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    ensure!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with("launchpad-")),
        "{left:?}"
    );

    disk.free()?;
    let before = saved.apps.len();
    saved.write(&ada, 5).await?;
    ensure!(
        saved.apps.len() == before + 5,
        "it does not recover: {}",
        portal.log()
    );
    portal.kill().await?;
    portal.start_again().await?;
    saved.check(&portal, &ada).await?;
    portal.kill().await
}

/// Holds the lock of a writer, as any other process with this database open could: SQLite's byte for it in the index of
/// the log (`WAL_WRITE_LOCK`). Perl is part of every Debian.
const WRITER: &str = "use Fcntl; open(F, '+<', shift) or die; \
    my $lock = pack('s s x4 q q i x4', F_WRLCK, 0, 120, 1, 0); fcntl(F, F_SETLK, $lock) or die; $| = 1; print \"held\\n\"; <STDIN>";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_locked_out_waits_and_is_then_told() -> anyhow::Result<()> {
    let portal = recipe().start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    let mut saved = Acknowledged::default();
    saved.write(&ada, 1).await?;
    let mut other = Command::new("perl")
        .args(["-e", WRITER])
        .arg(portal.folder().join("launchpad.db-shm"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut held = [0; 5];
    std::io::Read::read_exact(other.stdout.as_mut().context("stdout")?, &mut held)?;
    let app = link("refused", "https://app.example/");
    let refused = ada
        .send_json(Method::POST, "/api/apps", &app)
        .await?
        .expect(503)?;
    ensure!(
        refused.headers.contains_key("retry-after"),
        "{:?}",
        refused.headers
    );
    ada.get("/api/apps").await?.expect(200)?;
    // One that is let in while it waits is not refused.
    let waiting = tokio::spawn(async move {
        let app = link("waits", "https://app.example/");
        ada.send_json(Method::POST, "/api/apps", &app)
            .await
            .map(|answer| (answer.status, ada))
    });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    drop(other.stdin.take());
    other.wait()?;
    let (status, ada) = waiting.await??;
    ensure!(status == 201, "{status}");
    let apps = ada.get("/api/apps").await?.expect(200)?.body;
    ensure!(
        apps.contains("\"waits\"") && !apps.contains("\"refused\""),
        "{apps}"
    );
    saved.write(&ada, 3).await?;
    saved.check(&portal, &ada).await
}

/// What was done to a database file, and what the next start says of it.
type Damage = (&'static str, fn(&Path) -> anyhow::Result<()>);

const DAMAGES: &[Damage] = &[
    ("is missing, but", |file| Ok(std::fs::remove_file(file)?)),
    ("is missing, but", |file| Ok(std::fs::write(file, b"")?)),
    ("its end is missing", |file| {
        let length = std::fs::metadata(file)?.len();
        Ok(std::fs::OpenOptions::new()
            .write(true)
            .open(file)?
            .set_len(length / 2 / 4_096 * 4_096)?)
    }),
    ("does not begin as a SQLite database does", |file| {
        overwrite(file, 0, b"Nothing")
    }),
    ("is not readable", |file| overwrite(file, 16, &[0, 3])),
    // The first page says what tables there are.
    ("is damaged", |file| overwrite(file, 100, &[0xFF; 512])),
];

fn overwrite(file: &Path, at: u64, bytes: &[u8]) -> anyhow::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).open(file)?;
    Ok(std::os::unix::fs::FileExt::write_all_at(&file, bytes, at)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_it_was_is_refused_and_left() -> anyhow::Result<()> {
    let mut portal = recipe().start().await?;
    let ada = portal.account("ada", "admin", PASSWORD).await?;
    let mut saved = Acknowledged::default();
    saved.write(&ada, 20).await?;
    // The last to close takes the log into the file.
    says(&portal, &["backup", "backups"], "", 0).await?;
    portal.end().await?;
    let file = portal.folder().join("launchpad.db");
    let whole = std::fs::read(&file)?;
    for (sentence, damage) in DAMAGES {
        damage(&file)?;
        let before = std::fs::read(&file).ok();
        let refused = says(&portal, &["serve"], "", 1).await?;
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        ensure!(
            told.contains(sentence) && told.contains("backup"),
            "{sentence}: {told}"
        );
        ensure!(
            std::fs::read(&file).ok() == before,
            "{sentence}: the file was changed"
        );
        std::fs::write(&file, &whole)?;
    }

    // Content that is not what was written is not seen by a start, and found by who looks.
    let folder = portal.folder().join("backups");
    let mut backups = std::fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let backup = backups
        .find(|path| path.extension().is_some_and(|kind| kind == "db"))
        .context("a backup")?;
    let place = std::fs::read(&backup)?;
    let place = place
        .windows(8)
        .position(|bytes| bytes == b"App app-")
        .context("the name of an app")?;
    overwrite(&backup, u64::try_from(place)?, b"Arp")?;
    let told = out(&says(&portal, &["backup", "verify", "backups"], "", 1).await?);
    ensure!(told.contains("checksum"), "{told}");

    portal.start_again().await?;
    saved.check(&portal, &ada).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_may_only_be_read_is_refused() -> anyhow::Result<()> {
    let disk = Disk::small(12)?;
    let mut portal = disk.recipe().start().await?;
    portal.end().await?;
    disk.mount(&["-o", "remount,ro"])?;
    let refused = says(&portal, &["serve"], "", 1).await?;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(told.contains("Read-only file system"), "{told}");
    disk.mount(&["-o", "remount,rw"])?;
    portal.start_again().await?;
    portal.kill().await
}
