//! How a page follows a session: server-sent events.

use futures::Stream;
use launchpad_domain::{Session, SessionId};
use launchpad_services::sessions::Changed;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::Site;

struct Follow {
    site: Site,
    id: SessionId,
    changes: Receiver<Changed>,
    over: bool,
}

/// The session as it is now and after each change, until it ends or the portal stops.
pub(crate) fn of_session(site: Site, id: SessionId) -> impl Stream<Item = Session> {
    let follow = Follow {
        // Subscribed before the first look, so that no change falls in between.
        changes: site.services.sessions.changes(),
        site,
        id,
        over: false,
    };
    futures::stream::unfold((follow, true), async |(mut follow, first)| {
        if follow.over || !(first || follow.changed().await) {
            return None;
        }
        match follow.site.services.sessions.get(follow.id).await {
            Ok(session) => {
                follow.over = !session.status.is_live();
                Some((session, (follow, false)))
            }
            Err(error) => {
                // The browser opens the stream again by itself.
                tracing::warn!(session = %follow.id, %error, "could not follow a session");
                None
            }
        }
    })
}

impl Follow {
    /// Waits until the session may have changed; false when the portal stops.
    async fn changed(&mut self) -> bool {
        loop {
            let change = tokio::select! {
                () = self.site.stopping.cancelled() => return false,
                change = self.changes.recv() => change,
            };
            match change {
                Ok(changed) if changed.concerns(self.id) => return true,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}
