//! A way to a server that can be cut: every byte goes through, until a test says otherwise.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Between clients and a server on loopback. Dropped, it is closed.
#[derive(Debug)]
pub struct Cutter {
    port: u16,
    plan: Arc<Plan>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Plan {
    when: Mutex<When>,
    /// Whether it is cut now.
    cut: watch::Sender<bool>,
}

/// At which byte of the clients' it is cut.
#[derive(Debug, Clone, Copy, Default)]
enum When {
    #[default]
    Never,
    /// After so many more: what comes then does not arrive.
    After(usize),
    /// As soon as a client has sent the second after the first: both arrive, and no answer to the second does.
    SentAfter(&'static [u8], &'static [u8]),
}

/// How much of what a client sent still goes to the server.
enum Passes {
    Everything,
    /// So many bytes, and nothing more in either direction.
    TheLast(usize),
}

impl Cutter {
    /// A way to this port.
    pub async fn to(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let plan = Arc::new(Plan {
            when: Mutex::default(),
            cut: watch::Sender::new(false),
        });
        let shared = Arc::clone(&plan);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !*shared.cut.borrow() {
                    tokio::spawn(carry(client, server, Arc::clone(&shared)));
                }
            }
        });
        Ok(Self {
            port,
            plan,
            accepting,
        })
    }

    /// The port on which it takes connections, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts everything after so many more bytes of the clients', until it is mended.
    pub fn cut_after(&self, bytes: usize) {
        self.plan.set(When::After(bytes));
    }

    /// Cuts everything as soon as a client has sent `last` on a connection on which it sent `first` since now, and before the
    /// server's answer to it, until it is mended.
    pub fn cut_once_sent(&self, first: &'static [u8], last: &'static [u8]) {
        self.plan.set(When::SentAfter(first, last));
    }

    /// Waits until it was cut.
    pub async fn until_cut(&self) {
        // The sender lives as long as we do.
        let _ = self.plan.cut.subscribe().wait_for(|cut| *cut).await;
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.plan.set(When::Never);
        self.plan.cut.send_replace(false);
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.accepting.abort();
        self.plan.cut.send_replace(true);
    }
}

impl Plan {
    fn set(&self, when: When) {
        *self.when.lock().unwrap_or_else(PoisonError::into_inner) = when;
    }

    /// What becomes of these bytes. `first_was_sent` is what this connection knows of [`When::SentAfter`].
    fn passes(&self, bytes: &[u8], first_was_sent: &mut bool) -> Passes {
        let mut when = self.when.lock().unwrap_or_else(PoisonError::into_inner);
        let passes = match &mut *when {
            When::Never => Passes::Everything,
            When::After(left) if bytes.len() < *left => {
                *left -= bytes.len();
                Passes::Everything
            }
            When::After(left) => Passes::TheLast(*left),
            When::SentAfter(first, last) => {
                *first_was_sent |= holds(bytes, first);
                if *first_was_sent && holds(bytes, last) {
                    Passes::TheLast(bytes.len())
                } else {
                    Passes::Everything
                }
            }
        };
        if let Passes::TheLast(_) = passes {
            *when = When::Never;
            // Before they are sent: whoever brings an answer to them sees it.
            self.cut.send_replace(true);
        }
        passes
    }
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

async fn carry(client: TcpStream, server: u16, plan: Arc<Plan>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        carry_up(from_client, to_server, &plan),
        carry_down(from_server, to_client, plan.cut.subscribe()),
    );
}

async fn carry_up(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, plan: &Plan) {
    let mut cut = plan.cut.subscribe();
    let mut buffer = vec![0; 64 * 1_024];
    let mut first_was_sent = false;
    while let Some(read) = read_until_cut(&mut client, &mut buffer, &mut cut).await {
        let sent = match plan.passes(&buffer[..read], &mut first_was_sent) {
            Passes::Everything => read,
            Passes::TheLast(bytes) => bytes,
        };
        if server.write_all(&buffer[..sent]).await.is_err() {
            break;
        }
    }
    // The server sees an ordinary end, after everything that was sent.
    let _ = server.shutdown().await;
}

async fn carry_down(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, mut cut: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1_024];
    while let Some(read) = read_until_cut(&mut server, &mut buffer, &mut cut).await {
        if client.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}

/// How many bytes came, or nothing when there are no more or it is cut.
async fn read_until_cut(
    from: &mut OwnedReadHalf,
    buffer: &mut [u8],
    cut: &mut watch::Receiver<bool>,
) -> Option<usize> {
    let read = tokio::select! {
        biased;
        _ = cut.wait_for(|cut| *cut) => return None,
        read = from.read(buffer) => read.ok().filter(|read| *read > 0)?,
    };
    // It may have been cut while these were read.
    (!*cut.borrow()).then_some(read)
}
