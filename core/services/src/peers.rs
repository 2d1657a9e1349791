//! The other portals on the same database: whether this one leads them, and what they change.

use std::sync::Arc;

use launchpad_store::{Change, PeerEvent, Peers, StoreError, Term};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{ServiceError, Services};

/// Whether this portal does what one portal does for all, as far as it knows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership(Arc<watch::Sender<Option<Term>>>);

impl Leadership {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Under which the leader writes; none while another portal leads.
    pub fn term(&self) -> Option<Term> {
        *self.0.borrow()
    }

    /// Waits until this portal leads.
    pub async fn gained(&self) {
        self.until(Option::is_some).await;
    }

    /// Waits until this portal does not lead.
    pub async fn lost(&self) {
        self.until(Option::is_none).await;
    }

    async fn until(&self, holds: impl Fn(&Option<Term>) -> bool) {
        // The sender is ours, so it does not end before us.
        let _ = self.0.subscribe().wait_for(|term| holds(term)).await;
    }

    fn set(&self, term: Option<Term>) {
        metrics::gauge!("launchpad_leader").set(if term.is_some() { 1.0 } else { 0.0 });
        self.0.send_replace(term);
    }
}

/// The task that hears of the other portals.
#[derive(Debug)]
pub struct Peering {
    peers: Peers,
    services: Arc<Services>,
}

impl Peering {
    /// For the portal of these services.
    pub fn new(peers: Peers, services: Arc<Services>) -> Self {
        Self { peers, services }
    }

    /// Runs until it is told to stop; then another portal may lead at once.
    ///
    /// # Errors
    /// The database is being replaced: the portal must end.
    pub async fn run(mut self, stopping: CancellationToken) -> Result<(), ServiceError> {
        let ended = loop {
            let event = tokio::select! {
                () = stopping.cancelled() => break Ok(()),
                event = self.peers.next() => event,
            };
            match event {
                Ok(event) => self.services.hear(event).await,
                Err(error) => break Err(error.into()),
            }
        };
        self.services.leadership.set(None);
        self.peers.leave().await;
        ended
    }
}

impl Services {
    async fn hear(&self, event: PeerEvent) {
        match event {
            PeerEvent::Leads(term) => {
                tracing::info!("this portal leads");
                self.leadership.set(Some(term));
            }
            PeerEvent::Follows => {
                tracing::warn!("this portal does not lead any more");
                self.leadership.set(None);
                self.sessions.forget_progress();
            }
            PeerEvent::Changed(Change::Session(id)) => self.sessions.changed_elsewhere(id).await,
            PeerEvent::Changed(Change::Preferences(user)) => self.preferences.forget(user).await,
            PeerEvent::Changed(Change::Apps) => self.catalogue.forget(),
            PeerEvent::Changed(Change::Accounts) => self.accounts.forget_viewers(),
            PeerEvent::Changed(Change::Plugins) => self.take_up_plugins().await,
            PeerEvent::Missed => {
                self.sessions.missed();
                self.preferences.forget_all();
                self.catalogue.forget();
                self.accounts.forget_viewers();
                self.take_up_plugins().await;
            }
        }
    }

    async fn take_up_plugins(&self) {
        if let Err(error) = self.plugins.take_up().await {
            tracing::warn!(%error, "what administrators decided on plugins could not be read");
        }
    }
}

/// What a write of the leader needs.
pub(crate) fn term_of(leadership: &Leadership) -> Result<Term, ServiceError> {
    leadership.term().ok_or_else(|| StoreError::NotLeading.into())
}
