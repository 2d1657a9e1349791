//! A way to a server that can be cut: every byte goes through, until a test says otherwise.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
#[derive(Debug, Clone, Default)]
enum When {
    #[default]
    Never,
    /// After so many more: what comes then does not arrive.
    After(usize),
    /// As soon as a client has sent these: they arrive, and no answer does.
    Sent(&'static [u8]),
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

    /// Cuts everything as soon as a client has sent these bytes, before the server's answer to them, until it is mended.
    pub fn cut_once_sent(&self, bytes: &'static [u8]) {
        self.plan.set(When::Sent(bytes));
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

    /// How many of these bytes still go through, and whether that is the end.
    fn passes(&self, bytes: &[u8]) -> (usize, bool) {
        let mut when = self.when.lock().unwrap_or_else(PoisonError::into_inner);
        let (passes, cut) = match &mut *when {
            When::Never => (bytes.len(), false),
            When::After(left) if bytes.len() < *left => {
                *left -= bytes.len();
                (bytes.len(), false)
            }
            When::After(left) => (*left, true),
            When::Sent(wanted) => {
                let sent = bytes.windows(wanted.len()).any(|window| window == *wanted);
                (bytes.len(), sent)
            }
        };
        if cut {
            *when = When::Never;
        }
        (passes, cut)
    }
}

async fn carry(client: TcpStream, server: u16, plan: Arc<Plan>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let mut cut = plan.cut.subscribe();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; 64 * 1_024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            let (passes, ends) = plan.passes(&buffer[..read]);
            let sent = to_server.write_all(&buffer[..passes]).await;
            if ends {
                plan.cut.send_replace(true);
            }
            if ends || sent.is_err() {
                break;
            }
        }
        // The server sees an ordinary end, after everything that was sent.
        let _ = to_server.shutdown().await;
    };
    let down = async {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    };
    tokio::select! {
        biased;
        _ = cut.wait_for(|cut| *cut) => {}
        () = async { tokio::join!(up, down); } => {}
    }
}
