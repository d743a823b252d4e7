//! Settings: every flag has an environment variable. They are parsed once, into [`Config`].

mod args;
mod checks;
mod dev_secrets;
mod error;
mod former_names;
mod http_profile;
mod limits_args;
mod providers;
mod storage;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use graphql_engine::OperationLimits;
use graphql_engine::protocols::{ConnectionLimits, StatusProfile};
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

pub use args::{GatewayArgs, RetentionArgs};
use checks::Checks;
pub use checks::is_loopback_url;
pub use dev_secrets::{dev_token_secret, has_dev_token_secret};
pub use error::{ConfigError, ConfigErrors};
pub use former_names::arguments;
pub use http_profile::HttpProfile;
pub use limits_args::LimitsArgs;
pub use providers::{AceDataConfig, ApiConfig, FluxKontextConfig, PlatformConfig, ProvidersConfig};
pub use storage::StorageArgs;

use crate::auth::ClaimRequirements;
use crate::domain::{Credits, JobTimings};
use crate::http::{ConnectionBounds, LocalHosts, Origins};
use crate::image_store::StorageConfig;
use crate::store::UserLimits;
use crate::workers::RetentionPolicy;
use dev_secrets::dev_link_secret;

/// A complete and safe configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The database.
    pub database: DatabaseConfig,
    /// The HTTP server.
    pub server: ServerConfig,
    /// How access tokens are verified.
    pub auth: AuthConfig,
    /// Secrets of callback URLs and links: the first one signs, all of them verify.
    pub link_secrets: Vec<SecretString>,
    /// The image store.
    pub storage: StorageConfig,
    /// GraphQL operations.
    pub graphql: GraphqlConfig,
    /// How tasks run, and the limits of users.
    pub tasks: TasksConfig,
    /// The proxy for requests to URLs that others chose.
    pub fetch_proxy: Option<Url>,
    /// Whether `HTTPS_PROXY` or `ALL_PROXY` is set. Requests for results and webhooks do not use it.
    pub has_environment_proxy: bool,
    /// How long data is kept.
    pub retention: RetentionPolicy,
    /// The providers that have an API key.
    pub providers: ProvidersConfig,
    /// Filter of the log, such as `info,plantain=debug`.
    pub log: String,
    /// Where traces are exported to.
    pub trace_collector: Option<Url>,
}

/// The database.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// URL, with the password.
    pub url: SecretString,
    /// URL without a pooler, with the password. When it is set, `url` may name a pooler in transaction mode.
    pub direct_url: Option<SecretString>,
    /// Maximum number of connections.
    pub max_connections: u32,
    /// The NATS server that carries hints between replicas; without it, Postgres does.
    pub nats_url: Option<Url>,
    /// Whether missing migrations are applied at the start.
    pub migrate: bool,
}

/// The HTTP server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Address of the listener.
    pub bind: SocketAddr,
    /// Address of the listener of `/metrics`; `None` serves it on `bind`, for this machine.
    pub metrics_bind: Option<SocketAddr>,
    /// How clients and providers reach the gateway; `None` stands for the listener's address.
    pub public_url: Option<Url>,
    /// Selects the status codes of GraphQL responses.
    pub profile: StatusProfile,
    /// Web origins that may call the gateway.
    pub origins: Origins,
    /// Limits of one connection.
    pub limits: ConnectionLimits,
    /// Maximum bytes of an uploaded image.
    pub upload_bytes: u64,
    /// Maximum number of open sockets, streams and MCP calls of one user.
    pub max_user_connections: usize,
    /// Maximum number of concurrent queries and mutations of one user.
    pub max_user_operations: usize,
    /// Maximum number of subscriptions of one user.
    pub max_user_subscriptions: usize,
    /// Limits of all open connections, and of those of one address.
    pub connections: ConnectionBounds,
}

/// How access tokens are verified.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Verifies HS256 tokens.
    pub jwt_secret: Option<SecretString>,
    /// The issuer's public keys.
    pub jwks_url: Option<Url>,
    /// Claims that tokens must have.
    pub claims: ClaimRequirements,
}

/// GraphQL operations.
#[derive(Debug, Clone)]
pub struct GraphqlConfig {
    /// Limits of one operation.
    pub limits: OperationLimits,
    /// When a query or a mutation times out.
    pub operation_timeout: Duration,
    /// How often a user may change endpoints of webhooks and send messages again, in a minute.
    pub max_webhook_changes: NonZeroU32,
    /// File of the documents that may be executed; `None` allows all.
    pub trusted_documents: Option<PathBuf>,
}

/// How tasks run, and the limits of users.
#[derive(Debug, Clone)]
pub struct TasksConfig {
    /// Intervals and timeouts of jobs.
    pub timings: JobTimings,
    /// Whether a callback is confirmed by a status query.
    pub confirm_callbacks: bool,
    /// Limits of each user.
    pub limits: UserLimits,
    /// Quota of each user who has none yet, on top of what the user already spent or reserved; `None` disables
    /// quotas.
    pub initial_quota: Option<Credits>,
    /// Credits below this amount are reported as low.
    pub low_credits_threshold: Credits,
    /// File of terms that a prompt must not contain.
    pub blocked_terms: Option<PathBuf>,
    /// Whether links of users and providers may point to private addresses.
    pub allow_private_addresses: bool,
}

impl Config {
    /// Settings for production.
    ///
    /// # Errors
    /// Every setting that is missing or unsafe, each with what to do.
    pub fn for_serve(args: GatewayArgs) -> Result<Self, ConfigErrors> {
        let args = args.without_empty();
        let mut checks = Checks::default();
        let database_url = checks.database_url(args.database_url.as_deref());
        checks.direct_database_url(args.database_direct_url.as_deref());
        checks.events_url(&args.events_url);
        let link_secrets = checks.secrets("PLANTAIN_SECRET", args.secret.as_deref());
        let jwt_secret = args.jwt_secret.clone();
        checks.token_keys(jwt_secret.as_deref(), args.jwks_url.as_ref());
        checks.public_url(args.public_url.as_ref());
        let providers = ProvidersConfig::new(&args, &mut checks);
        if providers.is_empty() {
            checks.missing(
                "an API key (NANOBANANA_API_KEY, FLUX_KONTEXT_API_KEY or ACE_DATA_API_KEY)",
                "set at least one; without a provider, nothing can be generated",
            );
        }
        let origins = Origins { listed: args.cors_origins.clone(), only_local: None };
        checks.origins(&origins.listed);
        let trusted_proxies = checks.networks(&args.limits.trusted_proxies);
        let storage = checks.storage(&args);
        checks.missing_public_url(&args);
        checks.finish()?;
        let mode = ModeSettings {
            database_url,
            link_secrets,
            jwt_secret: jwt_secret.map(SecretString::from),
            origins,
            trusted_proxies,
            storage,
            providers,
            allow_private_addresses: args.allow_private_addresses.unwrap_or(false),
        };
        Ok(Self::new(args, mode))
    }

    /// Settings for one developer on one machine; what is not set has a working default.
    ///
    /// # Errors
    /// When a setting is not valid, or the data folder cannot be written.
    pub fn for_dev(args: GatewayArgs, database_url: String) -> Result<Self, ConfigErrors> {
        let args = args.without_empty();
        let mut checks = Checks::default();
        checks.direct_database_url(args.database_direct_url.as_deref());
        checks.events_url(&args.events_url);
        let trusted_proxies = checks.networks(&args.limits.trusted_proxies);
        let storage = checks.storage(&args);
        let public = args.public_url.as_ref().map(host_and_port);
        let only_local = Some(LocalHosts { public });
        let origins = Origins { listed: args.cors_origins.clone(), only_local };
        checks.origins(&origins.listed);
        checks.jwks_url(args.jwks_url.as_ref(), true);
        let link_secrets = checks.dev_secrets(
            "PLANTAIN_SECRET",
            args.secret.as_deref(),
            dev_link_secret(&args.data_dir),
        );
        let jwt_secret = checks.dev_secrets(
            "PLANTAIN_JWT_SECRET",
            args.jwt_secret.as_deref(),
            dev_token_secret(&args.data_dir),
        );
        let providers = ProvidersConfig::new(&args, &mut checks);
        checks.finish()?;
        let mode = ModeSettings {
            database_url,
            link_secrets,
            jwt_secret: jwt_secret.into_iter().next(),
            origins,
            trusted_proxies,
            storage,
            providers,
            allow_private_addresses: args.allow_private_addresses.unwrap_or(true),
        };
        Ok(Self::new(args, mode))
    }

    /// Settings for a command that works on this database and serves nothing: what is missing is not needed.
    #[must_use]
    pub fn for_operator(args: GatewayArgs, database_url: String) -> Self {
        let args = args.without_empty();
        let mut checks = Checks::default();
        let mode = ModeSettings {
            database_url,
            link_secrets: args.secret.clone().map(SecretString::from).into_iter().collect(),
            jwt_secret: None,
            origins: Origins { listed: Vec::new(), only_local: None },
            trusted_proxies: Vec::new(),
            storage: checks.storage(&args),
            providers: ProvidersConfig::new(&args, &mut checks),
            allow_private_addresses: args.allow_private_addresses.unwrap_or(false),
        };
        Self::new(args, mode)
    }

    fn new(args: GatewayArgs, mode: ModeSettings) -> Self {
        let days = |days: u32| TimeDelta::days(days.into());
        let limits = args.user_limits();
        Self {
            database: database_config(&args, mode.database_url),
            server: ServerConfig {
                bind: args.bind,
                metrics_bind: args.metrics_bind,
                public_url: args.public_url.clone(),
                profile: args.http_profile.into(),
                origins: mode.origins,
                limits: args.limits.connection(),
                upload_bytes: args.limits.max_upload_bytes,
                max_user_connections: args.limits.max_user_sockets,
                max_user_operations: args.limits.max_user_operations,
                max_user_subscriptions: args.limits.max_user_subscriptions,
                connections: ConnectionBounds {
                    total: args.limits.max_connections,
                    per_address: args.limits.max_address_connections,
                    trusted_proxies: mode.trusted_proxies,
                },
            },
            auth: AuthConfig {
                jwt_secret: mode.jwt_secret,
                jwks_url: args.jwks_url,
                claims: ClaimRequirements { issuer: args.jwt_issuer, audience: args.jwt_audience },
            },
            link_secrets: mode.link_secrets,
            storage: mode.storage,
            graphql: GraphqlConfig {
                limits: args.limits.operation(),
                max_webhook_changes: args.limits.max_webhook_changes,
                operation_timeout: Duration::from_secs(
                    args.limits.operation_timeout_seconds.into(),
                ),
                trusted_documents: args.trusted_documents,
            },
            fetch_proxy: args.fetch_proxy,
            has_environment_proxy: has_proxy_in_environment(),
            tasks: TasksConfig {
                timings: JobTimings {
                    poll_interval: TimeDelta::seconds(args.poll_seconds.into()),
                    task_timeout: TimeDelta::seconds(args.task_timeout_seconds.into()),
                },
                confirm_callbacks: args.confirm_callbacks,
                limits,
                initial_quota: args.user_quota,
                low_credits_threshold: args.credits_low,
                blocked_terms: args.blocked_terms,
                allow_private_addresses: mode.allow_private_addresses,
            },
            retention: RetentionPolicy {
                history: args.retention.history_retention_days.map(days),
                events: days(args.retention.event_retention_days),
                callbacks: days(args.retention.callback_retention_days),
            },
            providers: mode.providers,
            log: args.log,
            trace_collector: args.otlp_endpoint,
        }
    }
}

fn database_config(args: &GatewayArgs, url: String) -> DatabaseConfig {
    DatabaseConfig {
        url: url.into(),
        direct_url: args.database_direct_url.clone().map(SecretString::from),
        max_connections: args.database_connections,
        nats_url: (args.events_url.scheme() != "postgres").then(|| args.events_url.clone()),
        migrate: args.migrate,
    }
}

/// As the header `host` names it: without the default port of the scheme.
fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The settings that `serve` and `dev` decide differently.
struct ModeSettings {
    database_url: String,
    link_secrets: Vec<SecretString>,
    jwt_secret: Option<SecretString>,
    origins: Origins,
    trusted_proxies: Vec<IpNet>,
    storage: StorageConfig,
    providers: ProvidersConfig,
    allow_private_addresses: bool,
}

#[cfg(test)]
mod tests;

/// The variables that reqwest reads for the clients of the providers' APIs.
fn has_proxy_in_environment() -> bool {
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
