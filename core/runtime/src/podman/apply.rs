//! Bringing a workload up: images, network, claims, pod.

use std::net::{Ipv4Addr, TcpListener};

use launchpad_domain::runtime::INSTANCE_LABEL;
use launchpad_domain::{Reason, RuntimeError, RuntimeEvent, Stage, Workload};

use super::command::Call;
use super::network::Created;
use super::{Podman, document, faults, images, listing, network};

/// How often another free port is looked for when somebody else was faster.
const PORT_TRIES: usize = 5;

/// Size of a log file after which Podman begins it anew: an app that writes without end must not fill the disk.
const LOG_SIZE: &str = "max-size=1mb";

impl Podman {
    /// Makes the workload exist. Where its pod exists in part, because an earlier attempt was cut off, it is made anew.
    pub(super) async fn bring_up(&self, workload: &Workload) -> Result<(), RuntimeError> {
        // May take minutes, so it comes before the lock, and before anything exists that would have to be removed.
        images::ensure(&self.cli, workload, || self.tell(workload, Stage::Pulling)).await?;
        let _alone = self.lock(workload.session).await;
        if network::create(&self.cli, workload.instance, workload.session).await? == Created::Before {
            let wanted = workload.plan.pod.containers.len();
            if listing::is_complete(&self.cli, self.instance, workload.session, wanted).await? {
                return Ok(());
            }
            self.remove(workload.session).await?;
            network::create(&self.cli, workload.instance, workload.session).await?;
        }
        self.tell(workload, Stage::Starting);
        let outcome = match self.create_claims(workload).await {
            Ok(()) => self.play(workload).await,
            Err(error) => Err(error),
        };
        if matches!(outcome, Err(RuntimeError::Refused(_))) {
            // The refusal is the answer; what could not be removed now is found by the next sweep.
            if let Err(error) = self.remove(workload.session).await {
                tracing::warn!(session = %workload.session, %error, "a refused workload was not removed");
            }
        }
        outcome
    }

    fn tell(&self, workload: &Workload, stage: Stage) {
        // Without a watcher there is nobody to tell.
        let _ = self.stages.send(RuntimeEvent::Stage(workload.session, stage));
    }

    /// Workspaces are made here rather than by `kube play`, which would not label them.
    async fn create_claims(&self, workload: &Workload) -> Result<(), RuntimeError> {
        let label = format!("{INSTANCE_LABEL}={}", self.instance);
        for claim in &workload.plan.claims {
            let made = self.cli.run(Call::quick(&["volume", "create", "--label", &label, &claim.name])).await?;
            if !made.succeeded && !faults::is_taken_name(&made.complaint()) {
                return Err(faults::refusal(&made.complaint(), Reason::EngineRefused));
            }
        }
        Ok(())
    }

    async fn play(&self, workload: &Workload) -> Result<(), RuntimeError> {
        let network = network::name(workload.session);
        let mut tries = 0;
        loop {
            tries += 1;
            let pod = document::write(workload, free_port()?)?;
            let arguments =
                ["kube", "play", "--quiet", "--network", &network, "--log-driver", "k8s-file", "--log-opt", LOG_SIZE, "-"];
            let played = self.cli.run(Call::slow(&arguments).fed(pod)).await?;
            if played.succeeded {
                return Ok(());
            }
            let complaint = played.complaint();
            if faults::is_port_taken(&complaint) && tries < PORT_TRIES {
                for pod in listing::pods(&self.cli, self.instance, Some(workload.session)).await? {
                    self.cli.run(Call::slow(&["pod", "rm", "--force", "--ignore", &pod.id])).await?;
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
