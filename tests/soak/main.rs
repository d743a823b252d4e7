//! Thousands of tasks of mixed fates, while processes are killed, the database crashes and freezes, the image store is
//! away, and forged callbacks arrive. At the end, a checker reads the simulator, the database, the image store and what
//! the subscribers received. `make soak` runs it long; a test run includes a short one.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test panics when its setup fails"
)]

mod checker;
mod client;
mod cluster;
mod faults;
#[path = "../gateway/harness/freezing_proxy.rs"]
mod freezing_proxy;
mod gateway;
#[path = "../gateway/credits/invariants.rs"]
mod invariants;
mod memory;
#[path = "../gateway/harness/nats.rs"]
mod nats;
mod subscriber;
mod world;

use std::sync::Arc;
use std::time::Duration;

use client::{Client, Submitted};
use faults::Faults;
use subscriber::Subscriber;
use tokio::time::Instant;
use world::World;

/// Users that submit tasks at the same time, each with a subscriber.
const USERS: usize = 8;
/// A run of so many tasks has every kind of fault.
const LONG_RUN: usize = 2_000;
/// Also a short run has some of most kinds.
const MIN_FAULTS: usize = 12;
/// Longer than any task takes. After many failures, a provider is paused for minutes, and a long queue goes on slowly.
const DRAIN_TIME: Duration = Duration::from_mins(30);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_is_lost_or_doubled_and_no_subscriber_misses_an_event_while_everything_fails() {
    let tasks = usize::try_from(setting("PLANTAIN_SOAK_TASKS", 120)).unwrap();
    let seed = setting("PLANTAIN_SOAK_SEED", 1);
    println!("soak: {tasks} tasks, seed {seed}");
    let world = World::start(seed).await;
    let subscribers: Vec<Subscriber> = Subscriber::start_all(&world, USERS).await;
    let faults = Faults::start(Arc::clone(&world), seed);

    let started = Instant::now();
    let users = (0..USERS).map(|user| {
        let client = Client::new(&world, user);
        let count = tasks / USERS + usize::from(user < tasks % USERS);
        tokio::spawn(async move { client.submit_all(count).await })
    });
    let mut submitted: Vec<Submitted> = Vec::new();
    for user in users.collect::<Vec<_>>() {
        submitted.extend(user.await.unwrap());
    }
    println!("soak: all tasks are accepted after {} s", started.elapsed().as_secs());
    let log = faults.stop_after(MIN_FAULTS).await;

    world.wait_until_all_tasks_are_finished(DRAIN_TIME).await;
    println!("soak: all tasks are finished after {} s", started.elapsed().as_secs());
    let received = Subscriber::stop_all(subscribers, &world).await;
    let report = checker::check(&world, &submitted, &received).await;
    println!("soak: faults {log:?}");
    if tasks >= LONG_RUN {
        faults::assert_complete(&log);
    }
    println!("soak: {report}");
    world.stop().await;
}
