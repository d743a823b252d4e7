//! Builds and runs the gateway from its configuration.

mod parts;
mod tools;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use tools::Tools;

use crate::auth::TokenVerifier;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::config::{Config, DatabaseConfig};
use crate::feed::Feed;
use crate::http::{
    AppState, Bodies, ConnectionBounds, GraphqlSettings, MetricsPage, MetricsSources, PageConfig,
    ServerSettings, UploadLimiter, UserLimiter, authorization_server, router, serve,
};
use crate::ids::Ids;
use crate::image_store::Variants;
use crate::store::{self, ReadStore, Stores};
use crate::user_turns::UserTurns;
use crate::workers::{self, WorkerContext};

/// Time for work in progress after the stop signal: orchestrators kill a process after ten seconds. A submission whose response
/// comes later becomes UNCONFIRMED.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);
const POOL_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The original of each image that is resized is in memory.
const MAX_CONCURRENT_RESIZES: usize = 4;
/// A body may have a megabyte.
const MAX_CONCURRENT_MCP_BODIES_PER_USER: usize = 16;
/// Files for everything but connections of clients: the database, providers, images, logs.
const RESERVED_FILES: usize = 512;
/// What systems allow a process by default.
const DEFAULT_OPEN_FILES: u64 = 1_024;
/// An upload is in memory until it is stored.
const UPLOAD_MEMORY_MEBIBYTES: usize = 256;
const MAX_CONCURRENT_UPLOADS_PER_USER: usize = 4;
/// Connections to the listener of `/metrics`.
const MAX_METRICS_CONNECTIONS: usize = 20;
/// How many operations of a user may wait, for each one that may run.
const MAX_WAITING_FACTOR: usize = 2;
/// How long an operation waits for its turn.
const MAX_OPERATION_WAIT: Duration = Duration::from_secs(5);

/// A gateway that is built and has its listener, but does not serve requests yet.
pub struct App {
    listener: TcpListener,
    router: Router,
    /// The listener of `/metrics`, when it has its own.
    metrics: Option<(TcpListener, Router)>,
    server: ServerSettings,
    sockets: TaskTracker,
    ctx: Arc<WorkerContext>,
    stores: Stores,
    verifier: TokenVerifier,
    feed: Feed,
    stop: CancellationToken,
}

impl App {
    /// Connects everything, applies migrations, and listens.
    ///
    /// # Errors
    /// When a part cannot be set up; the message says which.
    pub async fn build(
        config: &Config,
        page: PageConfig,
        clock: Clock,
        ids: Ids,
    ) -> anyhow::Result<Self> {
        let stores = parts::stores(config)?;
        let Stores { clients, workers } = stores.clone();
        prepare_database(&config.database).await?;
        let listener = listen(config.server.bind, "PLANTAIN_BIND").await?;
        let address = listener.local_addr()?;
        let ctx = parts::worker_context(config, workers, address, clock, ids)?;
        let ctx = WorkerContext { nats: parts::nats(config).await?, ..ctx };
        let feed = Feed::new(ctx.store.reads(), clients.reads(), ctx.hints.clone());
        let verifier = parts::token_verifier(config, &ctx.clock)?;
        let stop = CancellationToken::new();
        let commands = parts::commands(config, &ctx, &clients, &feed)?;
        let sockets = TaskTracker::new();
        let graphql = GraphqlSettings {
            engine: parts::graphql_engine(config, &ctx, clients.reads(), &commands, &feed)?,
            profile: config.server.profile,
            sockets: sockets.clone(),
        };
        let metrics_listener = match config.server.metrics_bind {
            Some(bind) => Some(listen(bind, "PLANTAIN_METRICS_BIND").await?),
            None => None,
        };
        let sources = MetricsSources {
            metrics: ctx.metrics.clone(),
            commands: commands.clone(),
            stores: stores.clone(),
            catalog: Arc::clone(&ctx.catalog),
            sockets: sockets.clone(),
            clock: ctx.clock.clone(),
        };
        let metrics = MetricsPage::new(sources, metrics_listener.is_some());
        let for_clients = (clients.reads(), commands, metrics.clone());
        let state = state(config, &ctx, for_clients, &verifier, page, &stop);
        let metrics = metrics_listener.map(|listener| (listener, metrics.router()));
        let server = ServerSettings {
            // A client that reads nothing for one ping interval is disconnected, as on a socket.
            write_timeout: state.limits.ping_interval,
            connections: state.connections.clone(),
        };
        let (router, ctx) = (router(state, graphql), Arc::new(ctx));
        Ok(Self { listener, router, metrics, server, sockets, ctx, stores, verifier, feed, stop })
    }

    /// The address of the listener.
    ///
    /// # Errors
    /// When the system cannot return it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The address of the listener of `/metrics`; `None` when it has none of its own.
    ///
    /// # Errors
    /// When the system cannot return it.
    pub fn metrics_address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.metrics.as_ref().map(|(listener, _)| listener.local_addr()).transpose()
    }

    /// Runs until `shutdown` completes; then finishes work in progress, within 9 seconds.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        // Before the first timer and the first lease.
        workers::follow_database_clock(&self.ctx).await;
        let tracker = TaskTracker::new();
        workers::start(&self.ctx, &tracker, &self.stop);
        tracker.spawn(self.feed.run(self.stop.clone()));
        tracker.spawn(self.verifier.keep_fresh(self.stop.clone()));
        if let Some((listener, router)) = self.metrics {
            let settings = ServerSettings {
                connections: ConnectionBounds {
                    total: MAX_METRICS_CONNECTIONS,
                    per_address: MAX_METRICS_CONNECTIONS,
                    trusted_proxies: Vec::new(),
                },
                ..self.server.clone()
            };
            tracker.spawn(serve(listener, router, settings, self.stop.clone()));
        }
        tracker.spawn(serve(self.listener, self.router, self.server, self.stop.clone()));
        shutdown.await;
        tracing::info!("stopping");
        self.stop.cancel();
        tracker.close();
        self.sockets.close();
        let finished = async {
            self.sockets.wait().await;
            tracker.wait().await;
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, finished).await.is_err() {
            tracing::warn!(
                "work in progress did not finish within 8 s; claimed work is claimed again, and a submission in progress becomes UNCONFIRMED"
            );
        }
        // Closing the pool waits for the server; an unreachable server must not delay the exit.
        let _ = tokio::time::timeout(POOL_CLOSE_TIMEOUT, self.stores.close()).await;
    }
}

/// Listens on an address that this setting names.
async fn listen(bind: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(bind).await;
    listener.with_context(|| format!("cannot listen on {bind}; set {setting} to another address"))
}

/// The system's number of open files, raised as far as possible, also limits the connections.
fn connection_bounds(configured: &ConnectionBounds) -> ConnectionBounds {
    let open_files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(DEFAULT_OPEN_FILES);
    let open_files = usize::try_from(open_files).unwrap_or(usize::MAX);
    // When few files are allowed, at least half of them are for connections.
    let possible = open_files.saturating_sub(RESERVED_FILES).max(open_files / 2);
    if possible < configured.total {
        tracing::info!(
            connections = possible,
            open_files,
            "the number of open files limits the connections"
        );
    }
    ConnectionBounds { total: configured.total.min(possible), ..configured.clone() }
}

/// What the HTTP handlers share.
fn state(
    config: &Config,
    ctx: &WorkerContext,
    (reads, commands, metrics): (ReadStore, Commands, MetricsPage),
    verifier: &TokenVerifier,
    page: PageConfig,
    stop: &CancellationToken,
) -> AppState {
    let server = &config.server;
    AppState {
        limits: server.limits,
        upload_bytes: server.upload_bytes,
        connection_limiter: UserLimiter::new(server.max_user_connections),
        subscription_limiter: UserLimiter::new(server.max_user_subscriptions),
        operations: UserTurns::new(
            server.max_user_operations,
            MAX_WAITING_FACTOR * server.max_user_operations,
            MAX_OPERATION_WAIT,
        ),
        mcp_body_limiter: UserLimiter::new(MAX_CONCURRENT_MCP_BODIES_PER_USER),
        bodies: Bodies::default(),
        connections: connection_bounds(&server.connections),
        origins: server.origins.clone(),
        verifier: verifier.clone(),
        commands,
        reads,
        health_reads: ctx.store.reads(),
        catalog: Arc::clone(&ctx.catalog),
        links: ctx.links.clone(),
        clock: ctx.clock.clone(),
        variants: Variants::new(
            ctx.image_store.clone(),
            ctx.image_work.clone(),
            MAX_CONCURRENT_RESIZES,
        ),
        image_work: ctx.image_work.clone(),
        image_store: ctx.image_store.clone(),
        page,
        upload_limiter: UploadLimiter::new(
            UPLOAD_MEMORY_MEBIBYTES,
            MAX_CONCURRENT_UPLOADS_PER_USER,
        ),
        authorization_server: authorization_server(config.auth.claims.issuer.as_deref()),
        rounds: ctx.rounds.clone(),
        metrics,
        stop: stop.clone(),
    }
}

/// Checks the pooler and applies the migrations.
async fn prepare_database(database: &DatabaseConfig) -> anyhow::Result<()> {
    let url = database.url.expose_secret();
    let direct_url = database.direct_url.as_ref().map(ExposeSecret::expose_secret);
    // If the database is unreachable, the migrations or the first statements report it.
    match store::check_pooler(url, direct_url).await {
        Err(error) if error.is_permanent() => return Err(error.into()),
        _ => {}
    }
    if database.migrate {
        let context = match direct_url {
            Some(_) => {
                "cannot connect to the database of PLANTAIN_DATABASE_DIRECT_URL or apply the migrations"
            }
            None => "cannot connect to the database of DATABASE_URL or apply the migrations",
        };
        store::migrate(direct_url.unwrap_or(url)).await.context(context)?;
    }
    Ok(())
}
