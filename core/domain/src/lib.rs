//! The words of Launchpad: what an app, a session, a plan and a viewer are, which session states follow
//! which, who may do what, and which pods a plugin may ask for.
//!
//! Everything here is a plain value or a pure function: no files, no network, no SQL, no async runtime. The
//! traits [`Runtime`], [`LaunchTypes`] and [`Clock`] are the ports that the outer crates implement; they
//! stand where a second implementation exists or where the import rules ask for one.
//!
//! Text from outside becomes one of these types exactly once, at the edge; a parse answers with every
//! [`FieldProblem`] at once. Behind the edge an [`AppId`] is an id and a [`Status`] is one of five.

pub mod access;
pub mod account;
pub mod analytics;
pub mod app;
pub mod app_changes;
pub mod audit;
pub mod branding;
pub mod clock;
pub mod endpoint;
pub mod finding;
pub mod form;
pub mod grants;
pub mod ids;
pub mod launch_types;
pub mod plan;
pub mod plugin_services;
pub mod plugins;
pub mod policy;
pub mod preferences;
pub mod problem;
pub mod quantity;
pub mod runtime;
pub mod session;
pub mod workspace;

pub use access::{Action, Refusal, authorize};
pub use account::{Account, Role, UserName, Viewer};
pub use analytics::{
    AnalyticsQuery, AnalyticsReport, AppFigures, AppLaunches, FailureFigures, Granularity, LaunchCounts,
    LaunchFigures, LaunchOutcome, LaunchStep, ReadyFigures, ReadyTimes,
};
pub use app::{App, AppDraft, DeletedApp};
pub use app_changes::{AppChanges, AppUpdate, Unnamed, WantedApps};
pub use audit::{Actor, AuditAction, AuditEntry, AuditFilter};
pub use branding::Branding;
pub use clock::Clock;
pub use endpoint::{Endpoint, EndpointKind, ReadyCheck};
pub use finding::{Finding, Verdict};
pub use form::{FieldKind, Form, FormField};
pub use grants::{Capability, Grants};
pub use ids::{AppId, InstanceId, LaunchTypeId, SessionId, SignInId, TokenId, UserId};
pub use launch_types::{
    AppField, HookContext, HookError, LaunchType, LaunchTypes, Opens, PlannedBy, SessionEvent,
};
pub use plan::{Claim, ClaimAccess, ClaimScope, Plan, PodPlan};
pub use plugin_services::{HostCallError, PluginServices};
pub use plugins::Plugins;
pub use preferences::{Preferences, Theme};
pub use problem::{FieldProblem, Problems};
pub use quantity::Quantity;
pub use runtime::{ByteStream, Needs, Observed, Runtime, RuntimeError, RuntimeEvent, RuntimeKind, Workload};
pub use session::{Failure, Reason, Session, SessionOutline, Stage, Status};
pub use workspace::{Workspace, WorkspaceName};
