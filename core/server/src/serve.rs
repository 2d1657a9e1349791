//! `launchpad serve`: from a configuration to a portal that answers, and its end.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use launchpad_services::Services;
use launchpad_web::Site;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::error::ServerError;
use crate::listener::Listener;
use crate::wiring::{self, Portal, Surroundings};
use crate::{metrics, telemetry};

/// How long the session manager may take to finish the step it is in.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until the process is told to end.
pub(crate) async fn run(config: Config, surroundings: &Surroundings, init: bool) -> Result<(), ServerError> {
    telemetry::start(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let stopping = CancellationToken::new();
    // Before anything is changed: a second portal on this port ends here.
    let listener = Listener::bind(config.listen, config.connections).await?;
    metrics::start(config.metrics, &stopping).await?;
    let Portal {
        store,
        services,
        manager,
        plugins,
        checkpoints,
        backups,
        peering,
        upkeep,
    } = wiring::build(&config, surroundings, init).await?;
    let watching = tokio::spawn(plugins.watch(stopping.clone()));
    let keeping = tokio::spawn(checkpoints.run(stopping.clone()));
    let backing_up = tokio::spawn(backups.run(stopping.clone()));
    let keeping_up = tokio::spawn(upkeep.run(services.leadership.clone(), stopping.clone()));
    let managing = tokio::spawn(manager.run(stopping.clone()));
    let mut hearing = tokio::spawn(peering.run(stopping.clone()));
    let address = config.address.as_str().to_owned();
    let site = Site::new(services.clone(), config.address, stopping.clone());
    let serving = tokio::spawn(listener.serve(launchpad_web::router(site), stopping.clone()));
    announce(&address)?;
    let inviting = tokio::spawn(invite(address, services, stopping.clone()));

    let heard = tokio::select! {
        told = told_to_end() => {
            told?;
            tracing::info!("ending: workloads go on, and are taken up again at the next start");
            None
        }
        heard = &mut hearing => Some(heard),
    };
    stopping.cancel();
    let hearing = async {
        match heard {
            Some(heard) => heard,
            None => hearing.await,
        }
    };
    let ended = async {
        tokio::join!(
            serving, managing, watching, keeping, backing_up, inviting, hearing, keeping_up
        )
    };
    tokio::select! {
        (serving, managing, watching, keeping, backing_up, inviting, hearing, keeping_up) = ended => {
            hearing.map_err(|error| broke(&error))??;
            for ended in [serving, managing, watching, keeping, backing_up, inviting, keeping_up] {
                ended.map_err(|error| broke(&error))?;
            }
            // Whoever is the last to close a SQLite file takes its log into it, so that the file is whole by itself.
            if let Err(error) = store.close().await {
                tracing::warn!(%error, "the database was not closed in order; nothing is lost");
            }
        }
        () = tokio::time::sleep(GRACE * 2) => tracing::warn!("something did not end in time"),
        told = told_to_end() => told?,
    }
    Ok(())
}

/// Says where the portal is.
fn announce(address: &str) -> Result<(), ServerError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "launchpad is listening on {address}")?;
    Ok(out.flush()?)
}

/// Says how the first administrator is made while there is none. Only the newest link works, so of several portals the
/// one that leads makes it.
async fn invite(address: String, services: Arc<Services>, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = services.leadership.gained() => {}
        }
        match services.accounts.new_setup_token().await {
            Ok(None) => return,
            Ok(Some(token)) => {
                let said = writeln!(
                    std::io::stdout().lock(),
                    "make yourself the first administrator: {address}/setup#{token}"
                );
                if let Err(error) = said {
                    tracing::error!(%error, "the link for the first administrator could not be written");
                }
            }
            Err(error) => tracing::error!(%error, "there is no link for the first administrator"),
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = services.leadership.lost() => {}
        }
    }
}

fn broke(error: &tokio::task::JoinError) -> ServerError {
    ServerError::Start(format!("a task broke: {error}"))
}

async fn told_to_end() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
