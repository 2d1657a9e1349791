//! A proxy before a real API server that can do what networks and busy API servers do: be slow, refuse, answer with errors,
//! do what it is asked and not say so, cut watches and keep them silent.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::{Body, Certificate, Identity};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::PATIENCE;
use crate::cluster::Cluster;

/// What goes wrong, until something else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every request takes so much longer.
    Slow(Duration),
    /// Every request gets this answer and is not passed on.
    Answer(u16),
    /// What is asked for is done, and the connection ends without an answer.
    NoAnswer,
    /// Nobody is reached.
    Away,
    /// Every watch is too old to go on.
    Expired,
}

/// What becomes of watches that are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watches {
    Flow,
    Silent,
    Cut,
}

#[derive(Debug)]
struct State {
    upstream: String,
    client: reqwest::Client,
    fault: Mutex<Option<Fault>>,
    done: AtomicUsize,
    happened: Notify,
    watches: watch::Sender<Watches>,
}

/// The proxy, and the kubeconfig that leads to it. Dropped, it is gone.
#[derive(Debug)]
pub struct FaultProxy {
    state: Arc<State>,
    kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy that does nothing wrong yet, with an administrator's rights at the cluster.
    pub async fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        let (upstream, client) = administrator(cluster).await?;
        let state = Arc::new(State {
            upstream,
            client,
            fault: Mutex::new(None),
            done: AtomicUsize::new(0),
            happened: Notify::new(),
            watches: watch::Sender::new(Watches::Flow),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let folder = tempfile::tempdir()?;
        let kubeconfig = folder.path().join("kubeconfig");
        write_kubeconfig(&kubeconfig, &format!("http://{}", listener.local_addr()?))?;
        let served = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&served), stream));
            }
        });
        Ok(Self {
            state,
            kubeconfig,
            _folder: folder,
            task,
        })
    }

    /// Leads to the cluster through the proxy.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Makes this go wrong from now on, and whatever went wrong before go right.
    pub fn set(&self, fault: Option<Fault>) {
        *self.state.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.state.done.store(0, Ordering::SeqCst);
    }

    /// How often it went wrong.
    pub fn done(&self) -> usize {
        self.state.done.load(Ordering::SeqCst)
    }

    /// Waits until it went wrong so often.
    pub async fn until_done(&self, times: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.done() < times {
            ensure!(Instant::now() < deadline, "nobody was harmed {times} times");
            let happened = self.state.happened.notified();
            drop(tokio::time::timeout(Duration::from_millis(200), happened).await);
        }
        Ok(())
    }

    /// Ends every watch in the middle.
    pub fn cut_watches(&self) {
        self.state.watches.send_replace(Watches::Cut);
        self.state.watches.send_replace(Watches::Flow);
    }

    /// Keeps back whatever watches have to tell; those that are made afterwards tell nothing either.
    pub fn silence_watches(&self) {
        self.state.watches.send_replace(Watches::Silent);
    }

    /// Lets watches tell again what they have to.
    pub fn let_watches_speak(&self) {
        self.state.watches.send_replace(Watches::Flow);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where the API server is, and a client with the administrator's certificate.
async fn administrator(cluster: &Cluster) -> anyhow::Result<(String, reqwest::Client)> {
    crate::choose_tls();
    let config = cluster
        .kubectl(
            &[
                "config",
                "view",
                "--raw",
                "--flatten",
                "--minify",
                "--output=json",
            ],
            "",
        )
        .await?;
    let config: Value = serde_json::from_str(&config)?;
    let at = &config["clusters"][0]["cluster"];
    let user = &config["users"][0]["user"];
    let decoded = |value: &Value| -> anyhow::Result<Vec<u8>> {
        let text = value.as_str().context("the kubeconfig holds its certificates")?;
        Ok(base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            text,
        )?)
    };
    let mut identity = decoded(&user["client-certificate-data"])?;
    identity.extend(decoded(&user["client-key-data"])?);
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only(Certificate::from_pem_bundle(&decoded(
            &at["certificate-authority-data"],
        )?)?)
        .identity(Identity::from_pem(&identity)?)
        .http1_only()
        .build()?;
    let server = at["server"].as_str().context("a cluster has an address")?;
    Ok((server.to_owned(), client))
}

/// JSON is YAML.
fn write_kubeconfig(file: &Path, server: &str) -> anyhow::Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "proxy",
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        "clusters": [{"name": "proxy", "cluster": {"server": server}}],
        "users": [{"name": "proxy", "user": {}}],
    });
    std::fs::write(file, config.to_string())?;
    Ok(())
}

async fn serve(state: Arc<State>, stream: TcpStream) {
    if state.now() == Some(Fault::Away) {
        state.count();
        return;
    }
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { state.answer(request).await }
    });
    // A connection that ends is what this is for.
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await,
    );
}

/// Ends the connection instead of an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

impl State {
    fn now(&self) -> Option<Fault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::SeqCst);
        self.happened.notify_waiters();
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let is_watch = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("watch="));
        let writes = request.method() != Method::GET;
        match self.now() {
            Some(Fault::Slow(by)) => {
                self.count();
                tokio::time::sleep(by).await;
            }
            Some(Fault::Answer(code)) => {
                self.count();
                return Ok(told(code, "the fault proxy says so"));
            }
            Some(Fault::Expired) if is_watch => {
                self.count();
                return Ok(told(410, "too old resource version"));
            }
            Some(Fault::Away) => {
                self.count();
                return Err(Cut);
            }
            Some(Fault::NoAnswer) if writes => {
                let answer = self.pass_on(request).await?;
                // To its end, so that it was done.
                drop(answer.bytes().await);
                self.count();
                return Err(Cut);
            }
            Some(Fault::Expired | Fault::NoAnswer) | None => {}
        }
        if request.headers().contains_key(http::header::UPGRADE) {
            return self.carry(request).await;
        }
        let (parts, body) = http::Response::<Body>::from(self.pass_on(request).await?).into_parts();
        let body = if is_watch {
            Body::wrap(Watched::new(body, self.watches.subscribe()))
        } else {
            body
        };
        Ok(Response::from_parts(parts, body))
    }

    /// What is asked for is another protocol, such as port-forward: its bytes are carried both ways until one side ends.
    async fn carry(&self, mut request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let near = hyper::upgrade::on(&mut request);
        let answer = self.pass_on(request).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(http::Response::<Body>::from(answer));
        }
        tokio::spawn(async move {
            if let (Ok(near), Ok(mut far)) = tokio::join!(near, answer.upgrade()) {
                // Whoever ends it is the test's matter.
                drop(tokio::io::copy_bidirectional(&mut TokioIo::new(near), &mut far).await);
            }
        });
        let mut switching = Response::new(Body::default());
        *switching.status_mut() = status;
        *switching.headers_mut() = headers;
        Ok(switching)
    }

    async fn pass_on(&self, request: Request<Incoming>) -> Result<reqwest::Response, Cut> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers;
        headers.remove(http::header::HOST);
        self.client
            .request(parts.method, format!("{}{path}", self.upstream))
            .headers(headers)
            .body(Body::wrap(body))
            .send()
            .await
            .map_err(|_| Cut)
    }
}

/// An answer of the API server's kind.
fn told(code: u16, message: &str) -> Response<Body> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
        "reason": if code == 410 { "Expired" } else { "" }});
    let mut answer = Response::new(Body::from(status.to_string()));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
        .headers_mut()
        .insert("content-type", http::HeaderValue::from_static("application/json"));
    answer
}

/// A watch that can be cut and silenced.
struct Watched {
    inner: Pin<Box<Body>>,
    changed: Pin<Box<dyn Future<Output = watch::Receiver<Watches>> + Send + Sync>>,
    now: Watches,
}

impl Watched {
    fn new(inner: Body, watches: watch::Receiver<Watches>) -> Self {
        let now = *watches.borrow();
        Self {
            inner: Box::pin(inner),
            now,
            changed: Box::pin(next(watches)),
        }
    }
}

async fn next(mut watches: watch::Receiver<Watches>) -> watch::Receiver<Watches> {
    if watches.changed().await.is_err() {
        std::future::pending::<Infallible>().await;
    }
    watches
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while let Poll::Ready(mut watches) = self.changed.as_mut().poll(context) {
            let before = self.now;
            self.now = *watches.borrow_and_update();
            self.changed = Box::pin(next(watches));
            // Two changes at once are seen as one: whoever was cut flows again when looked at.
            if before == Watches::Flow && self.now != Watches::Silent {
                return Poll::Ready(Some(Err(Box::new(Cut))));
            }
        }
        match self.now {
            Watches::Silent => Poll::Pending,
            Watches::Flow | Watches::Cut => self
                .inner
                .as_mut()
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
        }
    }
}
