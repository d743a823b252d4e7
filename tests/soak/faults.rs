//! What fails, in an order that the seed decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// Points between what is claimed and what is recorded, where a debug build can abort.
const FAIL_POINTS: [&str; 8] = [
    "task.created",
    "work.claimed",
    "submit.called",
    "download.fetched",
    "download.stored",
    "record.started",
    "record.committed",
    "callback.stored",
];

/// How often each kind of fault happened.
pub(crate) type FaultLog = BTreeMap<String, u32>;

pub(crate) struct Faults {
    stop: CancellationToken,
    count: watch::Receiver<usize>,
    running: JoinHandle<FaultLog>,
}

impl Faults {
    pub(crate) fn start(world: Arc<World>, seed: u64) -> Self {
        let (stop, (sender, count)) = (CancellationToken::new(), watch::channel(0));
        let running = tokio::spawn(run(world, Rng::with_seed(seed), stop.clone(), sender));
        Self { stop, count, running }
    }

    /// Waits for at least so many faults. Ends with a working system, and returns what has happened.
    pub(crate) async fn stop_after(mut self, faults: usize) -> FaultLog {
        self.count.wait_for(|count| *count >= faults).await.unwrap();
        self.stop.cancel();
        self.running.await.unwrap()
    }
}

async fn run(
    world: Arc<World>,
    mut rng: Rng,
    stop: CancellationToken,
    count: watch::Sender<usize>,
) -> FaultLog {
    let mut log = FaultLog::new();
    while !stop.is_cancelled() {
        sleep(Duration::from_millis(rng.u64(200..1_500))).await;
        let name = fault(&world, &mut rng).await;
        println!("soak: {name}");
        *log.entry(name).or_default() += 1;
        count.send_modify(|count| *count += 1);
    }
    log
}

/// Lets one thing fail, and returns its name.
async fn fault(world: &World, rng: &mut Rng) -> String {
    let pause = Duration::from_millis(rng.u64(0..2_000));
    let mut gateway = world.gateways[rng.usize(0..world.gateways.len())].lock().await;
    match rng.u32(0..12) {
        0 | 1 => {
            gateway.kill().await;
            sleep(pause).await;
            gateway.start(None);
            gateway.wait_until_ready().await;
            "kill -9".to_owned()
        }
        2 => {
            gateway.terminate().await;
            gateway.start(None);
            gateway.wait_until_ready().await;
            "SIGTERM".to_owned()
        }
        3..=5 => {
            let point = FAIL_POINTS[rng.usize(0..FAIL_POINTS.len())];
            gateway.kill().await;
            gateway.start(Some(&format!("{point}:{}", rng.u32(1..6))));
            let reached = gateway.aborts_within(Duration::from_secs(10)).await;
            gateway.kill().await;
            gateway.start(None);
            gateway.wait_until_ready().await;
            if reached { format!("abort at {point}") } else { "kill -9".to_owned() }
        }
        6 => {
            world.restart_postgres(false, pause).await;
            "restart of Postgres".to_owned()
        }
        7 => {
            world.restart_postgres(true, pause).await;
            "crash of Postgres".to_owned()
        }
        8 => {
            world.freeze_connections();
            "silent connections to Postgres".to_owned()
        }
        9 => {
            world.fail_over(pause).await;
            "failover to a standby".to_owned()
        }
        10 => {
            world.restart_nats(pause).await;
            "NATS server away".to_owned()
        }
        _ => {
            forge_callbacks(world, &gateway.url, rng).await;
            world.exchange_image_folder("accepted.jsonl");
            sleep(pause).await;
            world.exchange_image_folder("stored");
            "image store away, forged callbacks".to_owned()
        }
    }
}

/// Callbacks for accepted tasks, with invalid signatures.
async fn forge_callbacks(world: &World, url: &str, rng: &mut Rng) {
    let body = r#"{"code":200,"data":{"taskId":"1","info":{"resultImageUrl":"https://example.com/a.png"}}}"#;
    let http = reqwest::Client::new();
    let task = rng.choice(world.accepted.lock().unwrap().iter().cloned().collect::<Vec<_>>());
    let Some(task) = task else { return };
    for provider in ["nano-banana", "flux-kontext", "ace-data"] {
        let link = format!("{url}/callbacks/{provider}/{task}/0.{:064x}", rng.u128(..));
        let Ok(answer) = http.post(link).body(body).send().await else { continue };
        assert!(answer.status().is_client_error(), "{}", answer.status());
    }
}

/// Fails when a kind of fault did not happen: a fail point may have another name by now.
pub(crate) fn assert_complete(log: &FaultLog) {
    let points = FAIL_POINTS.map(|point| format!("abort at {point}"));
    let others = [
        "kill -9",
        "SIGTERM",
        "restart of Postgres",
        "crash of Postgres",
        "silent connections to Postgres",
        "failover to a standby",
        "NATS server away",
        "image store away, forged callbacks",
    ];
    for name in points.iter().map(String::as_str).chain(others) {
        assert!(log.contains_key(name), "{name} did not happen");
    }
}
