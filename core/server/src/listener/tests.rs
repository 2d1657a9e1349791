//! Slow clients of every shape, on real sockets: each is cut, and nobody else waits for it.

use super::*;
use std::pin::Pin;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// No shape is waited for longer than this: the body's deadline and some time to notice.
const AT_MOST: Duration = Duration::from_secs(30);

/// Answers with the length of the body, or with what was wrong with it.
async fn measure(request: Request<PacedBody>) -> Result<Response<String>, Infallible> {
    let mut body = request.into_body();
    let mut bytes = 0;
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        match frame {
            Ok(frame) => bytes += frame.data_ref().map_or(0, bytes::Bytes::len),
            Err(error) => {
                let mut response = Response::new(error.to_string());
                *response.status_mut() = http::StatusCode::REQUEST_TIMEOUT;
                return Ok(response);
            }
        }
    }
    Ok(Response::new(bytes.to_string()))
}

async fn listening(most: Connections) -> (SocketAddr, CancellationToken) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), most)
        .await
        .unwrap();
    let address = listener.tcp.local_addr().unwrap();
    let stopping = CancellationToken::new();
    tokio::spawn(listener.serve(tower::service_fn(measure), stopping.clone()));
    (address, stopping)
}

const MANY: Connections = Connections {
    total: 100,
    per_address: 100,
};

/// Sends the first part, then the second one byte at a time, and answers what came back when the connection was cut.
async fn drip(address: SocketAddr, first: &str, then: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let mut answer = Vec::new();
    let dripping = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        for byte in then.bytes().cycle() {
            ticks.tick().await;
            if then.is_empty() || writing.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = dripping => {}
        read = tokio::time::timeout(AT_MOST, reading.read_to_end(&mut answer)) => {
            // Reset or closed: either way the portal has let go of it.
            let _ = read.expect("the connection is still open");
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn every_slow_shape_is_cut_and_others_do_not_wait() {
    let (address, _stopping) = listening(MANY).await;
    let begun = Instant::now();
    let slow = futures_of_slow_shapes(address);
    let quick = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        (answer, begun.elapsed())
    };
    let (slow, (answer, took)) = tokio::join!(slow, quick);
    assert!(answer.ends_with("\r\n\r\n3"), "{answer}");
    assert!(took < HEADER, "a quick request waited for slow ones");
    let [_silent, _half_line, _dripped_header, dripped_body, kept_alive] = slow;
    assert!(dripped_body.starts_with("HTTP/1.1 408"), "{dripped_body}");
    assert!(kept_alive.starts_with("HTTP/1.1 200"), "{kept_alive}");
}

async fn futures_of_slow_shapes(address: SocketAddr) -> [String; 5] {
    let (silent, half_line, header, body, kept_alive) = tokio::join!(
        drip(address, "", ""),
        drip(address, "GE", ""),
        drip(address, "GET / HTTP/1.1\r\nHost: a\r\n", "x"),
        drip(
            address,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
            "x"
        ),
        drip(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    );
    [silent, half_line, header, body, kept_alive]
}

#[tokio::test]
async fn an_answer_that_nobody_reads_ends_too() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), MANY)
        .await
        .unwrap();
    let address = listener.tcp.local_addr().unwrap();
    let count = listener.count.clone();
    let endless = tower::service_fn(async |_: Request<PacedBody>| {
        Ok::<_, Infallible>(Response::new("x".repeat(64 * 1_024 * 1_024)))
    });
    let stopping = CancellationToken::new();
    tokio::spawn(listener.serve(endless, stopping.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    stream.readable().await.unwrap();
    let freed = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        while count.total() > 0 {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(AT_MOST + Duration::from_secs(30), freed)
        .await
        .expect("the connection is held for ever");
    drop(stream);
}

#[tokio::test]
async fn stopping_lets_open_requests_end() {
    let (address, stopping) = listening(MANY).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
        .await
        .unwrap();
    stream.writable().await.unwrap();
    stopping.cancel();
    stream.write_all(b"b").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    // Cut before its header was read, or answered whole: never half an answer.
    assert!(answer.is_empty() || answer.ends_with("\r\n\r\n2"), "{answer}");
}
