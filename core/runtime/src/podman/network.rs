//! The network that a session has for itself: two pods on one bridge could open each other's screens.

use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use launchpad_domain::{InstanceId, Reason, RuntimeError, SessionId};
use serde::Deserialize;

use super::command::{Call, Cli};
use super::faults;

/// What [`create`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    /// It is new, so nothing of the session exists yet: it is the first to come and the last to go.
    New,
    /// It was there.
    Before,
}

#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
}

/// The network's name.
pub(super) fn name(session: SessionId) -> String {
    format!("launchpad-{session}")
}

/// Makes the session's network exist.
pub(super) async fn create(cli: &Cli, instance: InstanceId, session: SessionId) -> Result<Created, RuntimeError> {
    let [of_instance, of_session] = labels(instance, session);
    let name = name(session);
    // Without a name server of its own: there is one pod in it, and one process less.
    let isolated = ["network", "create", "--opt", "isolate=true", "--disable-dns"];
    let labelled = ["--label", &of_instance, "--label", &of_session, &name];
    let made = cli.run(Call::quick(&[&isolated[..], &labelled[..]].concat())).await?;
    if made.succeeded {
        return Ok(Created::New);
    }
    let complaint = made.complaint();
    if faults::is_taken_name(&complaint) && list(cli, instance, session).await?.contains(&name) {
        return Ok(Created::Before);
    }
    Err(faults::refusal(&complaint, Reason::EngineRefused))
}

/// Makes the session's network not exist.
pub(super) async fn remove(cli: &Cli, instance: InstanceId, session: SessionId) -> Result<(), RuntimeError> {
    for name in list(cli, instance, session).await? {
        let removed = cli.run(Call::quick(&["network", "rm", &name])).await?;
        if !removed.succeeded && !removed.errors.contains("not found") {
            return Err(RuntimeError::Away(removed.complaint()));
        }
    }
    Ok(())
}

async fn list(cli: &Cli, instance: InstanceId, session: SessionId) -> Result<Vec<String>, RuntimeError> {
    let [of_instance, of_session] = labels(instance, session).map(|label| format!("label={label}"));
    let arguments = ["network", "ls", "--format", "json", "--filter", &of_instance, "--filter", &of_session];
    let answer = cli.query(&arguments).await?;
    let listed: Vec<Listed> = super::listing::parse(&answer)?;
    // Podman 4 joins several label filters with "or"; the name decides.
    let own = name(session);
    Ok(listed.into_iter().map(|network| network.name).filter(|name| *name == own).collect())
}

fn labels(instance: InstanceId, session: SessionId) -> [String; 2] {
    [format!("{INSTANCE_LABEL}={instance}"), format!("{SESSION_LABEL}={session}")]
}
