//! Runs the `podman` program: bounded in time, in output and in number.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use launchpad_domain::RuntimeError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Longest that a question may take. On a healthy machine it is 50 ms.
const QUERY_LIMIT: Duration = Duration::from_secs(30);
/// Longest that a change may take: starting or stopping a pod.
pub(super) const CHANGE_LIMIT: Duration = Duration::from_mins(2);
/// Longest that fetching an image may take.
const FETCH_LIMIT: Duration = Duration::from_mins(30);

/// Most bytes of an answer: 10,000 containers fit.
const MAX_ANSWER: u64 = 64 * 1_024 * 1_024;
/// Most bytes of complaints that are kept.
const MAX_COMPLAINT: u64 = 64 * 1_024;

/// Programs at the same time: Podman's own locks make more of them slower, not faster.
const AT_ONCE: usize = 8;

/// How long the pipes are read on after the program has ended: a process that it left behind may hold them open.
const DRAIN: Duration = Duration::from_millis(500);

/// One run of the program.
#[derive(Debug)]
pub(super) struct Call {
    arguments: Vec<String>,
    input: Vec<u8>,
    limit: Duration,
    /// A fetch takes minutes and must not keep others waiting.
    counted: bool,
}

impl Call {
    /// A question.
    pub(super) fn quick(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self {
            arguments,
            input: Vec::new(),
            limit: QUERY_LIMIT,
            counted: true,
        }
    }

    /// A change of a pod.
    pub(super) fn slow(arguments: &[&str]) -> Self {
        Self {
            limit: CHANGE_LIMIT,
            ..Self::quick(arguments)
        }
    }

    /// The fetching of an image.
    pub(super) fn fetch(arguments: &[&str]) -> Self {
        Self {
            limit: FETCH_LIMIT,
            counted: false,
            ..Self::quick(arguments)
        }
    }

    /// With this on its standard input.
    pub(super) fn fed(self, input: Vec<u8>) -> Self {
        Self { input, ..self }
    }
}

/// What a run ended with.
#[derive(Debug)]
pub(super) struct Finished {
    /// Whether it exited with 0.
    pub(super) succeeded: bool,
    /// Its standard output.
    pub(super) answer: Vec<u8>,
    /// Its standard error, cut to a bound.
    pub(super) errors: String,
}

impl Finished {
    /// What it answered; that it did not means that the engine is away.
    pub(super) fn into_answer(self) -> Result<Vec<u8>, RuntimeError> {
        if self.succeeded {
            Ok(self.answer)
        } else {
            Err(RuntimeError::Away(self.complaint()))
        }
    }

    /// What it complained of, without the warnings that Podman always writes.
    pub(super) fn complaint(&self) -> String {
        let told: Vec<&str> = self
            .errors
            .lines()
            .map(str::trim)
            .filter(|line| !is_noise(line))
            .collect();
        if told.is_empty() {
            "podman failed without a word".to_owned()
        } else {
            told.join("\n")
        }
    }
}

fn is_noise(line: &str) -> bool {
    line.is_empty() || line.contains("level=warning") || line.starts_with("failed to connect to syslog")
}

/// The program, and how many of it run.
#[derive(Clone)]
pub(super) struct Cli {
    program: Arc<PathBuf>,
    slots: Arc<Semaphore>,
}

impl fmt::Debug for Cli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cli({})", self.program.display())
    }
}

impl Cli {
    pub(super) fn new(program: PathBuf) -> Self {
        Self {
            program: Arc::new(program),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Runs the program to its end. That it complained is an answer, told by [`Finished::succeeded`].
    ///
    /// # Errors
    /// [`RuntimeError::Away`] where it cannot be started or does not end in time.
    pub(super) async fn run(&self, call: Call) -> Result<Finished, RuntimeError> {
        let _slot = if call.counted {
            Some(
                self.slots
                    .acquire()
                    .await
                    .map_err(|closed| RuntimeError::Away(closed.to_string()))?,
            )
        } else {
            None
        };
        let name = call
            .arguments
            .iter()
            .take(2)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ");
        let late = || {
            RuntimeError::Away(format!(
                "podman {name} did not end within {} s",
                call.limit.as_secs()
            ))
        };
        let mut child = self.start(&call.arguments)?;
        let finished = timeout(call.limit, finish(&mut child, &call.input))
            .await
            .map_err(|_| late())?;
        finished.map_err(|error| RuntimeError::Away(format!("podman {name}: {error}")))
    }

    /// Starts the program with all three pipes; it is killed when the handle is dropped.
    pub(super) fn start(&self, arguments: &[String]) -> Result<Child, RuntimeError> {
        Command::new(self.program.as_ref())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // The terminal's Ctrl-C is for the portal, which ends its children in an orderly way.
            .process_group(0)
            .spawn()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => RuntimeError::Away(format!(
                    "Podman is not installed: no program `{}`",
                    self.program.display()
                )),
                _ => RuntimeError::Away(format!("`{}` cannot be started: {error}", self.program.display())),
            })
    }
}

async fn finish(child: &mut Child, input: &[u8]) -> std::io::Result<Finished> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(std::io::Error::other("started without pipes"));
    };
    let (mut answer, mut errors) = (Vec::new(), Vec::new());
    let (status, whole) = {
        let talk = async {
            let feed = async {
                // A program that ends early does not read all of it; its own complaint says more.
                let _ = stdin.write_all(input).await;
                drop(stdin);
            };
            let ((), whole, _) = tokio::join!(
                feed,
                read(stdout, &mut answer, MAX_ANSWER),
                read(stderr, &mut errors, MAX_COMPLAINT)
            );
            whole
        };
        tokio::pin!(talk);
        tokio::select! {
            status = child.wait() => {
                let drained = timeout(DRAIN, &mut talk).await;
                (status?, drained != Ok(false))
            }
            whole = &mut talk => (child.wait().await?, whole),
        }
    };
    if !whole {
        return Err(std::io::Error::other("answered with more than can be read"));
    }
    let errors = String::from_utf8_lossy(&errors).into_owned();
    Ok(Finished {
        succeeded: status.success(),
        answer,
        errors,
    })
}

/// Keeps the first `most` bytes and reads on, so that the program is not held up. Says whether that was all.
async fn read(pipe: impl AsyncRead + Unpin, kept: &mut Vec<u8>, most: u64) -> bool {
    let mut bounded = pipe.take(most);
    // A broken pipe ends the reading like the end does; the exit status says what became of the program.
    let _ = bounded.read_to_end(kept).await;
    let rest = tokio::io::copy(&mut bounded.into_inner(), &mut tokio::io::sink()).await;
    rest.is_ok_and(|left| left == 0)
}
