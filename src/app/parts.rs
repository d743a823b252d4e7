//! The parts of a gateway, each from its section of the configuration.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use graphql_engine::{Engine, parse_manifest};
use secrecy::ExposeSecret;
use url::Url;

use crate::auth::{JwksClient, TokenVerifier};
use crate::clock::Clock;
use crate::commands::{BlockedTerms, Commands, Dependencies, Policy};
use crate::config::{ApiConfig, Config};
use crate::domain::ProviderName;
use crate::feed::Feed;
use crate::graphql::{self, Api, UserRate};
use crate::hints::{Hints, Nats};
use crate::ids::Ids;
use crate::image_store::{ImageStore, ImageWork};
use crate::links::Links;
use crate::metrics::Metrics;
use crate::outbound::{Egress, Fetcher, WebhookClient};
use crate::providers::{
    AceData, ApiClient, Application, FluxKontext, NanoBanana, Provider, Registry,
};
use crate::rounds::Rounds;
use crate::store::{ReadStore, Store, StoreOptions, Stores};
use crate::user_turns::UserTurns;
use crate::workers::{Settings, WorkerContext};

/// One reads while the other commits; more would only wait for the row of their user.
const MAX_CONCURRENT_SUBMISSIONS: usize = 2;
const MAX_WAITING_SUBMISSIONS: usize = 1_000;
/// Less than the deadline of an operation of the database.
const MAX_SUBMISSION_WAIT: Duration = Duration::from_secs(20);

pub(super) fn stores(config: &Config) -> anyhow::Result<Stores> {
    let options = StoreOptions {
        url: config.database.url.expose_secret().to_owned(),
        direct_url: config.database.direct_url.as_ref().map(|url| url.expose_secret().to_owned()),
        max_connections: config.database.max_connections,
        initial_quota: config.tasks.initial_quota,
        metrics: Metrics::new(&ProviderName::ALL.map(ProviderName::slug)),
    };
    let stores = Stores::open(&options, &Hints::default(), config.tasks.timings);
    stores.context("DATABASE_URL cannot be used")
}

pub(super) fn worker_context(
    config: &Config,
    store: Store,
    address: SocketAddr,
    clock: Clock,
    ids: Ids,
) -> anyhow::Result<WorkerContext> {
    if config.has_environment_proxy && config.fetch_proxy.is_none() {
        tracing::warn!(
            "results and webhooks are requested without the proxy of HTTPS_PROXY, which would bypass the guard against private addresses; set PLANTAIN_FETCH_PROXY to a proxy that refuses them itself"
        );
    }
    let egress = Egress {
        allow_private: config.tasks.allow_private_addresses,
        proxy: config.fetch_proxy.clone(),
    };
    let public_url = match &config.server.public_url {
        Some(url) => url.clone(),
        None => Url::parse(&format!("http://{address}"))?,
    };
    let image_store = ImageStore::open(&config.storage)
        .with_context(|| format!("cannot use {} as image store", config.storage))?;
    let registry = registry(config)?;
    Ok(WorkerContext {
        hints: store.hints(),
        nats: None,
        metrics: store.metrics(),
        store,
        fetcher: Fetcher::new(&egress)?,
        webhook_client: WebhookClient::new(&egress)?,
        image_store,
        image_work: ImageWork::default(),
        rounds: Rounds::default(),
        links: Links::new(public_url, &config.link_secrets),
        instance: ids.uuid(clock.now()),
        clock,
        ids,
        settings: Settings {
            timings: config.tasks.timings,
            confirm_callbacks: config.tasks.confirm_callbacks,
            retention: config.retention,
        },
        catalog: Arc::new(registry.catalog()),
        registry,
    })
}

/// The NATS server that carries hints between replicas.
pub(super) async fn nats(config: &Config) -> anyhow::Result<Option<Nats>> {
    let Some(url) = &config.database.nats_url else { return Ok(None) };
    Ok(Some(Nats::connect(url).await.context("PLANTAIN_EVENTS_URL cannot be used")?))
}

pub(super) fn token_verifier(config: &Config, clock: &Clock) -> anyhow::Result<TokenVerifier> {
    let auth = &config.auth;
    let issuer =
        auth.jwks_url.clone().map(|url| JwksClient::new(url, clock.clone())).transpose()?;
    let claims = auth.claims.clone();
    Ok(TokenVerifier::new(auth.jwt_secret.as_ref(), issuer, claims, clock.clone()))
}

pub(super) fn commands(
    config: &Config,
    ctx: &WorkerContext,
    clients: &Store,
    feed: &Feed,
) -> anyhow::Result<Commands> {
    Ok(Commands::new(Dependencies {
        store: clients.clone(),
        reads: clients.reads(),
        feed: feed.clone(),
        catalog: Arc::clone(&ctx.catalog),
        links: ctx.links.clone(),
        clock: ctx.clock.clone(),
        ids: ctx.ids.clone(),
        policy: Arc::new(policy(config)?),
        metrics: ctx.metrics.clone(),
        submissions: Arc::new(UserTurns::new(
            MAX_CONCURRENT_SUBMISSIONS,
            MAX_WAITING_SUBMISSIONS,
            MAX_SUBMISSION_WAIT,
        )),
    }))
}

fn policy(config: &Config) -> anyhow::Result<Policy> {
    let tasks = &config.tasks;
    let blocked_terms = match &tasks.blocked_terms {
        Some(file) => BlockedTerms::read(file)
            .with_context(|| format!("cannot use {} as PLANTAIN_BLOCKED_TERMS", file.display()))?,
        None => BlockedTerms::default(),
    };
    Ok(Policy {
        blocked_terms,
        upload_bytes: config.server.upload_bytes,
        limits: tasks.limits,
        low_credits_threshold: tasks.low_credits_threshold,
        allow_private_addresses: tasks.allow_private_addresses,
    })
}

pub(super) fn graphql_engine(
    config: &Config,
    ctx: &WorkerContext,
    reads: ReadStore,
    commands: &Commands,
    feed: &Feed,
) -> anyhow::Result<Engine> {
    let settings = &config.graphql;
    let trusted = settings.trusted_documents.as_deref().map(trusted_documents).transpose()?;
    let api = Api {
        commands: commands.clone(),
        reads,
        feed: feed.clone(),
        hints: ctx.hints.clone(),
        catalog: Arc::clone(&ctx.catalog),
        links: ctx.links.clone(),
        clock: ctx.clock.clone(),
        metrics: ctx.metrics.clone(),
        webhook_changes: Arc::new(UserRate::per_minute(settings.max_webhook_changes)),
    };
    graphql::engine(api, settings.limits, settings.operation_timeout, trusted.as_deref())
        .context("GraphQL cannot be set up; check PLANTAIN_TRUSTED_DOCUMENTS")
}

fn trusted_documents(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let read = || -> anyhow::Result<_> { Ok(parse_manifest(&std::fs::read_to_string(path)?)?) };
    read().with_context(|| format!("cannot use {} as PLANTAIN_TRUSTED_DOCUMENTS", path.display()))
}

/// Creates the providers that have an API key.
fn registry(config: &Config) -> anyhow::Result<Registry> {
    let client = |api: &ApiConfig| ApiClient::new(api.base_url.clone(), api.key.clone());
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some(api) = &config.providers.nano_banana {
        providers.push(Arc::new(NanoBanana::new(client(api)?, api.rate_limits)));
    }
    if let Some(flux) = &config.providers.flux_kontext {
        let (api, webhook_key) = (client(&flux.api)?, flux.webhook_key.clone());
        providers.push(Arc::new(FluxKontext::new(api, flux.api.rate_limits, webhook_key)));
    }
    if let Some(ace) = &config.providers.ace_data {
        let application = match &ace.platform {
            Some(platform) => Some(Application {
                platform: ApiClient::new(platform.base_url.clone(), platform.token.clone())?,
                id: platform.application_id.clone(),
            }),
            None => None,
        };
        providers.push(Arc::new(AceData::new(client(&ace.api)?, ace.api.rate_limits, application)));
    }
    Ok(Registry::new(providers))
}
