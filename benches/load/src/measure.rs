//! What is measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http_load::{self, Connection, Load, graphql_request};
use crate::report::Row;
use crate::servers::{Server, Setup};
use crate::{Args, cpu, peers, push, seed, sockets, tasks};

pub const CONNECTIONS: usize = 32;

const TASK_QUERY: &str = "query Task($id: ID!) {
  task(id: $id) {
    id status prompt requestedImages createdAt updatedAt version
    model { id provider }
    images { id url width height contentType }
    failure { code message retryable }
    cost { reserved settled }
  }
}";

const PAGE_QUERY: &str = "query Page($first: Int!) {
  tasks(first: $first) {
    nodes {
      id status prompt createdAt version
      images { id url width height }
    }
    pageInfo { hasNextPage endCursor }
  }
}";

/// Measures the groups whose name contains `args.only`.
pub async fn all(setup: &mut Setup, args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let wanted = |name: &str| name.contains(&args.only);
    if wanted("task") {
        let sample = seed::sample_tasks(&setup.database).await?;
        rows.extend(reads(setup, args, &TASK, &sample).await?);
    }
    if wanted("page") {
        let users: Vec<_> = (0..args.users).map(|user| (user, uuid::Uuid::nil())).collect();
        rows.extend(reads(setup, args, &PAGE, &users).await?);
    }
    if wanted("cancelTask") {
        rows.extend(cancellations(setup, args).await?);
    }
    if wanted("sockets") {
        rows.push(sockets::memory(setup, args).await?);
    }
    if wanted("push") {
        rows.extend(push::all(setup, args).await?);
    }
    // The last: it restarts the gateway.
    if wanted("whole") {
        rows.extend(tasks::whole(setup, args).await?);
    }
    Ok(rows)
}

/// A read: the names of its rows in the report, and its requests.
pub struct Read {
    names: [&'static str; 3],
    pub gateway: fn(uuid::Uuid) -> Value,
    baseline: fn(i64, uuid::Uuid) -> Value,
    pub postgraphile: fn(uuid::Uuid) -> Value,
    /// Checks an answer of the gateway.
    is_right: fn(&Value) -> bool,
    /// Finds the width of the last image in an answer of PostGraphile.
    pub postgraphile_width: &'static str,
}

const TASK: Read = Read {
    names: ["task(id): CPU of the server", "task(id): CPU of Postgres", "task(id): requests"],
    gateway: |id| json!({ "query": TASK_QUERY, "variables": { "id": format!("task_{}", id.simple()) } }),
    baseline: |user, id| json!({ "owner": format!("user-{user}"), "task": id }),
    postgraphile: |id| json!({ "query": peers::POSTGRAPHILE_TASK, "variables": { "id": id } }),
    is_right: |answer| answer["data"]["task"]["images"][0]["width"] == 1024,
    postgraphile_width: "/data/taskByRowId/imagesByTaskId/nodes/0/width",
};

const PAGE: Read = Read {
    names: ["page of 20: CPU of the server", "page of 20: CPU of Postgres", "page of 20: requests"],
    gateway: |_| json!({ "query": PAGE_QUERY, "variables": { "first": 20 } }),
    baseline: |user, _| json!({ "owner": format!("user-{user}"), "first": 20 }),
    postgraphile: |_| json!({ "query": peers::POSTGRAPHILE_PAGE, "variables": { "first": 20 } }),
    is_right: |answer| answer["data"]["tasks"]["nodes"][19]["images"][0]["width"] == 1024,
    postgraphile_width: "/data/allTasks/nodes/19/imagesByTaskId/nodes/0/width",
};

async fn reads(
    setup: &Setup,
    args: &Args,
    read: &Read,
    of: &[(i64, uuid::Uuid)],
) -> anyhow::Result<Vec<Row>> {
    let mut gateway = Vec::new();
    for (user, id) in of {
        gateway.push(graphql_request(&Setup::token(*user)?, &(read.gateway)(*id)));
    }
    let baseline = of.iter().map(|(user, id)| graphql_request("-", &(read.baseline)(*user, *id)));
    let gateway = Load { port: setup.gateway.port, requests: Arc::new(gateway) };
    let baseline = Load { port: setup.baseline.port, requests: Arc::new(baseline.collect()) };
    let answer = check(&gateway, read).await?;
    let peers = peers::prepare(&setup.peers, read, of, &answer).await?;

    let units = ["us per request", "us per request", "a second"];
    let row = |peer, index: usize| Row {
        peer,
        name: read.names[index],
        unit: units[index],
        more_is_better: index == 2,
        baseline: Vec::new(),
        gateway: Vec::new(),
    };
    // The gateway first, then each peer.
    let mut measured = vec![(None, &setup.gateway, gateway)];
    measured.extend(peers.into_iter().map(|(peer, load)| (Some(peer.name), &peer.server, load)));
    let mut rows: Vec<[Row; 3]> =
        measured.iter().map(|(peer, ..)| [0, 1, 2].map(|index| row(*peer, index))).collect();
    for _ in 0..args.rounds {
        let of_baseline = one_round(setup, &setup.baseline, &baseline, args.seconds).await?;
        for ((_, server, load), rows) in measured.iter().zip(&mut rows) {
            let figures = one_round(setup, server, load, args.seconds).await?;
            for (row, (baseline, figure)) in
                rows.iter_mut().zip(of_baseline.into_iter().zip(figures))
            {
                row.baseline.push(baseline);
                row.gateway.push(figure);
            }
        }
    }
    Ok(rows.into_iter().flatten().collect())
}

/// CPU of the server and of Postgres per request, and requests a second.
async fn one_round(
    setup: &Setup,
    server: &Server,
    load: &Load,
    seconds: u64,
) -> anyhow::Result<[f64; 3]> {
    http_load::run(load, CONNECTIONS, Instant::now() + Duration::from_secs(1)).await?;
    let (server_before, postgres_before) = (cpu::of_process(server.pid), setup.postgres_cpu());
    let start = Instant::now();
    let count = http_load::run(load, CONNECTIONS, start + Duration::from_secs(seconds)).await?;
    let elapsed = start.elapsed().as_secs_f64();
    let (server_after, postgres_after) = (cpu::of_process(server.pid), setup.postgres_cpu());
    let per_request = |before: u64, after: u64| (after - before) as f64 / count as f64;
    Ok([
        per_request(server_before, server_after),
        per_request(postgres_before, postgres_after),
        count as f64 / elapsed,
    ])
}

const CANCEL: &str = "mutation Cancel($id: ID!) {
  cancelTask(id: $id) { __typename ... on TaskCanceled { task { id status } } }
}";

/// Number of tasks that one round cancels.
const CANCELED_TASKS: usize = 1_000;
/// Connections that cancel.
const CANCELING: usize = 8;

/// The cost of a change by a client. The tasks stay QUEUED until they are canceled.
async fn cancellations(setup: &Setup, args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut rows = Row::gateway_only([
        ("cancelTask: CPU of the server", "us each", false),
        ("cancelTask: CPU of Postgres", "us each", false),
    ]);
    for _ in 0..args.rounds {
        let load = submit(setup).await?;
        // The work that the submissions have triggered must not count.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (server, postgres) = (cpu::of_process(setup.gateway.pid), setup.postgres_cpu());
        http_load::run_each(&load, CANCELING).await?;
        let each = |before: u64, after: u64| (after - before) as f64 / CANCELED_TASKS as f64;
        rows[0].gateway.push(each(server, cpu::of_process(setup.gateway.pid)));
        rows[1].gateway.push(each(postgres, setup.postgres_cpu()));
    }
    Ok(rows.into())
}

/// Submits tasks; returns the requests that cancel them.
async fn submit(setup: &Setup) -> anyhow::Result<Load> {
    const PER_REQUEST: usize = 20;
    let mut connection = Connection::open(setup.gateway.port).await?;
    let mut requests = Vec::with_capacity(CANCELED_TASKS);
    for user in 0..CANCELED_TASKS / PER_REQUEST {
        let token = Setup::token(i64::try_from(user)?)?;
        let all: Vec<String> = (0..PER_REQUEST)
            .map(|n| {
                format!(
                    "t{n}: generateImages(input: {{prompt: \"a cat {n}\"}}) \
                     {{ ... on TaskAccepted {{ task {{ id }} }} }}"
                )
            })
            .collect();
        let body = json!({ "query": format!("mutation {{ {} }}", all.join(" ")) });
        let answer: Value =
            serde_json::from_slice(connection.send(&graphql_request(&token, &body)).await?)?;
        let tasks = answer["data"].as_object().into_iter().flatten();
        for id in tasks.map(|(_, accepted)| &accepted["task"]["id"]) {
            anyhow::ensure!(id.is_string(), "not accepted: {answer}");
            let body = json!({ "query": CANCEL, "variables": { "id": id } });
            requests.push(graphql_request(&token, &body));
        }
    }
    Ok(Load { port: setup.gateway.port, requests: Arc::new(requests) })
}

/// An answer that is wrong would make every figure worthless. Returns the answer.
async fn check(load: &Load, read: &Read) -> anyhow::Result<Value> {
    let mut connection = Connection::open(load.port).await?;
    let answer: Value = serde_json::from_slice(connection.send(&load.requests[0]).await?)?;
    anyhow::ensure!((read.is_right)(&answer), "wrong answer: {answer}");
    println!("{}: an answer has {} bytes", read.names[0], answer.to_string().len());
    Ok(answer)
}
