//! Podman's events as a stream, begun anew where it ends.

use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use launchpad_domain::runtime::{INSTANCE_LABEL, SESSION_LABEL};
use launchpad_domain::{InstanceId, RuntimeError, RuntimeEvent, SessionId};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::{BroadcastStream, ReceiverStream};

use super::command::Cli;

/// Events that may wait for the watcher before Podman is read no further.
const BACKLOG: usize = 1_024;
/// Longest line that is an event; Podman's are 1 KiB.
const MAX_LINE: u64 = 64 * 1_024;
/// How far back a new reader looks, so that nothing is lost between its start and its first line.
const SINCE: &str = "2s";
/// After how long a reader ends by itself. One whose portal was killed would else wait for an event that it cannot tell
/// any more, and it looks for one all the time: half a percent of a core each.
const LIFE: &str = "1m";

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A reader that has run this long was a good one: the next pause is a short one again.
const GOOD_RUN: Duration = Duration::from_secs(50);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    status: String,
    #[serde(default)]
    attributes: Option<std::collections::BTreeMap<String, String>>,
}

/// The events of this instance's containers, and the stages that this process reports of its own launches.
pub(super) fn watch(
    cli: Cli,
    instance: InstanceId,
    stages: broadcast::Receiver<RuntimeEvent>,
) -> BoxStream<'static, RuntimeEvent> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    tokio::spawn(async move {
        let gone = sender.clone();
        tokio::select! {
            () = gone.closed() => (),
            () = follow(&cli, instance, &sender) => (),
        }
    });
    let stages = BroadcastStream::new(stages).map(|stage| stage.unwrap_or(RuntimeEvent::Missed));
    futures::stream::select(ReceiverStream::new(receiver), stages).boxed()
}

/// Reads events until nobody listens any more.
async fn follow(cli: &Cli, instance: InstanceId, sender: &mpsc::Sender<RuntimeEvent>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        if let Err(error) = read_once(cli, instance, sender).await {
            tracing::warn!(%error, "podman events cannot be read");
        }
        if sender.is_closed() {
            return;
        }
        pause = if begun.elapsed() >= GOOD_RUN {
            FIRST_PAUSE
        } else {
            (pause * 2).min(LONGEST_PAUSE)
        };
        sleep(pause).await;
    }
}

async fn read_once(
    cli: &Cli,
    instance: InstanceId,
    sender: &mpsc::Sender<RuntimeEvent>,
) -> Result<(), RuntimeError> {
    let filter = format!("label={INSTANCE_LABEL}={instance}");
    let arguments = [
        "events", "--format", "json", "--since", SINCE, "--until", LIFE, "--filter", &filter,
    ]
    .map(str::to_owned);
    let started = cli.start(&arguments);
    // Also where it did not start: then only the watcher's own lists tell anything.
    let _ = sender.send(RuntimeEvent::Missed).await;
    let mut child = started?;
    let Some(stdout) = child.stdout.take() else {
        return Err(RuntimeError::Away("podman events has no output".to_owned()));
    };
    let mut lines = BufReader::new(stdout);
    while let Some(line) = next_line(&mut lines).await {
        if let Some(session) = changed(&line)
            && sender.send(RuntimeEvent::Changed(session)).await.is_err()
        {
            return Ok(());
        }
    }
    // A program that still has a line for nobody ends of that.
    drop(lines);
    let mut complaint = String::new();
    if let Some(stderr) = child.stderr.take() {
        // What cannot be read of a complaint is no second fault.
        let _ = stderr.take(MAX_LINE).read_to_string(&mut complaint).await;
    }
    if child.wait().await.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(RuntimeError::Away(format!(
        "podman events ended: {}",
        complaint.trim()
    )))
}

/// The next line; `None` at the end and where a line is longer than an event can be.
async fn next_line(lines: &mut BufReader<ChildStdout>) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let read = lines.take(MAX_LINE).read_until(b'\n', &mut line).await.ok()?;
    (read > 0 && line.ends_with(b"\n")).then_some(line)
}

/// The session of which a line tells something new.
fn changed(line: &[u8]) -> Option<SessionId> {
    let event: Event = serde_json::from_slice(line).ok()?;
    if !matches!(
        event.status.as_str(),
        "start" | "died" | "remove" | "pause" | "unpause" | "stop"
    ) {
        return None;
    }
    event.attributes?.get(SESSION_LABEL)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_sessions() {
        let session = SessionId::new();
        let line = |status: &str| {
            format!(
                r#"{{"Name":"a","Status":"{status}","Type":"container","Attributes":{{"{SESSION_LABEL}":"{session}"}}}}"#
            )
        };
        assert_eq!(changed(line("died").as_bytes()), Some(session));
        assert_eq!(changed(line("exec").as_bytes()), None);
        assert_eq!(changed(b"not json"), None);
        assert_eq!(changed(br#"{"Status":"died"}"#), None);
    }
}
