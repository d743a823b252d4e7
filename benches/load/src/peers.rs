//! Other GraphQL servers that answer the same queries from the same tables: see benches/peers and
//! benches/stock. They run at the same time, but only one is measured at a time, and the others are idle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::Value;
use tokio::process::Command;
use uuid::Uuid;

use crate::http_load::{self, Connection, Load, graphql_request};
use crate::measure::{CONNECTIONS, Read};
use crate::servers::{Server, Setup, start_peer};

pub const POSTGRAPHILE_TASK: &str = include_str!("../../peers/postgraphile-task.graphql");
pub const POSTGRAPHILE_PAGE: &str = include_str!("../../peers/postgraphile-page.graphql");

/// Until then, Node has compiled most of what runs often.
const WARM_UP: Duration = Duration::from_secs(5);

/// A server to compare with.
pub struct Peer {
    pub name: &'static str,
    pub server: Server,
    /// Whether it has its own schema, so that its queries and answers have another form.
    is_postgraphile: bool,
}

/// Starts all peers. They need `npm ci` in benches/peers, and a release build of benches/stock.
pub async fn start(database: &str) -> anyhow::Result<Vec<Peer>> {
    let node = |file: &str| {
        let mut command = Command::new("node");
        command.arg(format!("benches/peers/{file}"));
        command
    };
    let commands = [
        ("async-graphql-axum", Command::new("target/release/bench-stock")),
        ("Mercurius", node("mercurius.mjs")),
        ("Yoga", node("yoga.mjs")),
        ("PostGraphile", node("postgraphile.mjs")),
    ];
    let mut peers = Vec::new();
    for (name, command) in commands {
        let server = start_peer(command, database).await?;
        peers.push(Peer { name, server, is_postgraphile: name == "PostGraphile" });
    }
    Ok(peers)
}

/// The load of each peer, after its answer was compared with that of the gateway, and after a warm-up.
pub async fn prepare<'a>(
    peers: &'a [Peer],
    read: &Read,
    of: &[(i64, Uuid)],
    gateway: &Value,
) -> anyhow::Result<Vec<(&'a Peer, Load)>> {
    let mut prepared = Vec::new();
    for peer in peers {
        let body = if peer.is_postgraphile { read.postgraphile } else { read.gateway };
        let mut requests = Vec::with_capacity(of.len());
        for (user, id) in of {
            requests.push(graphql_request(&Setup::token(*user)?, &body(*id)));
        }
        let load = Load { port: peer.server.port, requests: Arc::new(requests) };
        check(peer, &load, read, gateway).await?;
        http_load::run(&load, CONNECTIONS, Instant::now() + WARM_UP).await?;
        prepared.push((peer, load));
    }
    Ok(prepared)
}

async fn check(peer: &Peer, load: &Load, read: &Read, gateway: &Value) -> anyhow::Result<()> {
    let mut connection = Connection::open(load.port).await?;
    let answer: Value = serde_json::from_slice(connection.send(&load.requests[0]).await?)?;
    let is_right = if peer.is_postgraphile {
        answer.pointer(read.postgraphile_width).is_some_and(|width| width == 1024)
    } else {
        is_same(&answer["data"], &gateway["data"])
    };
    ensure!(is_right, "wrong answer of {}: {answer}; the gateway: {gateway}", peer.name);
    println!("{}: an answer has {} bytes", peer.name, answer.to_string().len());
    Ok(())
}

/// Whether two values are the same; 4 and 4.0 are.
fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let mut fields = left.iter();
            left.len() == right.len()
                && fields
                    .all(|(name, left)| right.get(name).is_some_and(|right| is_same(left, right)))
        }
        _ => left == right,
    }
}
