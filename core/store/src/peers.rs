//! The other portals on the same database: what they change, and which of them leads.
//!
//! With PostgreSQL each portal keeps one connection beside its pool. On it the portal hears of the others' changes,
//! shares the database lock, and, if it is first, holds the lead; all three end with the connection, however its
//! process ends. With a file the lead is a lock on a file, and nobody tells anything: one portal is the rule there.

mod link;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use launchpad_domain::{SessionId, UserId};
use sea_orm::{DatabaseTransaction, EntityTrait, QuerySelect};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::database::{begin_once, read_fact, write_fact};
use crate::entities::fact;
use crate::file::beside;
use crate::{DatabaseUrl, Store, StoreError};
use link::{Heard, Link};

type Result<T> = std::result::Result<T, StoreError>;

/// The fact that counts who has led so far.
const TERM: &str = "leader_term";
/// How often the leader shows that it lives, and others try to follow it.
const BEAT: Duration = Duration::from_secs(1);
/// After how long without a connection one is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The right to do what one portal does for all. Each is greater than those before, and the database refuses a write
/// that is made under an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term(i64);

/// What another process changed. What it is now is read from the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A session's row.
    Session(SessionId),
    /// An account's preferences.
    Preferences(UserId),
    /// The catalogue.
    Apps,
    /// Who somebody is: an account, a sign-in that ended, a token that was revoked.
    Accounts,
    /// What administrators decided on plugins.
    Plugins,
}

/// Something that a portal has to know of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerEvent {
    /// Somebody else changed this.
    Changed(Change),
    /// Changes may have been missed: what is in memory may be old.
    Missed,
    /// This portal leads from now on.
    Leads(Term),
    /// It does not lead any more.
    Follows,
}

/// The other portals, as one portal hears of them.
#[derive(Debug)]
pub struct Peers {
    store: Store,
    place: Place,
    leads: bool,
    beats: Interval,
}

#[derive(Debug)]
enum Place {
    File {
        url: DatabaseUrl,
        held: Option<File>,
    },
    Server {
        address: String,
        link: Option<Link>,
        tried: Option<Instant>,
    },
}

impl Store {
    /// The other portals on this database. Only a portal asks for them, once.
    pub fn peers(&self, url: &DatabaseUrl) -> Peers {
        let place = match url {
            DatabaseUrl::Sqlite(_) => Place::File {
                url: url.clone(),
                held: None,
            },
            DatabaseUrl::Postgres(address) => Place::Server {
                address: address.clone(),
                link: None,
                tried: None,
            },
        };
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Peers {
            store: self.clone(),
            place,
            leads: false,
            beats,
        }
    }
}

impl Peers {
    /// Waits for the next event. Dropped before its answer, it may lose one: only whoever ends drops it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when the database is being replaced under this portal, which must end then.
    pub async fn next(&mut self) -> Result<PeerEvent> {
        loop {
            if let Some(event) = self.step().await? {
                return Ok(event);
            }
        }
    }

    async fn step(&mut self) -> Result<Option<PeerEvent>> {
        match &mut self.place {
            Place::File { url, held } => {
                if held.is_some() {
                    // The lock on a file ends with this process only.
                    return std::future::pending().await;
                }
                self.beats.tick().await;
                let DatabaseUrl::Sqlite(path) = &*url else {
                    return std::future::pending().await;
                };
                *held = hold_lead(path)?;
                if held.is_none() {
                    return Ok(None);
                }
                self.lead().await
            }
            Place::Server { link: Some(link), .. } => {
                let heard = tokio::select! {
                    heard = link.heard() => heard,
                    _ = self.beats.tick() => Heard::Beat,
                };
                match heard {
                    Heard::Told(change) => Ok(change.map(PeerEvent::Changed)),
                    Heard::Lost => Ok(self.lost()),
                    Heard::Beat => self.beat().await,
                }
            }
            Place::Server { address, link, tried } => {
                if let Some(tried) = tried {
                    tokio::time::sleep_until(*tried + RETRY).await;
                }
                *tried = Some(Instant::now());
                match Link::connect(address, self.store.name()).await {
                    Ok(connected) => {
                        *link = Some(connected);
                        Ok(Some(PeerEvent::Missed))
                    }
                    Err(StoreError::Locked(_)) => Err(replaced()),
                    Err(error) => {
                        tracing::warn!(%error, "the database is not heard; it is tried again");
                        Ok(None)
                    }
                }
            }
        }
    }

    /// The leader shows that it lives; another tries to lead, where the one who leads does not.
    async fn beat(&mut self) -> Result<Option<PeerEvent>> {
        let Place::Server { link: Some(link), .. } = &mut self.place else {
            return Ok(None);
        };
        let held = if self.leads {
            link.is_alive().await.map(|()| false)
        } else {
            link.try_lead().await
        };
        match held {
            Ok(false) => Ok(None),
            Ok(true) => self.lead().await,
            Err(error) => {
                tracing::warn!(%error, "the connection on which the database is heard is lost");
                Ok(self.lost())
            }
        }
    }

    /// The lead is held: from here on no write of an earlier leader is taken.
    async fn lead(&mut self) -> Result<Option<PeerEvent>> {
        match self.store.next_term().await {
            Ok(term) => {
                self.leads = true;
                Ok(Some(PeerEvent::Leads(term)))
            }
            Err(error) => {
                tracing::warn!(%error, "this portal could not take the lead");
                Ok(self.lost())
            }
        }
    }

    /// Lets go of what may be lost, the lead first of all.
    fn lost(&mut self) -> Option<PeerEvent> {
        match &mut self.place {
            Place::File { held, .. } => *held = None,
            Place::Server { link, .. } => *link = None,
        }
        std::mem::take(&mut self.leads).then_some(PeerEvent::Follows)
    }

    /// Lets another portal lead at once.
    pub async fn leave(self) {
        if let Place::Server { link: Some(link), .. } = self.place {
            link.close().await;
        }
    }
}

impl Store {
    async fn next_term(&self) -> Result<Term> {
        let transaction = begin_once(self.writer()).await?;
        let last = read_fact(&transaction, TERM).await?;
        let last = last.map_or(Ok(0), |text| text.parse::<i64>());
        let term = last.map_err(|error| StoreError::Corrupt(format!("{TERM}: {error}")))? + 1;
        write_fact(&transaction, TERM, term.to_string()).await?;
        transaction.commit().await?;
        Ok(Term(term))
    }
}

/// Refuses a write of a leader that is followed already. Until the transaction ends nobody else can begin to lead.
pub(crate) async fn check_term(transaction: &DatabaseTransaction, term: Term) -> Result<()> {
    let row = fact::Entity::find_by_id(TERM)
        .lock_shared()
        .one(transaction)
        .await?;
    match row {
        Some(row) if row.value == term.0.to_string() => Ok(()),
        _ => Err(StoreError::NotLeading),
    }
}

fn replaced() -> StoreError {
    StoreError::Locked(
        "another command replaces the database or moves it elsewhere: this portal cannot go on with it"
            .to_owned(),
    )
}

fn hold_lead(path: &Path) -> Result<Option<File>> {
    let name = beside(path, ".leader");
    let refused =
        |error: std::io::Error| StoreError::Refused(format!("{} cannot be locked: {error}", name.display()));
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name)
        .map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}
