//! Composition: settings in, a running gateway out.

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

use crate::auth::{Issuer, Tokens};
use crate::blobs::{Blobs, Variants};
use crate::clock::Clock;
use crate::commands::{BlockedTerms, Commands, Policy};
use crate::config::Config;
use crate::domain::{Credits, Rules};
use crate::feed::Feed;
use crate::graphql::{Api, Bounds, Operations, read_manifest};
use crate::hints::Hints;
use crate::http::{
    Arrivals, Edge, EdgeLimits, Origins, PageConfig, Seats, authorization_server, router, serve,
};
use crate::ids::Ids;
use crate::links::Links;
use crate::providers::{
    AceData, ApiClient, Application, Fetcher, FluxKontext, NanoBanana, Provider, Registry,
    ace_pace, kie_pace,
};
use crate::store::{Limits, Store, StoreOptions};
use crate::workers::{self, Keep, Settings, Workshop};

/// Time to finish what is under way when the gateway is told to stop: longer than a call to a
/// provider, because an answer that nobody waits for is lost.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(25);
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// Shrinking an image takes a core.
const SHRINKING_AT_ONCE: usize = 2;
/// What is uploaded is in memory until it is checked.
const ARRIVING_MEBIBYTES: usize = 256;
const ARRIVING_PER_USER: usize = 4;
/// Writing an image anew takes a core.
const CLEANED_AT_ONCE: usize = 2;

/// A gateway that is built and listens, but does not work yet.
pub struct App {
    listener: TcpListener,
    router: Router,
    /// With slow clients.
    patience: Duration,
    sessions: TaskTracker,
    shop: Arc<Workshop>,
    tokens: Tokens,
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
                "cannot reach the database that DATABASE_URL names, or bring it up to date",
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
        let shop = Workshop {
            store: store.clone(),
            fetcher: Fetcher::new(config.allow_private_addresses)?,
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
        let commands = commands(config, &shop, feed.clone())?;
        let tokens = tokens(config, &shop.clock)?;
        let stop = CancellationToken::new();
        let edge = Edge {
            operations: operations(config, &commands)?,
            profile: args.http_profile,
            limits: edge_limits(config),
            seats: Seats::new(args.bounds.max_user_sockets),
            origins: origins(config),
            tokens: tokens.clone(),
            commands,
            variants: Variants::new(blobs.clone(), SHRINKING_AT_ONCE),
            blobs,
            page,
            arrivals: Arrivals::new(ARRIVING_MEBIBYTES, ARRIVING_PER_USER, CLEANED_AT_ONCE),
            authorization_server: authorization_server(config.expectations.issuer.as_deref()),
            stop: stop.clone(),
            sessions: TaskTracker::new(),
        };
        let (patience, sessions) = (edge.limits.patience, edge.sessions.clone());
        let router = router(edge);
        let shop = Arc::new(shop);
        Ok(Self { listener, router, patience, sessions, shop, tokens, feed, stop })
    }

    /// The address that is listened on.
    ///
    /// # Errors
    /// When the system no longer knows it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Works until `shutdown` ends; then finishes what is under way, within 25 seconds.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let tracker = TaskTracker::new();
        workers::start(&self.shop, &tracker, &self.stop);
        tracker.spawn(self.feed.run(self.stop.clone()));
        tracker.spawn(self.tokens.keep_fresh(self.stop.clone()));
        tracker.spawn(serve(self.listener, self.router, self.patience, self.stop.clone()));
        shutdown.await;
        tracing::info!("stopping");
        self.stop.cancel();
        tracker.close();
        self.sessions.close();
        let finished = async {
            self.sessions.wait().await;
            tracker.wait().await;
        };
        if tokio::time::timeout(SHUTDOWN_PATIENCE, finished).await.is_err() {
            tracing::warn!(
                "some work did not finish in time; it is taken up again at the next start"
            );
        }
        // A database that is away answers no goodbye.
        let _ = tokio::time::timeout(CLOSE_PATIENCE, self.shop.store.close()).await;
    }
}

fn rules(config: &Config) -> Rules {
    Rules {
        poll_every: TimeDelta::seconds(config.args.poll_seconds.into()),
        task_timeout: TimeDelta::seconds(config.args.task_timeout_seconds.into()),
    }
}

fn settings(config: &Config) -> Settings {
    let Rules { poll_every, task_timeout } = rules(config);
    let keep = &config.args.keep;
    let days = |days: u32| TimeDelta::days(days.into());
    Settings {
        poll_every,
        task_timeout,
        confirm_callbacks: config.args.confirm_callbacks,
        keep: Keep {
            history: keep.keep_history_days.map(days),
            events: days(keep.keep_events_days),
            callbacks: days(keep.keep_callbacks_days),
        },
    }
}

fn open_store(config: &Config, hints: Hints) -> anyhow::Result<Store> {
    let options = StoreOptions {
        url: config.database_url.expose_secret().to_owned(),
        max_connections: config.args.database_connections,
        quota: config.args.user_quota.and_then(Credits::from_f64),
    };
    Store::open(&options, hints, rules(config)).context("DATABASE_URL cannot be used")
}

fn tokens(config: &Config, clock: &Clock) -> anyhow::Result<Tokens> {
    let url = config.args.jwks_url.clone();
    let issuer = url.map(|url| Issuer::new(url, clock.clone())).transpose()?;
    let expectations = config.expectations.clone();
    Ok(Tokens::new(config.jwt_secret.as_ref(), issuer, expectations, clock.clone()))
}

fn commands(config: &Config, shop: &Workshop, feed: Feed) -> anyhow::Result<Commands> {
    Ok(Commands {
        store: shop.store.clone(),
        feed,
        hints: shop.hints.clone(),
        catalog: Arc::clone(&shop.catalog),
        links: shop.links.clone(),
        clock: shop.clock.clone(),
        ids: shop.ids.clone(),
        policy: Arc::new(policy(config)?),
    })
}

fn operations(config: &Config, commands: &Commands) -> anyhow::Result<Operations> {
    let trusted = config.args.trusted_documents.as_deref().map(trusted_documents).transpose()?;
    let bounds = &config.args.bounds;
    let patience = Duration::from_secs(bounds.operation_seconds.into());
    let bounds = Bounds {
        tokens: bounds.max_tokens,
        depth: bounds.max_depth,
        fields: bounds.max_fields,
        aliases: bounds.max_aliases,
        root_fields: bounds.max_root_fields,
        directives: bounds.max_directives,
        cost: bounds.max_cost,
        answer_bytes: bounds.max_answer_bytes,
    };
    let api = Api { commands: commands.clone() };
    Operations::new(api, bounds, patience, trusted.as_deref()).map_err(|problems| {
        anyhow::anyhow!(
            "documents of PLANTAIN_TRUSTED_DOCUMENTS cannot run:\n{}",
            problems.join("\n")
        )
    })
}

fn trusted_documents(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let read = || -> anyhow::Result<_> {
        let text = std::fs::read_to_string(path)?;
        read_manifest(&text).map_err(anyhow::Error::msg)
    };
    read().with_context(|| format!("cannot use {} as PLANTAIN_TRUSTED_DOCUMENTS", path.display()))
}

fn edge_limits(config: &Config) -> EdgeLimits {
    let bounds = &config.args.bounds;
    EdgeLimits {
        request_bytes: bounds.max_request_bytes,
        message_bytes: bounds.max_message_bytes,
        answer_bytes: bounds.max_answer_bytes,
        socket_operations: bounds.max_socket_operations,
        patience: Duration::from_secs(bounds.ping_seconds.into()),
    }
}

fn origins(config: &Config) -> Origins {
    let listed = config.args.cors_origins.clone();
    Origins { listed, this_machine: config.origins_on_this_machine }
}

fn public_url(config: &Config, address: SocketAddr) -> anyhow::Result<Url> {
    match &config.args.public_url {
        Some(url) => Ok(url.clone()),
        None => Ok(Url::parse(&format!("http://{address}"))?),
    }
}

/// The providers that have a key.
fn registry(config: &Config) -> anyhow::Result<Registry> {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    let (args, keys) = (&config.args, &config.keys);
    let pace = kie_pace(args.submissions_per_10_seconds, args.queries_per_second);
    if let Some(key) = &keys.nano_banana {
        let api = ApiClient::new(args.nanobanana_base_url.clone(), key.clone())?;
        providers.push(Arc::new(NanoBanana::new(api, pace)));
    }
    if let Some(key) = &keys.flux_kontext {
        let api = ApiClient::new(args.flux_kontext_base_url.clone(), key.clone())?;
        let webhook_key = keys.flux_kontext_webhook.clone();
        providers.push(Arc::new(FluxKontext::new(api, pace, webhook_key)));
    }
    if let Some(key) = &keys.ace_data {
        let api = ApiClient::new(args.ace_data_base_url.clone(), key.clone())?;
        let pace = ace_pace(args.ace_data_jobs_at_once, args.ace_data_queries_per_second);
        providers.push(Arc::new(AceData::new(api, pace, application(config)?)));
    }
    Ok(Registry::new(providers))
}

/// Where Ace Data Cloud's balance is read, when the operator says how.
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
            .with_context(|| format!("PLANTAIN_BLOCKED_TERMS is {}", file.display()))?,
        None => BlockedTerms::default(),
    };
    Ok(Policy {
        blocked_terms,
        upload_bytes: args.bounds.max_upload_bytes,
        limits: Limits { unfinished_tasks: args.max_unfinished_tasks },
        credits_low: Credits::from_f64(args.credits_low)
            .context("PLANTAIN_CREDITS_LOW is out of range")?,
        allow_private_addresses: config.allow_private_addresses,
    })
}
