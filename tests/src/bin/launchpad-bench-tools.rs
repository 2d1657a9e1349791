//! What the relay benchmark needs beside the portal: a VNC server that sends as much as it is asked for, and a plain TCP
//! relay to compare with. Each is a process of its own, so that its processor time can be read.
//!
//!     launchpad-bench-tools screen PORT
//!     launchpad-bench-tools relay PORT TARGET

use std::net::Ipv4Addr;

use anyhow::{Context, bail};
use launchpad_tests::blaster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What a plain relay copies at a time.
const PIECE: usize = 32 * 1_024;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["screen", port] => blaster::serve(port.parse()?).await,
        ["relay", port, target] => relay(port.parse()?, target).await,
        _ => bail!("usage: screen PORT | relay PORT TARGET"),
    }
}

async fn relay(port: u16, target: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    loop {
        let (near, _) = listener.accept().await?;
        let far = TcpStream::connect(target)
            .await
            .with_context(|| target.to_owned())?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let (from_near, to_near) = near.into_split();
        let (from_far, to_far) = far.into_split();
        tokio::spawn(copy(from_near, to_far));
        tokio::spawn(copy(from_far, to_near));
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece).await? {
            0 => return to.shutdown().await,
            count => to.write_all(&piece[..count]).await?,
        }
    }
}
