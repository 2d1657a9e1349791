//! How often apps are launched.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Launches of every kind, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LaunchCounts {
    /// All launches ever recorded.
    pub total_launches: u64,
    /// Per app, most launched first.
    pub apps: Vec<AppLaunches>,
}

/// The launches of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppLaunches {
    /// The app's id; the app may be gone.
    pub app_id: String,
    /// Its name now, else its name at the last session, else its id.
    pub app_name: String,
    /// How often.
    pub launches: u64,
    /// When last.
    pub last_launch: DateTime<Utc>,
}
