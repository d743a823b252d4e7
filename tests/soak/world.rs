//! What runs: a Postgres behind a proxy, a NATS server, the simulated providers, and three gateways that share a data folder.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plantain::clock::Clock;
use plantain_simulator::{Simulator, SimulatorOptions};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::freezing_proxy::FreezingProxy;
use crate::gateway::Gateway;
use crate::nats::NatsServer;

const GATEWAYS: usize = 3;

pub(crate) struct World {
    folder: PathBuf,
    postgres: tokio::sync::Mutex<Cluster>,
    nats: Mutex<NatsServer>,
    proxy: FreezingProxy,
    /// Where Postgres listens; elsewhere after each start.
    socket: Arc<Mutex<PathBuf>>,
    pub(crate) gateways: Vec<tokio::sync::Mutex<Gateway>>,
    urls: Vec<String>,
    next: AtomicUsize,
    /// The files of the accepted tasks of the providers.
    journal: PathBuf,
    direct_url: Mutex<String>,
    /// The ids of tasks that clients have submitted.
    pub(crate) accepted: Mutex<Vec<String>>,
    pub(crate) seed: u64,
}

impl World {
    pub(crate) async fn start(seed: u64) -> Arc<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak");
        let _ = std::fs::remove_dir_all(folder.join("data"));
        let _ = std::fs::remove_dir_all(folder.join("postgres"));
        // The folder of the images is a link, so that it can be exchanged at once.
        std::fs::create_dir_all(folder.join("data/stored")).unwrap();
        symlink("stored", folder.join("data/images")).unwrap();
        let postgres = Cluster::start(&folder).await;
        let direct_url = postgres.url();
        let socket = Arc::new(Mutex::new(socket_folder(&direct_url)));
        let proxy = FreezingProxy::start(Arc::clone(&socket));
        let journal = folder.join("data/accepted.jsonl");
        let simulator = start_simulator(journal.clone()).await;
        let start = direct_url.find("host=").unwrap();
        let database_url =
            format!("{}host={}&sslmode=disable", &direct_url[..start], proxy.folder().display());
        let nats = NatsServer::start();
        let gateways: Vec<Gateway> = (0..GATEWAYS)
            .map(|number| Gateway::new(number, &folder, &database_url, &nats.url(), &simulator))
            .collect();
        let urls = gateways.iter().map(|gateway| gateway.url.clone()).collect();
        let world = Arc::new(Self {
            folder,
            postgres: tokio::sync::Mutex::new(postgres),
            nats: Mutex::new(nats),
            proxy,
            socket,
            gateways: gateways.into_iter().map(tokio::sync::Mutex::new).collect(),
            urls,
            next: AtomicUsize::new(0),
            journal,
            direct_url: Mutex::new(direct_url),
            accepted: Mutex::default(),
            seed,
        });
        for gateway in &world.gateways {
            let mut gateway = gateway.lock().await;
            gateway.start(None);
            gateway.wait_until_ready().await;
        }
        world
    }

    /// The address of one gateway after the other: it may be down.
    pub(crate) fn any_url(&self) -> &str {
        &self.urls[self.next.fetch_add(1, Ordering::Relaxed) % self.urls.len()]
    }

    pub(crate) fn data_folder(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn journal(&self) -> &Path {
        &self.journal
    }

    /// A token of a user, as `plantain token` prints it.
    pub(crate) fn token(&self, user: &str) -> String {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_plantain"))
            .args(["token", "--ttl", "86400", "--sub", user])
            .env_clear()
            .env("PLANTAIN_DATA_DIR", self.data_folder())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A connection that no fault touches.
    pub(crate) async fn database(&self) -> PgConnection {
        let url = self.direct_url.lock().unwrap().clone();
        PgConnection::connect(&url).await.unwrap()
    }

    /// All connections to the database become silent.
    pub(crate) fn freeze_connections(&self) {
        self.proxy.freeze();
    }

    /// Kills the NATS server, and starts it again.
    pub(crate) async fn restart_nats(&self, pause: Duration) {
        self.nats.lock().unwrap().kill();
        sleep(pause).await;
        self.nats.lock().unwrap().restart();
    }

    /// Makes the folder of the images a file, or a folder again.
    pub(crate) fn exchange_image_folder(&self, target: &str) {
        let (link, images) = (self.data_folder().join("link"), self.data_folder().join("images"));
        symlink(target, &link).unwrap();
        std::fs::rename(&link, &images).unwrap();
    }

    /// Stops Postgres at once, as a crash does, or after a fast shutdown, and starts it again.
    pub(crate) async fn restart_postgres(&self, crash: bool, pause: Duration) {
        let mut postgres = self.postgres.lock().await;
        postgres.stop(crash).await;
        sleep(pause).await;
        postgres.restart().await;
        self.use_server(&postgres);
    }

    /// Lets a standby take over from a primary that crashes; without `pg_basebackup`, the primary crashes only.
    pub(crate) async fn fail_over(&self, pause: Duration) {
        let mut postgres = self.postgres.lock().await;
        if !postgres.can_fail_over() {
            println!("soak: no failover, because pg_basebackup is missing");
            drop(postgres);
            return self.restart_postgres(true, pause).await;
        }
        postgres.fail_over(pause).await;
        self.use_server(&postgres);
    }

    fn use_server(&self, postgres: &Cluster) {
        let url = postgres.url();
        *self.socket.lock().unwrap() = socket_folder(&url);
        *self.direct_url.lock().unwrap() = url;
    }

    pub(crate) async fn wait_until_all_tasks_are_finished(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut database = self.database().await;
        let unfinished =
            "SELECT count(*) FROM tasks WHERE status NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED')";
        loop {
            let left: i64 = sqlx::query_scalar(unfinished).fetch_one(&mut database).await.unwrap();
            if left == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{left} tasks are not finished");
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn count_events(&self, user: &str) -> usize {
        let count = "SELECT count(*) FROM events WHERE owner = $1";
        let mut database = self.database().await;
        let count = sqlx::query_scalar(count).bind(user).fetch_one(&mut database);
        let count: i64 = count.await.unwrap();
        usize::try_from(count).unwrap()
    }

    pub(crate) async fn stop(&self) {
        for gateway in &self.gateways {
            gateway.lock().await.terminate().await;
        }
        self.postgres.lock().await.stop(false).await;
    }
}

async fn start_simulator(journal: PathBuf) -> String {
    let options = SimulatorOptions {
        enforce_limits: false,
        webhook_key: None,
        clock: Clock::system(),
        bind: "127.0.0.1:0".parse().unwrap(),
        credits: 1_000_000.0,
        delay: Duration::from_millis(300),
        journal: Some(journal),
    };
    let simulator = Simulator::build(options).await.unwrap();
    let url = simulator.url().unwrap().to_string();
    tokio::spawn(simulator.run_until(CancellationToken::new()));
    url
}

fn socket_folder(url: &str) -> PathBuf {
    let options: PgConnectOptions = url.parse().unwrap();
    options.get_socket().unwrap().clone()
}
