//! Push: the time from the commit of a change, by another process, to its frame at the client.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::StreamExt;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::report::Row;
use crate::servers::Setup;
use crate::tasks::percentile;
use crate::{Args, seed, sockets};

/// The rates at which changes are committed, per second.
const RATES: [u32; 2] = [100, 500];
/// Postgres limits the payload of NOTIFY to 8,000 bytes.
const USERS_PER_NOTIFICATION: usize = 300;

/// Adds events of these users' tasks and notifies the gateways, in one transaction.
const CHANGE: &str = "WITH counter AS (
        UPDATE users SET last_seq = last_seq + 1 WHERE id = ANY ($1) RETURNING id, last_seq
    ), event AS (
        INSERT INTO events (owner, seq, task_id, at, version, state)
        SELECT c.id, c.last_seq, t.id, now(), 4, t.state
        FROM counter AS c JOIN tasks AS t ON t.owner = c.id
    )
    SELECT pg_notify('plantain', payload)::text FROM unnest($2::text[]) AS payload";

/// A frame that arrived: the number of its user, and when.
type Arrival = (usize, Instant);

/// Measures both rates, and bursts of one change for each socket.
pub async fn all(setup: &Setup, args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut database = PgConnection::connect(&setup.database).await?;
    seed::add_push_users(&mut database, args.sockets).await?;
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let mut listeners = JoinSet::new();
    for number in 0..args.sockets {
        let token = Setup::token_of(&seed::push_user(number))?;
        let socket = sockets::open(setup.gateway.port, &token).await?;
        listeners.spawn(listen(number, socket, sender.clone()));
    }
    // The gateway acknowledges no subscription: the last ones need a moment to start.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut rows = Row::gateway_only([
        ("push: 100 changes a second, median", "ms", false),
        ("push: 100 changes a second, p99", "ms", false),
        ("push: 500 changes a second, median", "ms", false),
        ("push: 500 changes a second, p99", "ms", false),
        ("push: a change for each of all sockets, last frame", "ms", false),
    ]);
    for _ in 0..args.rounds {
        for (index, rate) in RATES.into_iter().enumerate() {
            let mut delays = steady(&mut database, &mut arrivals, rate, args).await?;
            rows[2 * index].gateway.push(percentile(&mut delays, 0.5));
            rows[2 * index + 1].gateway.push(percentile(&mut delays, 0.99));
        }
        rows[4].gateway.push(burst(&mut database, &mut arrivals, args.sockets).await?);
    }
    anyhow::ensure!(listeners.try_join_next().is_none(), "a client has stopped");
    Ok(rows.into())
}

/// Reports each event that arrives.
async fn listen(
    number: usize,
    mut socket: sockets::Socket,
    arrivals: mpsc::UnboundedSender<Arrival>,
) -> anyhow::Result<()> {
    loop {
        let message = socket.next().await.context("the socket was closed")??;
        if let Message::Text(text) = message
            && text.contains("\"next\"")
        {
            arrivals.send((number, Instant::now()))?;
        }
    }
}

/// Commits changes at this rate, each for another user, and returns the delays of their frames.
async fn steady(
    database: &mut PgConnection,
    arrivals: &mut mpsc::UnboundedReceiver<Arrival>,
    rate: u32,
    args: &Args,
) -> anyhow::Result<Vec<Duration>> {
    let count = (u64::from(rate) * args.seconds) as usize;
    let mut committed = vec![None; args.sockets];
    let mut delays = Vec::with_capacity(count);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    for number in (0..args.sockets).cycle().take(count) {
        ticks.tick().await;
        change(database, &[number]).await?;
        committed[number] = Some(Instant::now());
        while let Ok(arrival) = arrivals.try_recv() {
            delays.extend(delay(&mut committed, arrival));
        }
    }
    while delays.len() < count {
        let arrival = tokio::time::timeout(Duration::from_secs(5), arrivals.recv()).await;
        let arrival = arrival.context("a frame is missing")?.context("no clients")?;
        delays.extend(delay(&mut committed, arrival));
    }
    Ok(delays)
}

/// The time since the commit; zero when the frame was faster than the reply to the commit.
fn delay(committed: &mut [Option<Instant>], (number, at): Arrival) -> Option<Duration> {
    Some(at.saturating_duration_since(committed[number].take()?))
}

/// Commits a change for each user at once; returns the milliseconds until the last frame.
async fn burst(
    database: &mut PgConnection,
    arrivals: &mut mpsc::UnboundedReceiver<Arrival>,
    count: usize,
) -> anyhow::Result<f64> {
    change(database, &(0..count).collect::<Vec<_>>()).await?;
    let committed = Instant::now();
    for _ in 0..count {
        let arrival = tokio::time::timeout(Duration::from_secs(20), arrivals.recv()).await;
        arrival.context("a frame is missing")?.context("no clients")?;
    }
    Ok(committed.elapsed().as_secs_f64() * 1000.0)
}

async fn change(database: &mut PgConnection, numbers: &[usize]) -> anyhow::Result<()> {
    let users: Vec<String> = numbers.iter().map(|number| seed::push_user(*number)).collect();
    let payloads: Vec<String> = users
        .chunks(USERS_PER_NOTIFICATION)
        .map(|users| {
            let changes = json!({ "users": users, "credits": false, "boards": [] });
            json!({ "from": uuid::Uuid::nil(), "news": changes }).to_string()
        })
        .collect();
    sqlx::query(CHANGE).bind(users).bind(payloads).execute(database).await?;
    Ok(())
}
