//! A small HTTP load generator: few connections, kept open, and no more work per request than needed, because it shares
//! the machine with what it measures.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::table::Sample;

/// One request that is sent again and again.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    address: String,
    bytes: Vec<u8>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// From when a request was due to its last byte.
    pub(crate) latencies: Sample,
    /// Requests a second that were answered by 200.
    pub(crate) rate: f64,
    /// The size of one answer, head included.
    pub(crate) bytes: usize,
}

impl Shot {
    /// GET `path` of a portal at `url`, as somebody with this cookie.
    pub(crate) fn get(url: &str, path: &str, cookie: &str) -> Self {
        let address = url.trim_start_matches("http://").to_owned();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nAccept: text/html\r\n\r\n"
        );
        Self {
            address,
            bytes: head.into_bytes(),
        }
    }

    /// PUT of a JSON body, as a page of the portal would send it.
    pub(crate) fn put(url: &str, path: &str, cookie: &str, body: &str) -> Self {
        let address = url.trim_start_matches("http://").to_owned();
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: {url}\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            address,
            bytes: request.into_bytes(),
        }
    }

    /// Sends `rate` requests a second for this long. A request that is sent late because an earlier one was slow
    /// counts from when it was due.
    pub(crate) async fn at_rate(&self, rate: u32, length: Duration) -> anyhow::Result<Outcome> {
        const CONNECTIONS: u32 = 32;
        let start = Instant::now() + Duration::from_millis(50);
        let gap = Duration::from_secs(1) / rate;
        let count = u32::try_from(length.as_secs())? * rate;
        let mut lanes = tokio::task::JoinSet::new();
        for lane in 0..CONNECTIONS {
            let due = (lane..count)
                .step_by(CONNECTIONS as usize)
                .map(move |number| start + gap * number);
            lanes.spawn(self.clone().lane(due));
        }
        collect(lanes, start).await
    }

    /// Sends as many requests as the portal answers for this long.
    pub(crate) async fn flat_out(&self, length: Duration) -> anyhow::Result<Outcome> {
        const CONNECTIONS: usize = 16;
        let start = Instant::now();
        let mut lanes = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let due = std::iter::from_fn(move || {
                let now = Instant::now();
                (now < start + length).then_some(now)
            });
            lanes.spawn(self.clone().lane(due));
        }
        collect(lanes, start).await
    }

    async fn lane(self, due: impl Iterator<Item = Instant> + Send) -> anyhow::Result<(Vec<Duration>, usize)> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let mut latencies = Vec::new();
        let mut size = 0;
        let mut buffer = Vec::with_capacity(1 << 18);
        for moment in due {
            tokio::time::sleep_until(moment.into()).await;
            stream.write_all(&self.bytes).await?;
            size = read_answer(&mut stream, &mut buffer).await?;
            latencies.push(moment.elapsed());
        }
        Ok((latencies, size))
    }
}

type Lane = anyhow::Result<(Vec<Duration>, usize)>;

async fn collect(mut lanes: tokio::task::JoinSet<Lane>, start: Instant) -> anyhow::Result<Outcome> {
    let mut all = Vec::new();
    let mut bytes = 0;
    while let Some(lane) = lanes.join_next().await {
        let (latencies, size) = lane??;
        all.extend(latencies);
        bytes = bytes.max(size);
    }
    let seconds = start.elapsed().as_secs_f64();
    let count = u32::try_from(all.len())?;
    Ok(Outcome {
        latencies: Sample::new(all),
        rate: f64::from(count) / seconds,
        bytes,
    })
}

/// Reads one answer, which must be a 200, and answers its size.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<usize> {
    buffer.clear();
    let mut end = None;
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the portal closed the connection");
        }
        if end.is_none() {
            end = find_end(buffer)?;
        }
        match end {
            Some(End::At(size)) if buffer.len() >= size => return Ok(size),
            Some(End::Chunked) if buffer.ends_with(b"\r\n0\r\n\r\n") => return Ok(buffer.len()),
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum End {
    At(usize),
    Chunked,
}

fn find_end(buffer: &[u8]) -> anyhow::Result<Option<End>> {
    let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&buffer[..head])?.to_ascii_lowercase();
    if !text.starts_with("http/1.1 200") {
        bail!("not a 200: {}", text.lines().next().unwrap_or_default());
    }
    if text.contains("transfer-encoding: chunked") {
        return Ok(Some(End::Chunked));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("neither a length nor chunks")?.trim().parse()?;
    Ok(Some(End::At(head + 4 + length)))
}
