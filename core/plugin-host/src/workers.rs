//! Threads that plugins run on: kept from one call to the next, because starting one takes longer than a script.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::oneshot;

use crate::threads::SCRIPT_STACK;

type Job = Box<dyn FnOnce() + Send>;
type Idle = Mutex<Vec<SyncSender<Job>>>;

/// Threads at rest. There are never more than there were calls at one time; they end with this.
#[derive(Debug, Default)]
pub(crate) struct Workers(Arc<Idle>);

impl Workers {
    /// Runs work on a thread at rest, or on a new one. A receiver without a value says that it panicked.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<oneshot::Receiver<T>> {
        let (send, receive) = oneshot::channel();
        let mut job: Job = Box::new(move || {
            // Nobody may be waiting any more.
            let _ = send.send(work());
        });
        let resting = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(worker) = resting {
            match worker.try_send(job) {
                Ok(()) => return Ok(receive),
                Err(
                    std::sync::mpsc::TrySendError::Full(back)
                    | std::sync::mpsc::TrySendError::Disconnected(back),
                ) => {
                    job = back;
                }
            }
        }
        let idle = Arc::downgrade(&self.0);
        std::thread::Builder::new()
            .name("plugin-call".to_owned())
            .stack_size(SCRIPT_STACK)
            .spawn(move || serve(job, &idle))?;
        Ok(receive)
    }
}

/// Does one job after the other. A job that panics ends the thread, which then never rests again.
fn serve(first: Job, idle: &Weak<Idle>) {
    let mut job = first;
    loop {
        job();
        let Some(idle) = idle.upgrade() else { return };
        // One for each rest: the only sender lies with the owner, whose end is then noticed here.
        let (send, jobs) = sync_channel(1);
        idle.lock().unwrap_or_else(PoisonError::into_inner).push(send);
        // Not held while waiting: the last owner gone is what ends this.
        drop(idle);
        match jobs.recv() {
            Ok(next) => job = next,
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_at_rest_is_used_again() {
        let workers = Workers::default();
        let name = || std::thread::current().id();
        let first = workers.run(name).unwrap().await.unwrap();
        while workers.0.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(workers.run(name).unwrap().await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_its_thread_not_used_again() {
        let workers = Workers::default();
        assert!(workers.run(|| panic!("on purpose")).unwrap().await.is_err());
        assert_eq!(workers.run(|| 7).unwrap().await, Ok(7));
    }

    #[tokio::test]
    async fn threads_end_with_their_owner() {
        struct Ends(std::sync::mpsc::Sender<()>);
        impl Drop for Ends {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        thread_local! {
            static ENDS: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) };
        }
        let (send, ended) = std::sync::mpsc::channel();
        let workers = Workers::default();
        workers
            .run(move || ENDS.set(Some(Ends(send))))
            .unwrap()
            .await
            .unwrap();
        assert!(ended.try_recv().is_err(), "the thread did not rest");
        drop(workers);
        ended.recv_timeout(std::time::Duration::from_mins(1)).unwrap();
    }
}
