//! Builds and runs the gateway from its configuration.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::auth::{Issuer, TokenVerifier};
use crate::blobs::{Blobs, Variants};
use crate::clock::Clock;
use crate::commands::{BlockedTerms, Commands, Policy};
use crate::config::Config;
use crate::domain::{Credits, JobTimeouts};
use crate::feed::Feed;
use crate::graphql::{Api, Operations, QueryLimits, parse_manifest};
use crate::hints::Hints;
use crate::http::{
    AppState, ConnectionLimiter, ConnectionLimits, Origins, PageConfig, UploadLimiter,
    authorization_server, router, serve,
};
use crate::ids::Ids;
use crate::links::Links;
use crate::outbound::{Fetcher, WebhookClient};
use crate::providers::{
    AceData, ApiClient, Application, FluxKontext, NanoBanana, Provider, Registry, ace_rate_limits,
    kie_rate_limits,
};
use crate::store::{Store, StoreOptions, UserLimits};
use crate::workers::{self, RetentionPolicy, Settings, WorkerContext};

/// Time for work in progress after the stop signal. It is longer than the timeout of a call to a
/// provider: a response that the gateway does not wait for is lost.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);
const POOL_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Each resize uses one core.
const MAX_CONCURRENT_RESIZES: usize = 2;
/// An upload is in memory until it is stored.
const MAX_UPLOAD_MEBIBYTES: usize = 256;
const MAX_UPLOADS_PER_USER: usize = 4;
/// Each re-encoding uses one core.
const MAX_CONCURRENT_REENCODES: usize = 2;

/// A gateway that is built and has its listener, but does not serve requests yet.
pub struct App {
    listener: TcpListener,
    router: Router,
    /// Time for a client to read a response.
    write_timeout: Duration,
    sessions: TaskTracker,
    ctx: Arc<WorkerContext>,
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
        let args = &config.args;
        let hints = Hints::default();
        let store = open_store(config, hints.clone())?;
        if args.migrate {
            store.migrate().await.context(
                "cannot connect to the database of DATABASE_URL or apply the migrations",
            )?;
        }
        let listener = TcpListener::bind(args.bind).await.with_context(|| {
            format!("cannot listen on {}; set PLANTAIN_BIND to another address", args.bind)
        })?;
        let public_url = public_url(config, listener.local_addr()?)?;
        let blobs = Blobs::open(&config.storage)
            .with_context(|| format!("cannot use {} as image store", config.storage))?;
        let registry = registry(config)?;
        let feed = Feed::new(store.clone(), hints.clone());
        let ctx = WorkerContext {
            store: store.clone(),
            fetcher: Fetcher::new(config.allow_private_addresses)?,
            webhook_client: WebhookClient::new(config.allow_private_addresses)?,
            blobs: blobs.clone(),
            links: Links::new(public_url, config.secrets.clone()),
            hints: hints.clone(),
            instance: ids.uuid(clock.now()),
            clock,
            ids,
            settings: settings(config),
            catalog: Arc::new(registry.catalog()),
            registry,
        };
        let commands = commands(config, &ctx, feed.clone())?;
        let verifier = token_verifier(config, &ctx.clock)?;
        let stop = CancellationToken::new();
        let state = AppState {
            operations: operations(config, &commands)?,
            profile: args.http_profile,
            limits: connection_limits(config),
            connection_limiter: ConnectionLimiter::new(args.limits.max_user_sockets),
            origins: origins(config),
            verifier: verifier.clone(),
            commands,
            variants: Variants::new(blobs.clone(), MAX_CONCURRENT_RESIZES),
            blobs,
            page,
            upload_limiter: UploadLimiter::new(
                MAX_UPLOAD_MEBIBYTES,
                MAX_UPLOADS_PER_USER,
                MAX_CONCURRENT_REENCODES,
            ),
            authorization_server: authorization_server(config.claim_requirements.issuer.as_deref()),
            stop: stop.clone(),
            sessions: TaskTracker::new(),
        };
        let (write_timeout, sessions) = (state.limits.ping_interval, state.sessions.clone());
        let router = router(state);
        let ctx = Arc::new(ctx);
        Ok(Self { listener, router, write_timeout, sessions, ctx, verifier, feed, stop })
    }

    /// The address of the listener.
    ///
    /// # Errors
    /// When the system cannot return it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Runs until `shutdown` completes; then finishes work in progress, within 25 seconds.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let tracker = TaskTracker::new();
        workers::start(&self.ctx, &tracker, &self.stop);
        tracker.spawn(self.feed.run(self.stop.clone()));
        tracker.spawn(self.verifier.keep_fresh(self.stop.clone()));
        tracker.spawn(serve(self.listener, self.router, self.write_timeout, self.stop.clone()));
        shutdown.await;
        tracing::info!("stopping");
        self.stop.cancel();
        tracker.close();
        self.sessions.close();
        let finished = async {
            self.sessions.wait().await;
            tracker.wait().await;
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, finished).await.is_err() {
            tracing::warn!(
                "work in progress did not finish within 25 s; it continues after the next start"
            );
        }
        // Closing the pool waits for the server; an unreachable server must not delay the exit.
        let _ = tokio::time::timeout(POOL_CLOSE_TIMEOUT, self.ctx.store.close()).await;
    }
}

fn timeouts(config: &Config) -> JobTimeouts {
    JobTimeouts {
        poll_interval: TimeDelta::seconds(config.args.poll_seconds.into()),
        task_timeout: TimeDelta::seconds(config.args.task_timeout_seconds.into()),
    }
}

fn settings(config: &Config) -> Settings {
    let JobTimeouts { poll_interval, task_timeout } = timeouts(config);
    let retention = &config.args.retention;
    let days = |days: u32| TimeDelta::days(days.into());
    Settings {
        poll_interval,
        task_timeout,
        confirm_callbacks: config.args.confirm_callbacks,
        retention: RetentionPolicy {
            history: retention.keep_history_days.map(days),
            events: days(retention.keep_events_days),
            callbacks: days(retention.keep_callbacks_days),
        },
    }
}

fn open_store(config: &Config, hints: Hints) -> anyhow::Result<Store> {
    let options = StoreOptions {
        url: config.database_url.expose_secret().to_owned(),
        max_connections: config.args.database_connections,
        initial_quota: config.args.user_quota.and_then(Credits::from_f64),
    };
    Store::open(&options, hints, timeouts(config)).context("DATABASE_URL cannot be used")
}

fn token_verifier(config: &Config, clock: &Clock) -> anyhow::Result<TokenVerifier> {
    let url = config.args.jwks_url.clone();
    let issuer = url.map(|url| Issuer::new(url, clock.clone())).transpose()?;
    let claim_requirements = config.claim_requirements.clone();
    Ok(TokenVerifier::new(config.jwt_secret.as_ref(), issuer, claim_requirements, clock.clone()))
}

fn commands(config: &Config, ctx: &WorkerContext, feed: Feed) -> anyhow::Result<Commands> {
    Ok(Commands {
        store: ctx.store.clone(),
        feed,
        hints: ctx.hints.clone(),
        catalog: Arc::clone(&ctx.catalog),
        links: ctx.links.clone(),
        clock: ctx.clock.clone(),
        ids: ctx.ids.clone(),
        policy: Arc::new(policy(config)?),
    })
}

fn operations(config: &Config, commands: &Commands) -> anyhow::Result<Operations> {
    let trusted = config.args.trusted_documents.as_deref().map(trusted_documents).transpose()?;
    let limits = &config.args.limits;
    let operation_timeout = Duration::from_secs(limits.operation_seconds.into());
    let limits = QueryLimits {
        tokens: limits.max_tokens,
        depth: limits.max_depth,
        fields: limits.max_fields,
        aliases: limits.max_aliases,
        root_fields: limits.max_root_fields,
        directives: limits.max_directives,
        cost: limits.max_cost,
        answer_bytes: limits.max_answer_bytes,
    };
    let api = Api { commands: commands.clone() };
    Operations::new(api, limits, operation_timeout, trusted.as_deref()).map_err(|problems| {
        anyhow::anyhow!(
            "PLANTAIN_TRUSTED_DOCUMENTS contains invalid documents:\n{}",
            problems.join("\n")
        )
    })
}

fn trusted_documents(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let read = || -> anyhow::Result<_> {
        let text = std::fs::read_to_string(path)?;
        parse_manifest(&text).map_err(anyhow::Error::msg)
    };
    read().with_context(|| format!("cannot use {} as PLANTAIN_TRUSTED_DOCUMENTS", path.display()))
}

fn connection_limits(config: &Config) -> ConnectionLimits {
    let limits = &config.args.limits;
    ConnectionLimits {
        request_bytes: limits.max_request_bytes,
        message_bytes: limits.max_message_bytes,
        answer_bytes: limits.max_answer_bytes,
        socket_operations: limits.max_socket_operations,
        ping_interval: Duration::from_secs(limits.ping_seconds.into()),
    }
}

fn origins(config: &Config) -> Origins {
    let listed = config.args.cors_origins.clone();
    Origins { listed, allow_loopback: config.allow_loopback_origins }
}

fn public_url(config: &Config, address: SocketAddr) -> anyhow::Result<Url> {
    match &config.args.public_url {
        Some(url) => Ok(url.clone()),
        None => Ok(Url::parse(&format!("http://{address}"))?),
    }
}

/// Creates the providers that have an API key.
fn registry(config: &Config) -> anyhow::Result<Registry> {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    let (args, keys) = (&config.args, &config.keys);
    let rate_limits = kie_rate_limits(args.submissions_per_10_seconds, args.queries_per_second);
    if let Some(key) = &keys.nano_banana {
        let api = ApiClient::new(args.nanobanana_base_url.clone(), key.clone())?;
        providers.push(Arc::new(NanoBanana::new(api, rate_limits)));
    }
    if let Some(key) = &keys.flux_kontext {
        let api = ApiClient::new(args.flux_kontext_base_url.clone(), key.clone())?;
        let webhook_key = keys.flux_kontext_webhook.clone();
        providers.push(Arc::new(FluxKontext::new(api, rate_limits, webhook_key)));
    }
    if let Some(key) = &keys.ace_data {
        let api = ApiClient::new(args.ace_data_base_url.clone(), key.clone())?;
        let rate_limits =
            ace_rate_limits(args.ace_data_jobs_at_once, args.ace_data_queries_per_second);
        providers.push(Arc::new(AceData::new(api, rate_limits, application(config)?)));
    }
    Ok(Registry::new(providers))
}

/// The application whose balance is read, when the operator has configured it.
fn application(config: &Config) -> anyhow::Result<Option<Application>> {
    let (Some(id), Some(token)) =
        (&config.args.ace_data_application_id, &config.keys.ace_data_platform)
    else {
        return Ok(None);
    };
    let platform = ApiClient::new(config.args.ace_data_platform_url.clone(), token.clone())?;
    Ok(Some(Application { platform, id: id.clone() }))
}

fn policy(config: &Config) -> anyhow::Result<Policy> {
    let args = &config.args;
    let blocked_terms = match &args.blocked_terms {
        Some(file) => BlockedTerms::read(file)
            .with_context(|| format!("cannot use {} as PLANTAIN_BLOCKED_TERMS", file.display()))?,
        None => BlockedTerms::default(),
    };
    Ok(Policy {
        blocked_terms,
        upload_bytes: args.limits.max_upload_bytes,
        limits: UserLimits { max_unfinished_tasks: args.max_unfinished_tasks },
        credits_low: Credits::from_f64(args.credits_low)
            .context("PLANTAIN_CREDITS_LOW is out of range")?,
        allow_private_addresses: config.allow_private_addresses,
    })
}
