//! A browser at the origin of one session, as far as requests and cookies go.

use anyhow::{Context, ensure};
use futures::{SinkExt, StreamExt};
use reqwest::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};
use url::Url;

use crate::PATIENCE;
use crate::client::Answer;

/// One browser at one origin. The host name goes into the header alone: the portal is on this machine.
#[derive(Debug, Clone)]
pub struct Origin {
    http: reqwest::Client,
    host: String,
    port: u16,
    way_in: String,
    cookie: Option<String>,
}

/// A WebSocket to the app.
#[derive(Debug)]
pub struct Socket(WebSocketStream<TcpStream>);

impl Origin {
    /// The origin to which the portal leads with this address; nothing has been asked there yet.
    pub fn of(way_in: &str) -> anyhow::Result<Self> {
        crate::choose_tls();
        let url = Url::parse(way_in)?;
        let port = url.port().context("a port")?;
        Ok(Self {
            http: reqwest::Client::builder()
                .redirect(redirect::Policy::none())
                .no_proxy()
                .build()?,
            host: format!("{}:{port}", url.host_str().context("a host")?),
            port,
            way_in: format!("{}?{}", url.path(), url.query().unwrap_or_default()),
            cookie: None,
        })
    }

    /// Shows the code, and keeps the cookie that it is changed for.
    pub async fn enter(&mut self) -> anyhow::Result<Answer> {
        let answer = self.get(&self.way_in.clone()).await?;
        if let Some(cookie) = answer.headers.get(SET_COOKIE) {
            let cookie = cookie.to_str()?;
            for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Secure"] {
                ensure!(cookie.contains(attribute), "{attribute} is not in {cookie}");
            }
            ensure!(cookie.starts_with("__Host-"), "{cookie}");
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        Ok(answer)
    }

    /// Host name and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// As browsers say it.
    pub fn origin(&self) -> String {
        format!("http://{}", self.host)
    }

    /// What is shown to be known here.
    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// The same browser with the same cookie under another host name.
    #[must_use]
    pub fn with_host(&self, host: &str) -> Self {
        Self {
            host: if host.contains(':') {
                host.to_owned()
            } else {
                format!("{host}:{}", self.port)
            },
            ..self.clone()
        }
    }

    /// The same under the host name of another session.
    #[must_use]
    pub fn with_host_of(&self, session: &str) -> Self {
        let domain = self.host.split_once('.').map_or("", |(_, domain)| domain);
        self.with_host(&format!("s-{session}.{domain}"))
    }

    fn request(&self, method: Method, path: &str, more_cookies: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("http://127.0.0.1:{}{path}", self.port))
            .header(HOST, &self.host);
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, format!("{cookie}{more_cookies}")),
            None => request,
        }
    }

    async fn send(request: RequestBuilder) -> anyhow::Result<Answer> {
        let response = request.timeout(PATIENCE).send().await?;
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await?,
        })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        Self::send(self.request(Method::GET, path, "")).await
    }

    /// GET with these headers, and with more in the cookie's line.
    pub async fn get_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        more_cookies: &str,
    ) -> anyhow::Result<Answer> {
        let mut request = self.request(Method::GET, path, more_cookies);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::send(request).await
    }

    /// GET as for a page of its own.
    pub async fn navigate(&self, path: &str) -> anyhow::Result<Answer> {
        let headers = [
            ("accept", "text/html"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "none"),
        ];
        self.get_with(path, &headers, "").await
    }

    /// POST from a page of this origin.
    pub async fn post(&self, path: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
        let request = self.request(Method::POST, path, "").header(ORIGIN, self.origin());
        Self::send(request.body(body)).await
    }

    /// POST from a page of another origin, or from none.
    pub async fn post_from(&self, path: &str, origin: Option<&str>) -> anyhow::Result<Answer> {
        let request = self.request(Method::POST, path, "");
        let request = match origin {
            Some(origin) => request.header(ORIGIN, origin),
            None => request,
        };
        Self::send(request).await
    }

    /// GET whose answer lasts.
    pub async fn lasting(&self, path: &str) -> anyhow::Result<Response> {
        Ok(self.request(Method::GET, path, "").send().await?)
    }

    /// The status with which an upgrade is answered that a page of this origin asks for.
    pub async fn upgrade_status(&self, origin: Option<&str>) -> anyhow::Result<u16> {
        let head = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let origin = origin.map_or_else(String::new, |origin| format!("origin: {origin}\r\n"));
        let answer = self
            .raw(&format!("GET /socket HTTP/1.1\r\n{head}{origin}"), "")
            .await?;
        let status = answer.split(' ').nth(1).context("an answer")?;
        Ok(StatusCode::from_bytes(status.as_bytes())?.as_u16())
    }

    /// Sends a request line with headers as they are, host and cookie, and a body; answers the first of what comes back.
    pub async fn raw(&self, head: &str, body: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let cookie = self.cookie.as_deref().unwrap_or_default();
        let request = format!("{head}host: {}\r\ncookie: {cookie}\r\n\r\n{body}", self.host);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = vec![0; 4_096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await??;
        Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
    }

    /// A WebSocket from a page of this origin.
    pub async fn socket(&self, path: &str) -> anyhow::Result<Socket> {
        let mut request = format!("ws://{}{path}", self.host).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("origin", HeaderValue::from_str(&self.origin())?);
        headers.insert(
            "cookie",
            HeaderValue::from_str(self.cookie.as_deref().unwrap_or_default())?,
        );
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let (socket, _) = tokio::time::timeout(PATIENCE, client_async(request, stream)).await??;
        Ok(Socket(socket))
    }
}

impl Socket {
    /// Sends bytes that must come back; fewer than 126.
    pub async fn echo(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.0.send(Message::binary(bytes.to_vec())).await?;
        let back = tokio::time::timeout(PATIENCE, self.0.next())
            .await?
            .context("an echo")??;
        ensure!(back.into_data() == bytes, "something else came back");
        Ok(())
    }

    /// Waits until the other side ends it.
    pub async fn until_closed(&mut self) {
        while let Some(Ok(_)) = self.0.next().await {}
    }
}
