//! Sessions: one user's run of one app, its states, and why it failed.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    AppId, EndpointKind, LaunchTypeId, PlannedBy, PodPlan, RuntimeKind, SessionEvent, SessionId, UserId,
};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stored and published spelling.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
                    .ok_or_else(|| format!("`{text}` is not one of {}", Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", ")))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named!(
    /// A session's stored state. [`Status::may_become`] is the table of legal edges.
    Status {
        /// Intended, not yet usable; [`Stage`] says how far it has come.
        Creating = "creating",
        /// Its endpoint answered; a viewer may connect.
        Running = "running",
        /// Ended by its owner or an administrator.
        Stopped = "stopped",
        /// Ended by its deadline.
        Expired = "expired",
        /// Ended by a fault, or cancelled before it ran; [`Reason`] says why.
        Failed = "failed",
    }
);

impl Status {
    /// The session state table. The database's trigger says the same: a test of the store compares all 25 edges.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Creating, Self::Running | Self::Failed)
                | (Self::Running, Self::Stopped | Self::Expired | Self::Failed)
        )
    }

    /// Whether the session still has, or will have, a workload.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Creating | Self::Running)
    }
}

named!(
    /// How far a session in `creating` has come.
    Stage {
        /// The launch type is asked for its plan.
        Planning = "planning",
        /// The plan stands; the engine has not been asked yet.
        Queued = "queued",
        /// The engine has accepted the workload.
        Scheduled = "scheduled",
        /// An image is being fetched.
        Pulling = "pulling",
        /// The containers are being started.
        Starting = "starting",
        /// The containers run; the endpoint is asked for its first answer.
        Checking = "checking",
    }
);

named!(
    /// Why a session is `failed`.
    Reason {
        /// Its owner or an administrator cancelled it before it ran.
        Cancelled = "cancelled",
        /// The launch type returned an error.
        PlanFailed = "plan_failed",
        /// The launch type broke: a limit, a trap, an unreadable answer.
        PluginFault = "plugin_fault",
        /// The plan asked for what it was not given, or is no plan.
        PlanRejected = "plan_rejected",
        /// No engine is there, or it does not answer.
        EngineAway = "engine_away",
        /// The engine refused the workload.
        EngineRefused = "engine_refused",
        /// An image does not exist where the app says.
        ImageMissing = "image_missing",
        /// An image exists but could not be fetched.
        ImagePull = "image_pull",
        /// No room on the disk, or its quota is used up.
        DiskFull = "disk_full",
        /// A container ended by itself.
        Exited = "exited",
        /// A container used more memory than it was given.
        OutOfMemory = "out_of_memory",
        /// The endpoint did not answer before the deadline.
        NeverReady = "never_ready",
        /// The workload is gone without the portal's doing.
        WorkloadGone = "workload_gone",
        /// No machine of the engine has room for the workload, or may take it.
        Unschedulable = "unschedulable",
        /// A workspace could not be made or attached.
        VolumePending = "volume_pending",
        /// A container ends again and again.
        CrashLoop = "crash_loop",
        /// The engine took the workload off its machine to make room or to empty it.
        Evicted = "evicted",
        /// The machine that ran the workload does not answer any more.
        NodeLost = "node_lost",
        /// The engine's quota for this portal is used up.
        OverQuota = "over_quota",
        /// A rule of the engine's administrators forbids such a workload.
        AdmissionRefused = "admission_refused",
        /// Another session has the workspace, and the app does not share it.
        WorkspaceInUse = "workspace_in_use",
        /// An administrator has the workspace deleted just now.
        WorkspaceGoing = "workspace_going",
        /// What bears the workspace's name is not labelled as this user's.
        WorkspaceForeign = "workspace_foreign",
        /// A restored backup knew the session as live.
        Restored = "restored",
    }
);

impl Reason {
    /// What happened, for the person who launched the app.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Cancelled => "The launch was cancelled.",
            Self::PlanFailed => "The app's launch type could not plan this session.",
            Self::PluginFault => "The app's launch type broke while planning this session.",
            Self::PlanRejected => "The app's launch type asked for something that it may not have.",
            Self::EngineAway => "The engine that runs apps cannot be reached right now.",
            Self::EngineRefused => "The engine that runs apps refused to start this one.",
            Self::ImageMissing => "The app's image does not exist.",
            Self::ImagePull => "The app's image could not be fetched.",
            Self::DiskFull => "There is no room left on the disk for this session.",
            Self::Exited => "The app ended by itself.",
            Self::OutOfMemory => "The app used more memory than it was given.",
            Self::NeverReady => "The app started but never answered.",
            Self::WorkloadGone => "The app's containers were removed from outside the portal.",
            Self::Unschedulable => "No machine has room for this app right now.",
            Self::VolumePending => "The workspace for this session could not be attached.",
            Self::CrashLoop => "The app ends again and again right after its start.",
            Self::Evicted => "The machine that ran the app had to make room and ended it.",
            Self::NodeLost => "The machine that ran the app does not answer any more.",
            Self::OverQuota => "The portal has used up what it was given for sessions.",
            Self::AdmissionRefused => "A rule of the cluster forbids to start this app.",
            Self::WorkspaceInUse => "Your workspace of this app is in use by another session of yours.",
            Self::WorkspaceGoing => "Your workspace of this app is being deleted.",
            Self::WorkspaceForeign => "The workspace of this session belongs to somebody else.",
            Self::Restored => "The portal was restored from a backup, which ended this session.",
        }
    }

    /// Who can do something about it, and what.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Cancelled
            | Self::Exited
            | Self::WorkloadGone
            | Self::Evicted
            | Self::NodeLost
            | Self::Restored => "Launch it again when you need it.",
            Self::PlanFailed
            | Self::PluginFault
            | Self::PlanRejected
            | Self::EngineRefused
            | Self::AdmissionRefused
            | Self::WorkspaceForeign
            | Self::VolumePending => {
                "Whoever administers this portal can mend this; the technical details say what to look at."
            }
            Self::WorkspaceInUse => "Go on in that session, or end it and launch the app again.",
            Self::WorkspaceGoing => "Launch it again in a minute: it will begin with an empty workspace.",
            Self::EngineAway => {
                "Try again in a minute. If it stays so, tell whoever administers this portal."
            }
            Self::ImageMissing | Self::ImagePull => {
                "Whoever runs the catalogue can mend this: the technical details name the image."
            }
            Self::DiskFull | Self::Unschedulable | Self::OverQuota => {
                "End sessions that you no longer need, or tell whoever administers this portal."
            }
            Self::OutOfMemory => "Ask whoever administers this portal to give the app more memory.",
            Self::NeverReady | Self::CrashLoop => {
                "Try again. If it stays so, whoever runs the catalogue should look at the app's image."
            }
        }
    }
}

/// Why a session failed, with the cause as the engine or the plugin put it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure, which has the sentence for people.
    pub reason: Reason,
    /// The raw cause, at most [`Failure::MAX_DETAIL`] bytes.
    pub detail: String,
}

impl Failure {
    /// Most bytes of a raw cause that are kept.
    pub const MAX_DETAIL: usize = 4_096;

    /// A failure; the detail is cut to its bound and stripped of control characters.
    pub fn new(reason: Reason, detail: impl AsRef<str>) -> Self {
        let printable = detail
            .as_ref()
            .trim()
            .chars()
            .filter(|c| !c.is_control() || *c == '\n');
        let mut kept = String::new();
        for c in printable {
            if kept.len() + c.len_utf8() > Self::MAX_DETAIL {
                break;
            }
            kept.push(c);
        }
        Self { reason, detail: kept }
    }
}

/// One user's run of one app, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id; the workload is named after it.
    pub id: SessionId,
    /// Who launched it.
    pub user_id: UserId,
    /// Which app; the app may have been changed or deleted since.
    pub app_id: AppId,
    /// The app's name at the launch.
    pub app_name: String,
    /// The launch type at the launch.
    pub launch_type: LaunchTypeId,
    /// Which runtime has it; only that runtime's sweep judges it.
    pub runtime: RuntimeKind,
    /// The stored state.
    pub status: Status,
    /// How far `creating` has come.
    pub stage: Stage,
    /// Why it failed; there exactly if it did.
    pub failure: Option<Failure>,
    /// The workload's name, once the plan is accepted.
    pub pod_name: Option<String>,
    /// Where the workload is reached, once the engine says so.
    pub pod_ip: Option<String>,
    /// What the user chose in the launch form.
    pub params: Map<String, Value>,
    /// The accepted plan, so that a restart never plans twice.
    pub plan: Option<Arc<PodPlan>>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
    /// `creating`: when it fails unless it runs; `running`: when it expires. Terminal rows keep the last one.
    pub expires_at: DateTime<Utc>,
    /// Whether the workload of a terminal session is known to be gone.
    pub cleaned: bool,
    /// The digest of the plugin's files when it planned the session.
    pub plugin_digest: Option<String>,
    /// The events that its plugin was told of.
    pub told_events: BTreeSet<SessionEvent>,
    /// One line that its plugin wants shown.
    pub note: Option<String>,
}

/// As much of a session as tells whether it wants a step: the session manager has that of all at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionOutline {
    /// See [`Session::id`].
    pub id: SessionId,
    /// See [`Session::planned_by`].
    pub planned_by: PlannedBy,
    /// See [`Session::status`].
    pub status: Status,
    /// See [`Session::stage`].
    pub stage: Stage,
    /// See [`Session::expires_at`].
    pub expires_at: DateTime<Utc>,
    /// See [`Session::told_events`].
    pub told_events: BTreeSet<SessionEvent>,
}

impl Session {
    /// Which version of its launch type planned it.
    pub fn planned_by(&self) -> PlannedBy {
        PlannedBy {
            id: self.launch_type.clone(),
            digest: self.plugin_digest.clone(),
        }
    }

    /// Whether it wants a step is seen in this.
    pub fn outline(&self) -> SessionOutline {
        SessionOutline {
            id: self.id,
            planned_by: self.planned_by(),
            status: self.status,
            stage: self.stage,
            expires_at: self.expires_at,
            told_events: self.told_events.clone(),
        }
    }

    /// Where the screen is, once it can be looked at: a path on this portal.
    pub fn websocket_url(&self) -> Option<String> {
        self.serves(EndpointKind::Vnc)
            .then(|| format!("/ws/sessions/{}", self.id))
    }

    /// Where the way to its pages begins, once they can be looked at: a path on this portal.
    pub fn open_url(&self) -> Option<String> {
        self.serves(EndpointKind::Http)
            .then(|| format!("/sessions/{}/open", self.id))
    }

    /// Whether it runs and is reached by this.
    pub fn serves(&self, kind: EndpointKind) -> bool {
        self.status == Status::Running && self.plan.as_ref().is_some_and(|plan| plan.endpoint.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_are_those_of_the_design() {
        let edges: Vec<_> = Status::ALL
            .iter()
            .flat_map(|from| Status::ALL.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| from.may_become(*to))
            .map(|(from, to)| format!("{from}>{to}"))
            .collect();
        assert_eq!(
            edges,
            [
                "creating>running",
                "creating>failed",
                "running>stopped",
                "running>expired",
                "running>failed"
            ]
        );
    }

    #[test]
    fn names_are_read_back() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }

    #[test]
    fn a_raw_cause_is_bounded_and_printable() {
        let failure = Failure::new(Reason::Exited, format!("a\u{1b}[31m{}", "é".repeat(5_000)));
        assert!(failure.detail.len() <= Failure::MAX_DETAIL);
        assert!(failure.detail.starts_with("a[31m"));
    }
}
