//! The session manager's loop: who is looked at, and when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use launchpad_domain::{RuntimeEvent, SessionId};
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::engine::Engine;
use super::reconcile::{News, Next, Pass};
use super::sweep::sweep;
use crate::workspaces::remove_workspaces;

/// How often row and engine are compared while the engine answers.
const SWEEP: Duration = Duration::from_secs(30);
/// After how long a look that broke is repeated.
const AGAIN: Duration = Duration::from_secs(5);

/// After how long a portal that follows asks the engine for the first time how it is.
const FIRST_CHECK: Duration = Duration::from_secs(5);

/// Makes true what the rows say. There is one per process, run beside the server; of several portals on one database
/// the one that leads does it for all.
#[derive(Debug)]
pub struct Manager {
    shared: Arc<Shared>,
}

/// What the loop keeps; dropping it ends every look. Each step of a look may be repeated, so nothing is lost.
struct Looks {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<Next, crate::ServiceError>>,
    /// Which session a task looks at.
    sessions: HashMap<Id, SessionId>,
    /// The sessions that are being looked at, and how to tell the look of news.
    under_way: HashMap<SessionId, Arc<News>>,
    /// Sessions with news that the look may not have seen.
    again: HashSet<SessionId>,
    due: BinaryHeap<Reverse<(Instant, SessionId)>>,
}

impl Manager {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Runs until `stop` is cancelled. Workloads go on without it; the next start takes them up again, or the portal
    /// that leads next.
    pub async fn run(self, stop: CancellationToken) {
        let shared = self.shared;
        let Some(engine) = &shared.engine else {
            stop.cancelled().await;
            return;
        };
        let lead_and_follow = async {
            loop {
                tokio::select! {
                    () = follow(&shared, engine) => {}
                    () = shared.leadership.gained() => {}
                }
                tokio::select! {
                    () = lead(&shared, engine) => {}
                    // Every step that is dropped here is one that another portal may take again.
                    () = shared.leadership.lost() => {}
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = lead_and_follow => {}
        }
    }
}

/// Keeps an eye on the engine, which streams need here too. The leader looks at the sessions.
async fn follow(shared: &Shared, engine: &Engine) {
    let mut checks = interval_at(Instant::now() + FIRST_CHECK, SWEEP);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = shared.wakes.take() => {}
            _ = checks.tick() => drop(engine.check().await),
        }
    }
}

/// Looks at every session that is not settled, for as long as it is polled.
async fn lead(shared: &Arc<Shared>, engine: &Engine) {
    let mut looks = Looks::new(Arc::clone(shared));
    looks.take_up(engine).await;
    let mut events = engine.runtime.watch();
    let mut ticks = interval(SWEEP.min(shared.settings.cleanup_interval));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sweeps: JoinSet<()> = JoinSet::new();
    // One at a time: a wish that has come true must not be repeated on what has the same name afterwards.
    let mut removals: JoinSet<()> = JoinSet::new();
    let mut stages = pin!(shared.write_stages());
    loop {
        let due = looks.due.peek().map(|Reverse((at, _))| *at);
        tokio::select! {
            woken = shared.wakes.take() => woken.into_iter().for_each(|id| looks.look(id)),
            Some(ended) = looks.tasks.join_next_with_id() => looks.ended(ended),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => looks.look_at_due(),
            Some(event) = events.next() => match event {
                RuntimeEvent::Changed(id) => looks.look_at_workload(id),
                RuntimeEvent::Stage(id, stage) => shared.set_stage(id, stage),
                RuntimeEvent::Missed => ticks.reset_immediately(),
            },
            _ = ticks.tick(), if sweeps.is_empty() => {
                sweeps.spawn(sweep(Arc::clone(shared)));
                shared.workspace_wishes.notify_one();
            }
            () = shared.workspace_wishes.notified(), if removals.is_empty() => {
                removals.spawn(remove_workspaces(Arc::clone(shared)));
            }
            () = &mut stages => {}
            Some(_) = removals.join_next() => {}
            Some(_) = sweeps.join_next() => {}
        }
    }
}

impl Looks {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            tasks: JoinSet::new(),
            sessions: HashMap::new(),
            under_way: HashMap::new(),
            again: HashSet::new(),
            due: BinaryHeap::new(),
        }
    }

    /// Takes up what an earlier process left: unfinished launches and removals at once, deadlines in time.
    async fn take_up(&mut self, engine: &Engine) {
        let rows = match self
            .shared
            .store
            .sessions()
            .unfinished_outlines(engine.runtime.kind())
            .await
        {
            Ok(rows) => rows,
            Err(error) => {
                // The sweeps look at the same rows; it only takes longer.
                tracing::error!(%error, "the unfinished sessions could not be read at the start");
                return;
            }
        };
        for row in rows {
            let quiet =
                row.status == launchpad_domain::Status::Running && self.shared.untold(&row, false).is_empty();
            if quiet {
                self.schedule(row.id, &Next::At(row.expires_at));
            } else {
                self.look(row.id);
            }
        }
    }

    /// Somebody wants the session looked at, or it is due.
    fn look(&mut self, id: SessionId) {
        self.tell_or_begin(id, |news| &news.row);
    }

    /// The engine has something else of the session than before.
    fn look_at_workload(&mut self, id: SessionId) {
        self.tell_or_begin(id, |news| &news.workload);
    }

    fn tell_or_begin(&mut self, id: SessionId, about: impl Fn(&News) -> &Notify) {
        match self.under_way.get(&id) {
            Some(news) => {
                about(news).notify_one();
                self.again.insert(id);
            }
            None => self.begin(id),
        }
    }

    fn begin(&mut self, id: SessionId) {
        let news = Arc::new(News::default());
        let pass = Pass::new(Arc::clone(&self.shared), id, Arc::clone(&news));
        let task = self.tasks.spawn(pass.run());
        self.sessions.insert(task.id(), id);
        self.under_way.insert(id, news);
    }

    fn ended(&mut self, ended: Result<(Id, Result<Next, crate::ServiceError>), JoinError>) {
        let (task, next) = match ended {
            Ok((task, Ok(next))) => (task, next),
            Ok((task, Err(error))) => {
                tracing::error!(%error, session = ?self.sessions.get(&task), "a look at a session broke");
                (task, Next::After(AGAIN))
            }
            Err(error) => {
                tracing::error!(%error, session = ?self.sessions.get(&error.id()), "a look at a session panicked");
                (error.id(), Next::After(AGAIN))
            }
        };
        let Some(id) = self.sessions.remove(&task) else {
            return;
        };
        self.under_way.remove(&id);
        self.schedule(id, &next);
        // News that came while the look ended. After a launch this costs one look too many, and never one too few.
        if self.again.remove(&id) && !matches!(next, Next::Never) {
            self.look(id);
        }
    }

    fn schedule(&mut self, id: SessionId, next: &Next) {
        let wait = match next {
            Next::Never => return,
            Next::After(wait) => *wait,
            // Measured on the steady clock from now on: a clock that is set later moves no deadline.
            Next::At(at) => (*at - self.shared.clock.now()).to_std().unwrap_or_default(),
        };
        self.due.push(Reverse((Instant::now() + wait, id)));
    }

    fn look_at_due(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, id))) = self.due.peek().copied() {
            if at > now {
                return;
            }
            self.due.pop();
            self.look(id);
        }
    }
}
