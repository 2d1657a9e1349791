//! The audit log's words: who did what, and what became of it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{UserId, Viewer};

/// Who causes a change, and through which request. Every service method that changes something takes one first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account, if there is one.
    pub id: Option<UserId>,
    /// The sign-in name at the time; `launchpad` for the portal itself, `command line` for a command.
    pub name: String,
    /// The request's id, as the log has it.
    pub request_id: Option<String>,
    /// The client's address.
    pub address: Option<String>,
}

impl Actor {
    /// The portal itself: deadlines, sweeps, the seed.
    pub fn portal() -> Self {
        Self {
            id: None,
            name: "launchpad".to_owned(),
            request_id: None,
            address: None,
        }
    }

    /// Somebody at the command line of the server.
    pub fn command_line() -> Self {
        Self {
            name: "command line".to_owned(),
            ..Self::portal()
        }
    }

    /// Somebody who is not signed in and gave this name, or none.
    pub fn stranger(name: &str) -> Self {
        Self {
            name: name.chars().filter(|c| !c.is_control()).take(64).collect(),
            ..Self::portal()
        }
    }

    /// A signed-in person.
    pub fn viewer(viewer: &Viewer) -> Self {
        Self {
            id: Some(viewer.id),
            name: viewer.name.to_string(),
            ..Self::portal()
        }
    }

    /// The same actor with the request that carries the change.
    #[must_use]
    pub fn through(mut self, request_id: Option<String>, address: Option<String>) -> Self {
        self.request_id = request_id;
        self.address = address;
        self
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// What was done, or refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AuditAction { $($(#[$doc])* $variant,)+ }

        impl AuditAction {
            /// The stored and published spelling.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Whether nothing was changed, because it may not be.
            pub fn is_refusal(self) -> bool {
                self.as_str().starts_with("REFUSE_")
            }
        }
    };
}

actions!(
    /// An app was created.
    CreateApp = "CREATE_APP",
    /// An app was changed.
    UpdateApp = "UPDATE_APP",
    /// An app was deleted.
    DeleteApp = "DELETE_APP",
    /// An app that was deleted was put back.
    RestoreApp = "RESTORE_APP",
    /// Apps were put into another order.
    OrderApps = "ORDER_APPS",
    /// The catalogue was filled from a seed.
    SeedApps = "SEED_APPS",
    /// A session was launched.
    CreateSession = "CREATE_SESSION",
    /// A session ended: stopped, expired, failed or cancelled.
    TerminateSession = "TERMINATE_SESSION",
    /// A workspace is to be deleted.
    DeleteWorkspace = "DELETE_WORKSPACE",
    /// A `url` app was opened.
    OpenLink = "OPEN_LINK",
    /// Somebody signed in.
    SignIn = "SIGN_IN",
    /// A sign-in was refused.
    RefuseSignIn = "REFUSE_SIGN_IN",
    /// Somebody signed out.
    SignOut = "SIGN_OUT",
    /// An account was created.
    CreateUser = "CREATE_USER",
    /// A password was set.
    SetPassword = "SET_PASSWORD",
    /// An account was disabled.
    DisableUser = "DISABLE_USER",
    /// An account was removed, and what named it.
    ForgetUser = "FORGET_USER",
    /// An API token was created.
    CreateToken = "CREATE_TOKEN",
    /// An API token was revoked.
    RevokeToken = "REVOKE_TOKEN",
    /// Preferences were changed.
    UpdatePreferences = "UPDATE_PREFERENCES",
    /// A plugin was switched on.
    EnablePlugin = "ENABLE_PLUGIN",
    /// A plugin was switched off.
    DisablePlugin = "DISABLE_PLUGIN",
    /// An administrator gave a plugin powers, or took some back.
    GrantPlugin = "GRANT_PLUGIN",
    /// The folders of plugins were looked at again.
    ReloadPlugins = "RELOAD_PLUGINS",
    /// What is older than the policy keeps was deleted.
    Purge = "PURGE",
    /// A backup took the place of the database.
    Restore = "RESTORE",
    /// The audit log goes on with another key.
    RestartAudit = "RESTART_AUDIT",
    /// A request for something beyond the viewer's rights was refused.
    RefuseAccess = "REFUSE_ACCESS",
);

/// One entry as it is read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Grows with every entry.
    pub id: i64,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// The actor's sign-in name at the time.
    pub user: String,
    /// What was done; an [`AuditAction`], or an older one's name.
    pub action: String,
    /// The id of what it was done to; empty where there is none, and for entries that are older than this field.
    pub target: String,
    /// `done` or `refused`; empty for entries that are older than this field.
    pub outcome: String,
    /// What it was done to, and how, in words.
    pub details: String,
    /// What was before and after, as JSON, where that says more than the words.
    pub change: Option<String>,
    /// The request's id, as the log has it.
    pub request_id: Option<String>,
    /// The client's address.
    pub address: Option<String>,
}

/// Which entries are wanted: those that are all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this sign-in name.
    pub user: Option<String>,
    /// This action.
    pub action: Option<String>,
    /// To what has this id.
    pub target: Option<String>,
    /// Of this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}
