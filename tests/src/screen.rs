//! A small VNC viewer over the portal's WebSocket: enough of RFB 3.8 to prove that bytes go both ways.

use anyhow::{Context, bail, ensure};
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::PATIENCE;

/// No password: the portal is the door, the VNC server behind it has none.
const SECURITY_NONE: u8 = 1;

/// A connected screen.
#[derive(Debug)]
pub struct Screen {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    received: Vec<u8>,
    /// Pixels across.
    pub width: u16,
    /// Pixels down.
    pub height: u16,
}

impl Screen {
    /// Upgrades, and greets the VNC server until it has told the size of the screen.
    pub(crate) async fn open(base: &str, path: &str, token: Option<&str>) -> anyhow::Result<Self> {
        let address = format!("{}{path}", base.replacen("http", "ws", 1));
        let mut request = address.into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("binary"));
        headers.insert("origin", HeaderValue::from_str(base)?);
        if let Some(token) = token {
            headers.insert(
                "authorization",
                HeaderValue::from_str(&format!("Bearer {token}"))?,
            );
        }
        let (socket, _) = tokio::time::timeout(PATIENCE, connect_async(request)).await??;
        let mut screen = Self {
            socket,
            received: Vec::new(),
            width: 0,
            height: 0,
        };
        screen.greet().await?;
        Ok(screen)
    }

    async fn greet(&mut self) -> anyhow::Result<()> {
        let version = self.read(12).await?;
        ensure!(version.starts_with(b"RFB 003."), "not a VNC server: {version:?}");
        self.write(b"RFB 003.008\n").await?;
        let count = self.read(1).await?[0];
        let offered = self.read(count.into()).await?;
        ensure!(
            offered.contains(&SECURITY_NONE),
            "the VNC server wants a password: {offered:?}"
        );
        self.write(&[SECURITY_NONE]).await?;
        ensure!(self.read(4).await? == [0; 4], "the VNC server refused us");
        let shared = 1;
        self.write(&[shared]).await?;
        let size = self.read(4).await?;
        self.width = u16::from_be_bytes([size[0], size[1]]);
        self.height = u16::from_be_bytes([size[2], size[3]]);
        let _pixel_format = self.read(16).await?;
        let length = self.read(4).await?;
        let length = u32::from_be_bytes(length.try_into().unwrap_or_default());
        let _name = self.read(usize::try_from(length)?).await?;
        Ok(())
    }

    /// Asks for the whole picture and answers how many bytes of the first message came back.
    pub async fn picture(&mut self) -> anyhow::Result<usize> {
        let incremental = 0;
        let mut request = vec![3, incremental, 0, 0, 0, 0];
        request.extend(self.width.to_be_bytes());
        request.extend(self.height.to_be_bytes());
        self.write(&request).await?;
        let head = self.read(4).await?;
        ensure!(head[0] == 0, "not a picture but message {}", head[0]);
        Ok(self.received.len().max(self.next_message().await?))
    }

    /// Waits until the portal closes the screen, and answers the reason that it gave.
    pub async fn until_closed(&mut self) -> anyhow::Result<String> {
        let closed = async {
            let mut reason = String::new();
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Close(Some(frame)) = message {
                    reason = frame.reason.to_string();
                }
            }
            reason
        };
        tokio::time::timeout(PATIENCE, closed)
            .await
            .context("the screen stayed open")
    }

    async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::binary(bytes.to_vec())).await?)
    }

    async fn read(&mut self, count: usize) -> anyhow::Result<Vec<u8>> {
        while self.received.len() < count {
            self.next_message().await?;
        }
        Ok(self.received.drain(..count).collect())
    }

    /// Takes in one message and answers its size.
    async fn next_message(&mut self) -> anyhow::Result<usize> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message
                .context("the screen says nothing")?
                .context("the screen was closed")??
            {
                Message::Binary(bytes) => {
                    self.received.extend_from_slice(&bytes);
                    return Ok(bytes.len());
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("not a message of bytes: {other:?}"),
            }
        }
    }
}
