//! The viewer's sessions, one session, and its screen.

use std::cmp::Ordering;

use askama::Template;
use launchpad_domain::plugin_services::Progress;
use launchpad_domain::{App, Branding, Failure, Reason, Session, Stage, Status};

use super::icon::Icon;
use super::page::Page;
use super::when::When;

/// All sessions of the viewer. Block `list`: the list alone, for refreshing it.
#[derive(Debug, Template)]
#[template(path = "sessions.html", blocks = ["list"])]
pub(crate) struct SessionsPage {
    page: Page,
    live: Vec<SessionRow>,
    ended: Vec<SessionRow>,
}

/// One session without a screen: how its launch comes on, why it failed, that it ended, or (for an
/// administrator) that somebody else's runs. Block `progress`: the card alone, sent at every change.
#[derive(Debug, Template)]
#[template(path = "session.html", blocks = ["progress"])]
pub(crate) struct SessionPage {
    page: Page,
    session: SessionRow,
    failure: Option<Failure>,
    /// The steps of the launch, while it goes on.
    stages: Vec<StageRow>,
    /// How many of them are done.
    done: usize,
    /// How far its plugin says that the launch is, and its words.
    said: Option<(Option<u8>, String)>,
    /// One line that its plugin wants shown.
    note: Option<String>,
    /// Whether the app is still there to be launched again.
    again: bool,
    /// Where the way to its pages begins, for its owner while it runs.
    open_url: Option<String>,
}

/// The screen of a running session, for its owner.
#[derive(Debug, Template)]
#[template(path = "viewer.html")]
pub(crate) struct ViewerPage {
    page: Page,
    session: SessionRow,
    websocket_url: String,
}

/// A session in a list.
#[derive(Debug)]
pub(super) struct SessionRow {
    pub(super) id: String,
    pub(super) app_id: String,
    pub(super) app_name: String,
    pub(super) icon: Icon,
    pub(super) status: Status,
    pub(super) stage: Stage,
    pub(super) created: When,
    pub(super) updated: When,
    pub(super) expires: When,
    /// Whether it was cancelled before it ran, which is no fault.
    pub(super) cancelled: bool,
    /// Why it failed, in one sentence; empty unless it did.
    pub(super) sentence: &'static str,
}

/// A step of a launch.
#[derive(Debug)]
struct StageRow {
    words: &'static str,
    /// The class of the step: `done`, `now`, or nothing while it lies ahead.
    class: &'static str,
}

impl SessionsPage {
    /// The sessions of the viewer, newest first. `apps` give the icons; a deleted app has its letter.
    pub(crate) fn new<'a>(page: Page, sessions: &[Session], apps: impl IntoIterator<Item = &'a App>) -> Self {
        let apps: Vec<&App> = apps.into_iter().collect();
        let rows = sessions
            .iter()
            .map(|session| SessionRow::new(session, apps.iter().copied(), &page.branding));
        let (live, ended): (Vec<_>, Vec<_>) = rows.partition(|row| row.status.is_live());
        Self {
            live,
            ended,
            page: page.named("My sessions", "/sessions"),
        }
    }
}

impl SessionPage {
    /// The page of `session`; `app` as it is now, if it is still there.
    pub(crate) fn new(page: Page, session: &Session, app: Option<&App>) -> Self {
        let row = SessionRow::new(session, app, &page.branding);
        let title = if session.status == Status::Creating {
            format!("Starting {}", row.app_name)
        } else {
            format!("{}: {}", row.app_name, row.status_words().to_lowercase())
        };
        let done = Stage::ALL
            .iter()
            .take_while(|stage| **stage != session.stage)
            .count();
        let stages = Stage::ALL.iter().enumerate().map(|(place, stage)| StageRow {
            words: stage_words(*stage),
            class: match place.cmp(&done) {
                Ordering::Less => "done",
                Ordering::Equal => "now",
                Ordering::Greater => "",
            },
        });
        Self {
            stages: stages.collect(),
            done,
            failure: session.failure.clone(),
            said: None,
            note: session.note.clone(),
            again: app.is_some(),
            open_url: None,
            session: row,
            page: page.named(title, "/sessions"),
        }
    }

    /// The same with what the session's plugin says about the launch.
    #[must_use]
    pub(crate) fn saying(mut self, progress: Option<&Progress>) -> Self {
        self.said = progress.map(|progress| (progress.percent, progress.message.clone()));
        self
    }

    /// The same with where the session's pages are opened.
    #[must_use]
    pub(crate) fn opened_at(mut self, open_url: Option<String>) -> Self {
        self.open_url = open_url;
        self
    }

    /// The heading.
    fn heading(&self) -> String {
        let name = &self.session.app_name;
        match self.session.status {
            Status::Creating => format!("Starting {name}"),
            Status::Running => format!("{name} is running"),
            Status::Stopped => format!("{name} was ended"),
            Status::Expired => format!("{name} reached its time limit"),
            Status::Failed if self.session.cancelled => format!("{name} was cancelled"),
            Status::Failed => format!("{name} failed"),
        }
    }
}

impl ViewerPage {
    /// The screen of `session`, or nothing while it has none.
    pub(crate) fn new(page: Page, session: &Session, app: Option<&App>) -> Option<Self> {
        let row = SessionRow::new(session, app, &page.branding);
        Some(Self {
            websocket_url: session.websocket_url()?,
            page: page.named(row.app_name.clone(), "/sessions"),
            session: row,
        })
    }
}

impl SessionRow {
    /// The sessions that run or are about to, for the top of the catalogue.
    pub(super) fn live<'a>(
        sessions: &[Session],
        apps: impl IntoIterator<Item = &'a App>,
        branding: &Branding,
    ) -> Vec<Self> {
        let apps: Vec<&App> = apps.into_iter().collect();
        let live = sessions.iter().filter(|session| session.status.is_live());
        live.map(|session| Self::new(session, apps.iter().copied(), branding))
            .collect()
    }

    /// A session with the icon of its app, if that is among `apps`.
    pub(super) fn new<'a>(
        session: &Session,
        apps: impl IntoIterator<Item = &'a App>,
        branding: &Branding,
    ) -> Self {
        let app = apps.into_iter().find(|app| app.id == session.app_id);
        let reason = session.failure.as_ref().map(|failure| failure.reason);
        Self {
            id: session.id.to_string(),
            app_id: session.app_id.to_string(),
            app_name: session.app_name.clone(),
            icon: Icon::of(
                app.map_or("", |app| app.icon.as_str()),
                &session.app_name,
                branding,
            ),
            status: session.status,
            stage: session.stage,
            created: session.created_at.into(),
            updated: session.updated_at.into(),
            expires: session.expires_at.into(),
            cancelled: reason == Some(Reason::Cancelled),
            sentence: reason.map_or("", Reason::sentence),
        }
    }

    /// The class of the status' tag.
    pub(super) fn status_class(&self) -> &'static str {
        if self.cancelled {
            "stopped"
        } else {
            self.status.as_str()
        }
    }

    /// The status as people read it.
    pub(super) fn status_words(&self) -> &'static str {
        match self.status {
            Status::Creating => "Starting",
            Status::Running => "Running",
            Status::Stopped => "Ended",
            Status::Expired => "Time limit reached",
            Status::Failed if self.cancelled => "Cancelled",
            Status::Failed => "Failed",
        }
    }

    /// The stage as people read it.
    pub(super) fn stage_words(&self) -> &'static str {
        stage_words(self.stage)
    }
}

fn stage_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Planning => "Planning the session",
        Stage::Queued => "Waiting for the engine",
        Stage::Scheduled => "Accepted by the engine",
        Stage::Pulling => "Fetching the image",
        Stage::Starting => "Starting the containers",
        Stage::Checking => "Waiting for the app to answer",
    }
}
