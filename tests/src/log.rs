//! What the program says on its two outputs, line by line, and waiting for one of them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

use crate::PATIENCE;

/// The lines so far. A clone sees the same lines.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    count: watch::Sender<usize>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            lines: Arc::default(),
            count: watch::channel(0).0,
        }
    }

    /// Takes over an output of the program until it closes.
    pub(crate) fn follow(&self, output: impl AsyncRead + Unpin + Send + 'static) {
        let log = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                log.push(line);
            }
        });
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
        self.count.send_replace(lines.len());
    }

    /// Everything so far, for the message of a test that failed.
    pub(crate) fn text(&self) -> String {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }

    /// The first word after `marker`, as soon as a line has it.
    pub(crate) async fn word_after(&self, marker: &str) -> anyhow::Result<String> {
        let word = |line: &str| {
            let rest = line.split_once(marker)?.1;
            rest.split_whitespace().next().map(str::to_owned)
        };
        self.wait_for(marker, word).await
    }

    /// Waits until a line has these words.
    pub(crate) async fn line_with(&self, words: &str) -> anyhow::Result<()> {
        self.wait_for(words, |line| line.contains(words).then_some(()))
            .await
    }

    async fn wait_for<T>(&self, marker: &str, found_in: impl Fn(&str) -> Option<T>) -> anyhow::Result<T> {
        let mut count = self.count.subscribe();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(word) = self.find(&found_in) {
                    return Ok(word);
                }
                if count.changed().await.is_err() {
                    bail!("the outputs are closed");
                }
            }
        });
        match found.await {
            Ok(word) => word,
            Err(_) => Err(anyhow::anyhow!("no line in {} s", PATIENCE.as_secs())),
        }
        .with_context(|| format!("waiting for `{marker}`; the program said:\n{}", self.text()))
    }

    fn find<T>(&self, found_in: impl Fn(&str) -> Option<T>) -> Option<T> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().find_map(|line| found_in(line))
    }
}
