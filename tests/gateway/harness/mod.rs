//! Starts a complete gateway for each test.

mod database;
mod eventually;
mod freezing_proxy;
mod generated_docs;
mod log;
mod nats;
mod pgbouncer;
mod socket;
mod user;

use std::time::Duration;

use chrono::TimeDelta;
use clap::Parser;
use plantain::app::App;
use plantain::auth::{Role, TokenSigner};
use plantain::clock::Clock;
use plantain::config::{Config, GatewayArgs};
use plantain::domain::Timestamp;
use plantain::http::{PageConfig, PageUser};
use plantain::ids::Ids;
use plantain_simulator::{Simulator, SimulatorOptions, SimulatorState};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use database::{Database, Version};
pub(crate) use eventually::{eventually, eventually_within, within_deadline};
pub(crate) use generated_docs::assert_generated;
pub(crate) use nats::NatsServer;
pub(crate) use pgbouncer::PgBouncer;
pub(crate) use socket::Socket;
pub(crate) use user::User;

/// The key with which the simulator signs callbacks of Flux Kontext.
const WEBHOOK_KEY: &str = "whk_test_0123456789abcdef";

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// The rate limits that `plantain serve` uses by default.
const DEFAULT_LIMITS: [&str; 4] = [
    "--submissions-per-10-seconds=18",
    "--queries-per-second=9",
    "--ace-data-max-concurrent-jobs=10",
    "--ace-data-queries-per-second=1",
];

/// A running gateway with its own database, image store and simulator.
pub(crate) struct TestApp {
    pub(crate) url: String,
    /// The listener of `/metrics`, when it has its own.
    pub(crate) metrics_url: Option<String>,
    pub(crate) clock: Clock,
    pub(crate) simulator: SimulatorState,
    pub(crate) database: Database,
    simulator_url: String,
    flags: Vec<String>,
    ids: Ids,
    signer: TokenSigner,
    config: Config,
    gateway: Option<JoinHandle<()>>,
    /// The runtime of this gateway only: shutting it down kills every task of the gateway.
    runtime: Option<Runtime>,
    stop: CancellationToken,
    folder: std::sync::Arc<TempDir>,
}

impl TestApp {
    /// Starts a gateway with the default test settings.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a gateway with these flags of `plantain serve`, which override the test settings.
    pub(crate) async fn with(flags: &[&str]) -> Self {
        Self::with_database(Database::create().await, flags).await
    }

    /// Like `with`, on a database that the test has prepared.
    pub(crate) async fn with_database(database: Database, flags: &[&str]) -> Self {
        let (simulator, simulator_url) = start_simulator(Clock::system()).await;
        let folder = std::sync::Arc::new(TempDir::new().unwrap());
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let clock = Clock::system();
        Self::run(database, simulator, simulator_url, flags, clock, folder).await
    }

    /// Starts a gateway with the default provider rate limits, which the flags override. Gateway
    /// and simulator share one clock.
    pub(crate) async fn with_default_limits(flags: &[&str]) -> Self {
        Self::with_default_limits_and(Clock::system(), flags).await
    }

    /// Like `with_default_limits`, with a clock that only the test advances: otherwise a busy
    /// machine could delay a call until the simulator counts it in the next second.
    pub(crate) async fn with_stopped_clock(flags: &[&str]) -> Self {
        Self::with_default_limits_and(Clock::stopped(), flags).await
    }

    async fn with_default_limits_and(clock: Clock, flags: &[&str]) -> Self {
        let database = Database::create().await;
        let (simulator, simulator_url) = start_simulator(clock.clone()).await;
        let folder = std::sync::Arc::new(TempDir::new().unwrap());
        let flags = DEFAULT_LIMITS.iter().chain(flags).map(|flag| (*flag).to_owned()).collect();
        Self::run(database, simulator, simulator_url, flags, clock, folder).await
    }

    async fn run(
        database: Database,
        simulator: SimulatorState,
        simulator_url: String,
        flags: Vec<String>,
        clock: Clock,
        folder: std::sync::Arc<TempDir>,
    ) -> Self {
        log::start_reading();
        let config = configure(&flags, &simulator_url, database.url(), folder.path());
        let ids = Ids::random();
        let secret = config.auth.jwt_secret.as_ref().unwrap();
        let signer = TokenSigner::new(secret, config.auth.claims.clone(), clock.clone());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let building = {
            let (config, clock, ids) = (config.clone(), clock.clone(), ids.clone());
            async move { App::build(&config, page_config(), clock, ids).await.unwrap() }
        };
        let app = runtime.spawn(building).await.unwrap();
        let url = format!("http://{}", app.address().unwrap());
        let metrics_url = app.metrics_address().unwrap().map(|address| format!("http://{address}"));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let gateway = runtime.spawn(async move { app.run_until(stopped.cancelled()).await });
        let (gateway, runtime) = (Some(gateway), Some(runtime));
        Self {
            url,
            metrics_url,
            clock,
            simulator,
            database,
            simulator_url,
            flags,
            ids,
            signer,
            config,
            gateway,
            runtime,
            stop,
            folder,
        }
    }

    /// Why a gateway does not start on this database with these flags.
    pub(crate) async fn refusal(database: &Database, flags: &[&str]) -> String {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let folder = TempDir::new().unwrap();
        let config = configure(&flags, "http://127.0.0.1:1", database.url(), folder.path());
        let built = App::build(&config, page_config(), Clock::system(), Ids::random()).await;
        format!("{:#}", built.err().unwrap())
    }

    /// Starts a second gateway on the same database, image store and simulator.
    pub(crate) async fn replica(&self) -> Self {
        let (simulator, url) = (self.simulator.clone(), self.simulator_url.clone());
        let (database, clock) = (self.database.clone(), self.clock.clone());
        Self::run(database, simulator, url, Vec::new(), clock, self.folder.clone()).await
    }

    /// Stops this gateway, and starts one on a restored database, with a copy of its image store.
    pub(crate) async fn restored(self, database: Database) -> Self {
        let (simulator, url) = (self.simulator.clone(), self.simulator_url.clone());
        let (clock, flags) = (self.clock.clone(), self.flags.clone());
        let folder = TempDir::new().unwrap();
        let files: Vec<(String, Vec<u8>)> =
            self.files().into_iter().map(|path| (path.clone(), self.read_file(&path))).collect();
        // The secrets of `dev` are part of a backup.
        for secret in std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap()) {
            if secret.file_type().unwrap().is_file() {
                std::fs::copy(secret.path(), folder.path().join(secret.file_name())).unwrap();
            }
        }
        self.stop().await;
        let app =
            Self::run(database, simulator, url, flags, clock, std::sync::Arc::new(folder)).await;
        for (path, bytes) in files {
            let file = app.folder.path().join("images").join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
        app
    }

    /// The same with the flags of this gateway.
    pub(crate) async fn replica_with_flags(&self) -> Self {
        let (simulator, url) = (self.simulator.clone(), self.simulator_url.clone());
        let (database, clock, flags) =
            (self.database.clone(), self.clock.clone(), self.flags.clone());
        Self::run(database, simulator, url, flags, clock, self.folder.clone()).await
    }

    /// Stops the gateway like `kill -9`: work in progress is neither finished nor recorded.
    pub(crate) fn kill(mut self) -> KilledApp {
        self.shut_down_runtime();
        KilledApp {
            database: self.database.clone(),
            simulator: self.simulator.clone(),
            simulator_url: self.simulator_url.clone(),
            flags: self.flags.clone(),
            clock: self.clock.clone(),
            folder: self.folder.clone(),
        }
    }

    /// Requests a graceful shutdown.
    pub(crate) fn request_shutdown(&self) {
        self.stop.cancel();
    }

    /// Shuts the gateway down gracefully and waits until it has stopped.
    pub(crate) async fn stop(mut self) {
        self.request_shutdown();
        if let Some(gateway) = self.gateway.take() {
            gateway.await.unwrap();
        }
    }

    fn shut_down_runtime(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Waits until no worker holds a lease: a jump of the clock would make the lease expire, and the
    /// work would look interrupted.
    pub(crate) async fn wait_until_nothing_is_leased(&self) {
        let leased = "SELECT EXISTS (SELECT FROM jobs WHERE lease IS NOT NULL)
            OR EXISTS (SELECT FROM webhook_deliveries WHERE lease IS NOT NULL)";
        let released = eventually("the workers to release their leases", || async {
            let mut database = self.database.connect().await;
            let leased: bool = sqlx::query_scalar(leased).fetch_one(&mut database).await.unwrap();
            (!leased).then_some(())
        });
        Box::pin(released).await;
    }

    /// Moves the clock to the next time at which a job or the breaker of its provider continues.
    /// Does nothing while a worker holds a lease: the jump would make the lease expire.
    pub(crate) async fn advance_to_the_next_step(&self) {
        let mut database = self.database.connect().await;
        let next = "SELECT min(greatest(
                next_step_at,
                limited_until,
                CASE WHEN status = 'QUEUED' THEN paused_until END
            ))
            FROM jobs JOIN providers ON name = provider
            WHERE next_step_at IS NOT NULL
            HAVING bool_and(lease IS NULL)";
        let next: Option<Option<Timestamp>> =
            sqlx::query_scalar(next).fetch_optional(&mut database).await.unwrap();
        if let Some(next) = next.flatten() {
            let wait = next - self.clock.now();
            self.clock.advance(wait.max(TimeDelta::zero()));
        }
    }

    /// Moves the clock past the next timeout of a job, when each unfinished job waits for one.
    pub(crate) async fn advance_to_the_next_timeout(&self) {
        let mut database = self.database.connect().await;
        let next = "SELECT min(expires_at) FROM jobs
            WHERE status NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED')
            HAVING bool_and(lease IS NULL AND expires_at IS NOT NULL)";
        let next: Option<Option<Timestamp>> =
            sqlx::query_scalar(next).fetch_optional(&mut database).await.unwrap();
        if let Some(next) = next.flatten() {
            // The sweep runs every second.
            let wait = next + TimeDelta::seconds(1) - self.clock.now();
            self.clock.advance(wait.max(TimeDelta::zero()));
        }
    }

    /// Waits until the simulator is idle, then moves the clock to the next poll of each task.
    pub(crate) async fn advance_to_the_next_poll(&self) {
        eventually("the simulator to be idle", || async { self.simulator.is_idle().then_some(()) })
            .await;
        self.advance(30);
    }

    /// Returns a user of this gateway.
    pub(crate) fn user(&self, name: &str) -> User {
        User::new(self, name, None)
    }

    /// Moves the gateway's clock forward. The simulator uses real time unless it shares the clock.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Issues a token for this user that expires after `seconds`.
    pub(crate) fn token(&self, name: &str, role: Option<&str>, seconds: u32) -> String {
        let user = plantain::domain::UserId::parse(name).unwrap();
        self.signer.issue(&user, role, seconds).unwrap()
    }

    /// Lists the paths of all files in the image store.
    pub(crate) fn files(&self) -> Vec<String> {
        list_files(&self.folder.path().join("images"), "")
    }

    pub(crate) fn write_file(&self, path: &str) {
        let file = self.folder.path().join("images").join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, b"bytes").unwrap();
    }

    /// Reads a file of the image store.
    pub(crate) fn read_file(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join("images").join(path)).unwrap()
    }

    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.files().iter().any(|file| file == path)
    }

    /// Returns the link signer of this gateway.
    pub(crate) fn links(&self) -> plantain::links::Links {
        let url = self.url.parse().unwrap();
        plantain::links::Links::new(url, &self.config.link_secrets)
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }
}

fn list_files(folder: &std::path::Path, path: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let entries = entries.map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|entry| {
        let name = entry.file_name().unwrap().to_str().unwrap();
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        if entry.is_dir() { list_files(&entry, &path) } else { vec![path] }
    });
    found.collect()
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shut_down_runtime();
        if !std::thread::panicking() {
            log::assert_no_secrets();
        }
    }
}

/// The database, simulator and settings of a killed gateway.
pub(crate) struct KilledApp {
    pub(crate) database: Database,
    simulator: SimulatorState,
    simulator_url: String,
    pub(crate) flags: Vec<String>,
    pub(crate) clock: Clock,
    folder: std::sync::Arc<TempDir>,
}

impl KilledApp {
    /// Starts the gateway again with the same data.
    pub(crate) async fn restart(self) -> TestApp {
        let Self { database, simulator, simulator_url, flags, clock, folder } = self;
        TestApp::run(database, simulator, simulator_url, flags, clock, folder).await
    }
}

/// Returns the configuration of the pages, with a fake token, so that tests can check who receives it.
fn page_config() -> PageConfig {
    let user = PageUser { id: "dev".to_owned(), role: Role::User, token: "a-token".to_owned() };
    PageConfig { users: vec![user], examples: Vec::new() }
}

async fn start_simulator(clock: Clock) -> (SimulatorState, String) {
    let options = SimulatorOptions {
        // Requests over the limit are counted instead of rejected.
        enforce_limits: false,
        webhook_key: Some(WEBHOOK_KEY.to_owned()),
        clock,
        bind: "127.0.0.1:0".parse().unwrap(),
        credits: 10_000.0,
        delay: Duration::from_millis(100),
        journal: None,
    };
    let simulator = Simulator::build(options).await.unwrap();
    let (state, url) = (simulator.state.clone(), simulator.url().unwrap());
    tokio::spawn(simulator.run_until(CancellationToken::new()));
    (state, url.to_string())
}

fn configure(
    flags: &[String],
    simulator_url: &str,
    database_url: String,
    folder: &std::path::Path,
) -> Config {
    let mut arguments: Vec<String> = [
        "plantain",
        "--bind=127.0.0.1:0",
        "--database-connections=8",
        "--submissions-per-10-seconds=100000",
        "--queries-per-second=10000",
        "--ace-data-max-concurrent-jobs=10000",
        "--ace-data-queries-per-second=10000",
        "--nanobanana-api-key=simulated",
        "--flux-kontext-api-key=simulated",
        "--ace-data-api-key=simulated",
        "--ace-data-platform-token=simulated",
        "--ace-data-application-id=simulated",
    ]
    .map(str::to_owned)
    .to_vec();
    for upstream in ["nanobanana-base", "flux-kontext-base", "ace-data-base", "ace-data-platform"] {
        arguments.push(format!("--{upstream}-url={simulator_url}"));
    }
    arguments.push(format!("--data-dir={}", folder.display()));
    arguments.extend(flags.iter().cloned());
    // A later flag overrides an earlier one.
    let command = <Arguments as clap::CommandFactory>::command().args_override_self(true);
    let matches = command.try_get_matches_from(arguments).unwrap();
    let arguments = <Arguments as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
    Config::for_dev(arguments.gateway, database_url).unwrap()
}
