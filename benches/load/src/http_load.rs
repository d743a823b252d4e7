//! A closed loop of HTTP/1.1 requests over connections that stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The port of a server, and the requests to send in turn.
#[derive(Clone)]
pub struct Load {
    pub port: u16,
    pub requests: Arc<Vec<Vec<u8>>>,
}

/// A GraphQL request as bytes.
pub fn graphql_request(token: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends requests over `connections` until `end`; returns how many were answered.
pub async fn run(load: &Load, connections: usize, end: Instant) -> anyhow::Result<u64> {
    let answered = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let (load, answered) = (load.clone(), Arc::clone(&answered));
        tasks.spawn(async move {
            let mut connection = Connection::open(load.port).await?;
            let mut next = number * 7919;
            while Instant::now() < end {
                connection.send(&load.requests[next % load.requests.len()]).await?;
                answered.fetch_add(1, Ordering::Relaxed);
                next += 1;
            }
            anyhow::Ok(())
        });
    }
    while let Some(finished) = tasks.join_next().await {
        finished??;
    }
    Ok(answered.load(Ordering::Relaxed))
}

/// Sends each request once, over `connections`.
pub async fn run_each(load: &Load, connections: usize) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let load = load.clone();
        tasks.spawn(async move {
            let mut connection = Connection::open(load.port).await?;
            for request in load.requests.iter().skip(number).step_by(connections) {
                connection.send(request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(finished) = tasks.join_next().await {
        finished??;
    }
    Ok(())
}

/// An open connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(32 * 1024) })
    }

    /// Sends a request, and returns the body of its response.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed");
            let Some(head) = head_length(&self.buffer) else { continue };
            let length = head + content_length(&self.buffer[..head])?;
            if self.buffer.len() >= length {
                return Ok(&self.buffer[head..length]);
            }
        }
    }
}

fn head_length(buffer: &[u8]) -> Option<usize> {
    buffer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    let head = std::str::from_utf8(head)?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("unexpected response: {head}");
    }
    let line = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    line.context("no content-length")?.parse().context("content-length")
}
