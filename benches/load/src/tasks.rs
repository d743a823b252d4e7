//! Whole tasks: submission, callback, confirmation, download of an image of 100 kB, and push.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::http_load::{Connection, graphql_request};
use crate::provider::Provider;
use crate::report::Row;
use crate::servers::Setup;
use crate::{Args, cpu, sockets};

const USERS: i64 = 40;
/// Unfinished tasks of each user.
const UNFINISHED: usize = 10;

const SUBMIT: &str = "mutation { generateImages(input: { prompt: \"a cat\" }) { ... on TaskAccepted { task { id } } } }";

/// Measures whole tasks with a gateway that has nothing else to do.
pub async fn whole(setup: &mut Setup, args: &Args) -> anyhow::Result<Vec<Row>> {
    let provider = Provider::start(image()?).await?;
    setup.restart_gateway(&provider.url()).await?;
    provider.send_callbacks_to(setup.gateway.port);
    let (sender, mut finished) = mpsc::unbounded_channel();
    let mut users = JoinSet::new();
    for user in 0..USERS {
        let (port, sender) = (setup.gateway.port, sender.clone());
        let token = Setup::token(user)?;
        let socket = sockets::open(port, &token).await?;
        users.spawn(async move { run_tasks(port, &token, socket, &sender).await });
    }
    let mut rows = Row::gateway_only([
        ("whole task: tasks", "a second", true),
        ("whole task: CPU of the server", "us each", false),
        ("whole task: CPU of Postgres", "us each", false),
        ("whole task: duration, median", "ms", false),
        ("whole task: duration, p99", "ms", false),
        ("whole task: callback acknowledged, p99", "ms", false),
    ]);
    collect(&mut finished, Duration::from_secs(3)).await;
    for _ in 0..args.rounds {
        provider.take_acknowledgments();
        let (server, postgres) = (cpu::of_process(setup.gateway.pid), setup.postgres_cpu());
        let start = Instant::now();
        let mut durations = collect(&mut finished, Duration::from_secs(args.seconds)).await;
        let (elapsed, count) = (start.elapsed().as_secs_f64(), durations.len() as f64);
        let each = |before: u64, after: u64| (after - before) as f64 / count;
        let figures = [
            count / elapsed,
            each(server, cpu::of_process(setup.gateway.pid)),
            each(postgres, setup.postgres_cpu()),
            percentile(&mut durations, 0.5),
            percentile(&mut durations, 0.99),
            percentile(&mut provider.take_acknowledgments(), 0.99),
        ];
        rows.iter_mut().zip(figures).for_each(|(row, figure)| row.gateway.push(figure));
        anyhow::ensure!(users.try_join_next().is_none(), "a client has stopped");
    }
    Ok(rows.into())
}

/// The durations of the tasks that finish within this time.
async fn collect(
    finished: &mut mpsc::UnboundedReceiver<Duration>,
    time: Duration,
) -> Vec<Duration> {
    let mut durations = Vec::new();
    let receiving = async {
        while let Some(duration) = finished.recv().await {
            durations.push(duration);
        }
    };
    let _ = tokio::time::timeout(time, receiving).await;
    durations
}

/// In milliseconds.
pub fn percentile(durations: &mut [Duration], part: f64) -> f64 {
    durations.sort();
    let index = (durations.len() as f64 * part) as usize;
    durations.get(index).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
}

/// Submits a task for each one that has finished.
async fn run_tasks(
    port: u16,
    token: &str,
    mut socket: sockets::Socket,
    finished: &mpsc::UnboundedSender<Duration>,
) -> anyhow::Result<()> {
    let request = graphql_request(token, &json!({ "query": SUBMIT }));
    let mut connection = Connection::open(port).await?;
    let mut started = HashMap::new();
    for _ in 0..UNFINISHED {
        submit(&mut connection, &request, &mut started).await?;
    }
    loop {
        let message = socket.next().await.context("the socket was closed")??;
        let Ok(message) = serde_json::from_slice::<Value>(&message.into_data()) else { continue };
        let event = &message["payload"]["data"]["taskEvents"];
        let has_finished = event["status"] == "SUCCEEDED" || event["status"] == "FAILED";
        let id = event["task"]["id"].as_str().unwrap_or_default();
        if has_finished && let Some(start) = started.remove(id) {
            anyhow::ensure!(event["status"] == "SUCCEEDED", "a task failed: {event}");
            finished.send(Instant::elapsed(&start))?;
            submit(&mut connection, &request, &mut started).await?;
        }
    }
}

async fn submit(
    connection: &mut Connection,
    request: &[u8],
    started: &mut HashMap<String, Instant>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let answer: Value = serde_json::from_slice(connection.send(request).await?)?;
    let id = answer["data"]["generateImages"]["task"]["id"].as_str();
    started.insert(id.with_context(|| format!("not accepted: {answer}"))?.to_owned(), start);
    Ok(())
}

/// A PNG of 100 kB: 180 times 180 pixels that cannot be compressed.
fn image() -> anyhow::Result<Vec<u8>> {
    let mut seed = 1_u32;
    let noise = image::RgbImage::from_fn(180, 180, |_, _| {
        let channel = [(); 3].map(|()| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        });
        image::Rgb(channel)
    });
    let mut png = std::io::Cursor::new(Vec::new());
    noise.write_to(&mut png, image::ImageFormat::Png)?;
    Ok(png.into_inner())
}
