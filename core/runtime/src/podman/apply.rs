//! Bringing a workload up: images, claims, pod.
//!
//! Each pod gets a user-mode network (slirp4netns) rather than a bridge. Two pods on one bridge can open each other's
//! screens; a bridge each with `isolate=true` stops that only until the first of them goes, because netavark 1.4
//! (Debian 12) then takes away the firewall rule that isolates all the others. Behind slirp4netns a pod has no address
//! that anybody else could reach, and the loopback addresses of the host are out of its own reach.

use std::net::{Ipv4Addr, TcpListener};

use fail::fail_point;
use launchpad_domain::{Reason, RuntimeError, RuntimeEvent, Stage, Workload};

use super::command::Call;
use super::listing::Found;
use super::{Podman, claims, document, faults, images, listing};

/// How often another free port is looked for when somebody else was faster.
const PORT_TRIES: usize = 5;

/// How a pod is made from its document on the standard input. The log file begins anew when it is full: an app that
/// writes without end must not fill the disk.
const PLAY: &[&str] = &[
    "kube",
    "play",
    "--quiet",
    "--network",
    "slirp4netns",
    "--log-driver",
    "k8s-file",
    "--log-opt",
    "max-size=1mb",
    "-",
];

impl Podman {
    /// Makes the workload exist. Where its pod exists in part, because an earlier attempt was cut off, it is made anew.
    /// Answers where its endpoint is, if that was decided here.
    pub(super) async fn bring_up(&self, workload: &Workload) -> Result<Option<String>, RuntimeError> {
        let wanted = workload.plan.pod.containers.len();
        let mut alone = self.lock(workload.session).await;
        // Each question is a process of its own: asked at once, they cost the time of one.
        let (missing, found) = tokio::try_join!(
            images::missing(&self.cli, workload),
            listing::find(&self.cli, self.instance, workload.session, wanted)
        )?;
        let mut found = found;
        if !missing.is_empty() {
            // May take minutes: nobody who wants to delete the session waits for it.
            drop(alone);
            self.tell(workload, Stage::Pulling);
            images::fetch(&self.cli, &missing).await?;
            alone = self.lock(workload.session).await;
            found = listing::find(&self.cli, self.instance, workload.session, wanted).await?;
        }
        let _alone = alone;
        match found {
            Found::Whole => return Ok(None),
            Found::Part => self.remove(workload.session).await?,
            Found::Nothing => (),
        }
        self.tell(workload, Stage::Starting);
        let outcome = match claims::create(&self.cli, workload).await {
            Ok(()) => self.play(workload).await,
            Err(error) => Err(error),
        };
        if matches!(outcome, Err(RuntimeError::Refused(_))) {
            // The refusal is the answer; what could not be removed now is found by the next sweep.
            if let Err(error) = self.remove(workload.session).await {
                tracing::warn!(session = %workload.session, %error, "a refused workload was not removed");
            }
        }
        outcome.map(|port| Some(format!("{}:{port}", Ipv4Addr::LOCALHOST)))
    }

    fn tell(&self, workload: &Workload, stage: Stage) {
        // Without a watcher there is nobody to tell.
        let _ = self.stages.send(RuntimeEvent::Stage(workload.session, stage));
    }

    /// Starts the pod, and answers the port of 127.0.0.1 at which its endpoint is.
    async fn play(&self, workload: &Workload) -> Result<u16, RuntimeError> {
        let abilities = self.abilities().await?;
        let mut tries = 0;
        loop {
            tries += 1;
            let port = free_port()?;
            let pod = document::write(workload, port, abilities)?;
            let played = self.cli.run(Call::slow(PLAY).fed(pod)).await?;
            fail_point!("pod-made");
            if played.succeeded {
                return Ok(port);
            }
            let complaint = played.complaint();
            if faults::is_port_taken(&complaint) && tries < PORT_TRIES {
                for pod in listing::pods(&self.cli, self.instance, Some(workload.session)).await? {
                    self.cli
                        .run(Call::slow(&["pod", "rm", "--force", "--ignore", &pod.id]))
                        .await?;
                }
                continue;
            }
            if faults::is_taken_name(&complaint) {
                // A `kube play` that a portal before this one had begun; the next attempt finds what it left.
                return Err(RuntimeError::Away(complaint));
            }
            return Err(faults::refusal(&complaint, Reason::EngineRefused));
        }
    }
}

/// A port of 127.0.0.1 that nobody has just now.
fn free_port() -> Result<u16, RuntimeError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| RuntimeError::Away(format!("no free port on 127.0.0.1: {error}")))
}
