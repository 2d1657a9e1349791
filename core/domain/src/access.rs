//! Who may do what: the one place that decides it, for pages, JSON and the stream alike.

use crate::{Role, UserId, Viewer};

/// What a request wants to do. Every route names one; what has no action cannot be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See the catalogue, its search and its apps.
    SeeCatalogue,
    /// Launch an app, or open the address of a `url` app.
    Launch,
    /// List one's own sessions.
    ListOwnSessions,
    /// List the sessions of this account, or of everybody (`None`).
    ListSessions(Option<UserId>),
    /// Read a session of this owner.
    SeeSession(UserId),
    /// End a session of this owner.
    EndSession(UserId),
    /// See and steer the screen of a session of this owner.
    StreamSession(UserId),
    /// Read and change one's own preferences, and sign out.
    OwnSettings,
    /// Create, change and delete apps.
    ChangeApps,
    /// Read the audit log.
    ReadAudit,
    /// Read the analytics.
    ReadAnalytics,
    /// See, try, switch and reload plugins.
    ManagePlugins,
    /// List, add and disable accounts, and set their passwords.
    ChangeAccounts,
    /// List one's own workspaces.
    ListOwnWorkspaces,
    /// List and delete anybody's workspaces.
    ManageWorkspaces,
}

/// Why a request may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody is signed in (401, or the sign-in page).
    #[error("sign in first")]
    SignInFirst,
    /// The role lacks the right (403).
    #[error("this needs an administrator")]
    Forbidden,
    /// The object belongs to somebody else, and answers as if it did not exist (404).
    #[error("there is no such thing")]
    Hidden,
}

/// Decides whether `viewer` may do `action`. Whatever is not allowed here is refused.
///
/// Nobody but its owner streams a session, an administrator included.
pub fn authorize(viewer: Option<&Viewer>, action: Action) -> Result<(), Refusal> {
    let viewer = viewer.ok_or(Refusal::SignInFirst)?;
    let admin = viewer.role == Role::Admin;
    match action {
        Action::SeeCatalogue
        | Action::Launch
        | Action::ListOwnSessions
        | Action::ListOwnWorkspaces
        | Action::OwnSettings => Ok(()),
        Action::SeeSession(owner) | Action::EndSession(owner) => {
            if owner == viewer.id || admin {
                Ok(())
            } else {
                Err(Refusal::Hidden)
            }
        }
        Action::StreamSession(owner) => match (owner == viewer.id, admin) {
            (true, _) => Ok(()),
            // An administrator may know the session, so a 404 would hide nothing.
            (false, true) => Err(Refusal::Forbidden),
            (false, false) => Err(Refusal::Hidden),
        },
        Action::ListSessions(owner) => {
            if owner == Some(viewer.id) || admin {
                Ok(())
            } else {
                Err(Refusal::Forbidden)
            }
        }
        Action::ChangeApps
        | Action::ReadAudit
        | Action::ReadAnalytics
        | Action::ManagePlugins
        | Action::ChangeAccounts
        | Action::ManageWorkspaces => {
            if admin {
                Ok(())
            } else {
                Err(Refusal::Forbidden)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::*;

    fn viewer(role: Role) -> Viewer {
        Viewer {
            id: UserId::new(),
            name: "ada".parse().unwrap(),
            role,
        }
    }

    #[test]
    fn the_table_of_rights() {
        let (user, admin, other) = (viewer(Role::User), viewer(Role::Admin), UserId::new());
        for action in [
            SeeCatalogue,
            Launch,
            ListOwnSessions,
            OwnSettings,
            ChangeApps,
            ReadAudit,
            ReadAnalytics,
            ManagePlugins,
            ChangeAccounts,
            ListOwnWorkspaces,
            ManageWorkspaces,
        ] {
            assert_eq!(authorize(None, action), Err(Refusal::SignInFirst));
            assert_eq!(authorize(Some(&admin), action), Ok(()));
        }
        for action in [
            ChangeApps,
            ReadAudit,
            ReadAnalytics,
            ManagePlugins,
            ChangeAccounts,
            ManageWorkspaces,
            ListSessions(None),
            ListSessions(Some(other)),
        ] {
            assert_eq!(authorize(Some(&user), action), Err(Refusal::Forbidden));
        }
        for action in [SeeSession(other), EndSession(other), StreamSession(other)] {
            assert_eq!(authorize(Some(&user), action), Err(Refusal::Hidden));
        }
        for action in [SeeSession(user.id), EndSession(user.id), StreamSession(user.id)] {
            assert_eq!(authorize(Some(&user), action), Ok(()));
        }
        assert_eq!(authorize(Some(&admin), SeeSession(other)), Ok(()));
        assert_eq!(authorize(Some(&admin), EndSession(other)), Ok(()));
        assert_eq!(
            authorize(Some(&admin), StreamSession(other)),
            Err(Refusal::Forbidden)
        );
    }
}
