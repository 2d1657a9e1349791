//! A VNC server that greets as one and then, instead of pictures, sends as many bytes as it is asked for; and the other
//! end of it. It measures what lies between the two.

use std::net::Ipv4Addr;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Asks for this many bytes: the letter, then eight bytes of number.
const FLOOD: u8 = b'F';
/// Asks for one small update: the letter, then eight bytes that mean nothing.
const UPDATE: u8 = b'U';
/// How many bytes an order has.
const ORDER: usize = 9;
/// How many bytes one small update has.
pub const SMALL: usize = 1_400;
/// What the server says in its greeting after the size of the screen: pixel format and name.
const REST_OF_GREETING: &[u8] = &[
    32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0, 0, 0, 0, 5,
];

/// Serves on every address, for it runs in a pod.
pub async fn serve(port: u16) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A viewer that goes away is the normal end.
            drop(greet_and_obey(stream).await);
        });
    }
}

async fn greet_and_obey(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"RFB 003.008\n").await?;
    stream.read_exact(&mut [0; 12]).await?;
    stream.write_all(&[1, 1]).await?;
    stream.read_u8().await?;
    stream.write_all(&[0; 4]).await?;
    stream.read_u8().await?;
    stream.write_all(&[4, 0, 3, 0]).await?;
    stream.write_all(REST_OF_GREETING).await?;
    stream.write_all(b"bench").await?;
    let piece = vec![0x5A; 64 * 1_024];
    loop {
        let order = stream.read_u8().await?;
        let mut left = usize::try_from(stream.read_u64().await?)?;
        if order == UPDATE {
            left = SMALL;
        }
        while left > 0 {
            let count = left.min(piece.len());
            stream.write_all(&piece[..count]).await?;
            left -= count;
        }
    }
}

/// The viewer's end: plain TCP, or the portal's WebSocket read as raw as TCP, so that only the relay is measured.
#[derive(Debug)]
pub struct Viewer {
    stream: BufReader<TcpStream>,
    is_websocket: bool,
}

impl Viewer {
    /// Connects to a screen, or to a relay before it.
    pub async fn plain(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        Self::greet(stream, false).await
    }

    /// Connects through the portal at `url` to the path of a session's screen.
    pub async fn through_portal(url: &str, path: &str, token: &str) -> anyhow::Result<Self> {
        let address = url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: {url}\r\nAuthorization: Bearer {token}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: bGF1bmNocGFkIGJlbmNoLg==\r\nSec-WebSocket-Protocol: binary\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head)?;
        ensure!(head.starts_with("HTTP/1.1 101"), "{head}");
        Self::greet(stream, true).await
    }

    async fn greet(stream: TcpStream, is_websocket: bool) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        let mut viewer = Self {
            stream: BufReader::with_capacity(256 * 1_024, stream),
            is_websocket,
        };
        for (expected, reply) in [(12, &b"RFB 003.008\n"[..]), (2, &[1]), (4, &[1])] {
            viewer.take(expected).await?;
            viewer.send(reply).await?;
        }
        viewer.take(4 + REST_OF_GREETING.len() + b"bench".len()).await?;
        Ok(viewer)
    }

    /// Has the server send this many bytes, and waits for all of them.
    pub async fn flood(&mut self, bytes: usize) -> anyhow::Result<()> {
        self.order(FLOOD, bytes).await?;
        self.take(bytes).await
    }

    /// Has the server send one small update, and waits for it.
    pub async fn update(&mut self) -> anyhow::Result<()> {
        self.order(UPDATE, 0).await?;
        self.take(SMALL).await
    }

    async fn order(&mut self, what: u8, number: usize) -> anyhow::Result<()> {
        let mut order = Vec::with_capacity(ORDER);
        order.push(what);
        order.extend(u64::try_from(number)?.to_be_bytes());
        self.send(&order).await
    }

    async fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if self.is_websocket {
            // A client's frames are masked; a mask of zeros leaves the bytes as they are.
            let length = u8::try_from(bytes.len()).context("orders are short")?;
            let mut frame = vec![0x82, 0x80 | length, 0, 0, 0, 0];
            frame.extend_from_slice(bytes);
            self.stream.write_all(&frame).await?;
        } else {
            self.stream.write_all(bytes).await?;
        }
        Ok(())
    }

    /// Waits for this many bytes of the server.
    async fn take(&mut self, mut bytes: usize) -> anyhow::Result<()> {
        while bytes > 0 {
            let piece = if self.is_websocket {
                self.next_frame().await?
            } else {
                bytes
            };
            self.skip(piece).await?;
            bytes = bytes.checked_sub(piece).context("more than was asked for")?;
        }
        Ok(())
    }

    /// Reads the head of the next frame with bytes in it and answers how many.
    async fn next_frame(&mut self) -> anyhow::Result<usize> {
        loop {
            let kind = self.stream.read_u8().await? & 0x0F;
            let length = match self.stream.read_u8().await? {
                126 => usize::from(self.stream.read_u16().await?),
                127 => usize::try_from(self.stream.read_u64().await?)?,
                short => usize::from(short),
            };
            match kind {
                // Binary, or the continuation of one.
                2 | 0 => return Ok(length),
                9 | 10 => self.skip(length).await?,
                other => anyhow::bail!("a frame of kind {other}"),
            }
        }
    }

    async fn skip(&mut self, mut bytes: usize) -> anyhow::Result<()> {
        while bytes > 0 {
            let count = self.stream.fill_buf().await?.len().min(bytes);
            ensure!(count > 0, "the screen was closed");
            self.stream.consume(count);
            bytes -= count;
        }
        Ok(())
    }
}
