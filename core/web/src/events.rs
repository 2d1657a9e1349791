//! How a page follows a session: server-sent events.

use futures::Stream;
use launchpad_domain::{Session, SessionId};
use launchpad_services::sessions::Follower;

use crate::Site;

struct Follow {
    site: Site,
    id: SessionId,
    follower: Follower,
    over: bool,
}

/// The session as it is now and after each change, until it ends or the portal stops.
pub(crate) fn of_session(site: Site, id: SessionId) -> impl Stream<Item = Session> {
    let follow = Follow {
        // Before the first look, so that no change falls in between.
        follower: site.services.sessions.follow(id),
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
        tokio::select! {
            () = self.site.stopping.cancelled() => false,
            () = self.follower.changed() => true,
        }
    }
}
