//! Command-line flags and their environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use url::Url;

use super::{HttpProfile, LimitsArgs, StorageArgs};
use crate::domain::Credits;
use crate::providers::{AceData, FluxKontext, NanoBanana};
use crate::store::UserLimits;

/// Settings of the gateway.
#[derive(Debug, Clone, Args)]
pub struct GatewayArgs {
    /// Postgres 14 or newer, as <postgres://user:password@host/database>
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// The same database without a pooler, for migrations and LISTEN: needed when `DATABASE_URL`
    /// names a pooler in transaction mode
    #[arg(long, env = "PLANTAIN_DATABASE_DIRECT_URL", value_name = "URL", hide_env_values = true)]
    pub database_direct_url: Option<String>,

    /// What carries hints between replicas: `postgres:`, or a NATS server as <nats://host:4222>; a path names the
    /// subject
    #[arg(
        long,
        env = "PLANTAIN_EVENTS_URL",
        value_name = "URL",
        default_value = "postgres:",
        hide_env_values = true
    )]
    pub events_url: Url,

    /// Maximum number of connections to Postgres, at least 8
    #[arg(long, env = "PLANTAIN_DATABASE_CONNECTIONS", value_name = "COUNT", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(8..))]
    pub database_connections: u32,

    /// Apply missing migrations at startup
    #[arg(long, env = "PLANTAIN_MIGRATE", default_value_t = true, action = ArgAction::Set)]
    pub migrate: bool,

    /// Address to listen on; port 0 selects a free port
    #[arg(long, env = "PLANTAIN_BIND", value_name = "ADDRESS", default_value = "127.0.0.1:4000")]
    pub bind: SocketAddr,

    /// Address of a listener for `/metrics` alone, which answers everyone [default: `/metrics` is
    /// on the main address, for this machine and for administrators only]
    #[arg(long, env = "PLANTAIN_METRICS_BIND", value_name = "ADDRESS")]
    pub metrics_bind: Option<SocketAddr>,

    /// Public URL of the gateway: the base of callback, image and upload links [default: http://
    /// and the listening address, if that is on loopback]
    #[arg(long, env = "PLANTAIN_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<Url>,

    /// Secret that signs callback, image and upload links, at least 32 bytes. With several secrets,
    /// separated by commas, the first one signs and all verify
    #[arg(long, env = "PLANTAIN_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub secret: Option<String>,

    /// HS256 secret of the access tokens, at least 32 bytes; `serve` requires this or
    /// `PLANTAIN_JWKS_URL`
    #[arg(long, env = "PLANTAIN_JWT_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// URL of the issuer's public keys for RS256, ES256 and `EdDSA`, such as
    /// <https://project.supabase.co/auth/v1/.well-known/jwks.json>
    #[arg(long, env = "PLANTAIN_JWKS_URL", value_name = "URL")]
    pub jwks_url: Option<Url>,

    /// Required issuer (`iss`) of access tokens [default: not checked]
    #[arg(long, env = "PLANTAIN_JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,

    /// Required audience (`aud`) of access tokens [default: not checked]
    #[arg(long, env = "PLANTAIN_JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,

    /// Folder of the default image store and, under `dev`, of the private Postgres
    #[arg(long, env = "PLANTAIN_DATA_DIR", value_name = "FOLDER", default_value = ".plantain")]
    pub data_dir: PathBuf,

    /// URL of the image store: <file:///folder> or <s3://bucket/prefix> [default: the folder
    /// `images` in the data folder]
    #[arg(long, env = "PLANTAIN_STORAGE_URL", value_name = "URL")]
    pub storage_url: Option<Url>,

    /// Seconds between status queries for an unfinished task, and before the first one
    #[arg(long, env = "PLANTAIN_POLL_SECONDS", value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub poll_seconds: u32,

    /// Seconds until a task fails with `UPSTREAM_TIMEOUT`: from its first postponed submission until
    /// a provider accepts it, and again until the provider has finished. Time in the queue does not
    /// count
    #[arg(long, env = "PLANTAIN_TASK_TIMEOUT_SECONDS", value_name = "SECONDS", default_value_t = 900,
        value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub task_timeout_seconds: u32,

    /// Confirm each callback with a status query to the provider before it is applied
    #[arg(long, env = "PLANTAIN_CONFIRM_CALLBACKS", default_value_t = true, action = ArgAction::Set)]
    pub confirm_callbacks: bool,

    /// Allow requests to loopback and private addresses [default: `dev` true, `serve` false]
    #[arg(long, env = "PLANTAIN_ALLOW_PRIVATE_ADDRESSES", value_name = "BOOL")]
    pub allow_private_addresses: Option<bool>,

    /// HTTP proxy for requests to URLs that others chose: results, webhooks. It must refuse private addresses itself;
    /// a proxy in `HTTPS_PROXY` is used for the APIs of the providers only
    #[arg(long, env = "PLANTAIN_FETCH_PROXY", value_name = "URL")]
    pub fetch_proxy: Option<Url>,

    /// Maximum number of unfinished tasks per user
    #[arg(
        long,
        env = "PLANTAIN_MAX_UNFINISHED_TASKS",
        value_name = "COUNT",
        default_value_t = 10_000
    )]
    pub max_unfinished_tasks: u32,

    /// Maximum bytes of the images and uploads of one user; new tasks and uploads are rejected above it
    #[arg(
        long,
        env = "PLANTAIN_MAX_STORED_BYTES",
        value_name = "BYTES",
        default_value_t = 53_687_091_200
    )]
    pub max_stored_bytes: u64,

    /// Initial quota: the credits that are available at first to each user who has no quota yet [default: users have no quota]
    #[arg(long, env = "PLANTAIN_USER_QUOTA", value_name = "CREDITS", value_parser = credits)]
    pub user_quota: Option<Credits>,

    /// Credits below which a quota or a provider account is reported as low
    #[arg(long, env = "PLANTAIN_CREDITS_LOW", value_name = "CREDITS", default_value = "20", value_parser = credits)]
    pub credits_low: Credits,

    /// File of blocked terms and /regular expressions/ for prompts, one per line
    #[arg(long, env = "PLANTAIN_BLOCKED_TERMS", value_name = "FILE")]
    pub blocked_terms: Option<PathBuf>,

    /// API key of `NanoBanana`; the provider is enabled when it is set
    #[arg(long, env = "NANOBANANA_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub nanobanana_api_key: Option<String>,

    /// Base URL of the `NanoBanana` API
    #[arg(long, env = "NANOBANANA_BASE_URL", value_name = "URL", default_value = NanoBanana::BASE_URL)]
    pub nanobanana_base_url: Url,

    /// API key of Flux Kontext, from kie.ai or fluxapi.ai; the provider is enabled when it is set
    #[arg(long, env = "FLUX_KONTEXT_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub flux_kontext_api_key: Option<String>,

    /// Base URL of the Flux Kontext API; for fluxapi.ai: <https://api.fluxapi.ai>
    #[arg(long, env = "FLUX_KONTEXT_BASE_URL", value_name = "URL", default_value = FluxKontext::BASE_URL)]
    pub flux_kontext_base_url: Url,

    /// The `webhookHmacKey` of the kie.ai account; when it is set, callbacks without a valid
    /// signature are ignored
    #[arg(long, env = "FLUX_KONTEXT_WEBHOOK_KEY", value_name = "KEY", hide_env_values = true)]
    pub flux_kontext_webhook_key: Option<String>,

    /// API key of Ace Data Cloud; the provider is enabled when it is set
    #[arg(long, env = "ACE_DATA_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub ace_data_api_key: Option<String>,

    /// Base URL of the Ace Data Cloud API
    #[arg(long, env = "ACE_DATA_BASE_URL", value_name = "URL", default_value = AceData::BASE_URL)]
    pub ace_data_base_url: Url,

    /// Platform token (`platform-…`) of Ace Data Cloud; required, with the application's id, to
    /// read the balance
    #[arg(long, env = "ACE_DATA_PLATFORM_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub ace_data_platform_token: Option<String>,

    /// Id of the Ace Data Cloud application whose balance is read
    #[arg(long, env = "ACE_DATA_APPLICATION_ID", value_name = "ID")]
    pub ace_data_application_id: Option<String>,

    /// Base URL of the Ace Data Cloud platform API
    #[arg(long, env = "ACE_DATA_PLATFORM_URL", value_name = "URL", default_value = AceData::PLATFORM_URL)]
    pub ace_data_platform_url: Url,

    /// Maximum number of concurrent jobs at Ace Data Cloud, which allows 10 per token; with 0,
    /// tasks stay QUEUED
    #[arg(
        long,
        alias = "ace-data-jobs-at-once",
        env = "ACE_DATA_MAX_CONCURRENT_JOBS",
        value_name = "COUNT",
        default_value_t = 10
    )]
    pub ace_data_max_concurrent_jobs: u32,

    /// Status queries to Ace Data Cloud per second; one covers up to 100 tasks
    #[arg(long, env = "ACE_DATA_QUERIES_PER_SECOND", value_name = "COUNT", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub ace_data_queries_per_second: u32,

    /// Maximum number of submissions in any 10 seconds to each of `NanoBanana` and Flux Kontext,
    /// which allow 20; with 0, tasks stay QUEUED
    #[arg(
        long,
        env = "PLANTAIN_SUBMISSIONS_PER_10_SECONDS",
        value_name = "COUNT",
        default_value_t = 18
    )]
    pub submissions_per_10_seconds: u32,

    /// Status queries per second to each of `NanoBanana` and Flux Kontext, which allow 10
    #[arg(long, env = "PLANTAIN_QUERIES_PER_SECOND", value_name = "COUNT", default_value_t = 9,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub queries_per_second: u32,

    /// Allowed origins of web frontends, such as <https://app.example.com>, separated by commas
    /// [default: `dev` any loopback origin, `serve` none]
    #[arg(long, env = "PLANTAIN_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,

    /// JSON file of trusted GraphQL documents by their ids, as Relay, GraphQL Code Generator or
    /// Apollo writes it; all other documents are rejected
    #[arg(long, env = "PLANTAIN_TRUSTED_DOCUMENTS", value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,

    /// HTTP status codes of GraphQL responses: `audited` (by the audits of graphql-http) or `draft`
    #[arg(long, env = "PLANTAIN_HTTP_PROFILE", value_name = "PROFILE", default_value = "audited")]
    pub http_profile: HttpProfile,

    /// Log filter, such as `info` or `warn,plantain=debug`
    #[arg(long, env = "PLANTAIN_LOG", value_name = "FILTER", default_value = "info,sqlx=warn")]
    pub log: String,

    /// Collector of traces, by OTLP over HTTP, such as <http://127.0.0.1:4318> [default: no traces]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<Url>,

    /// How long data is kept.
    #[command(flatten)]
    pub retention: RetentionArgs,

    /// Access to the bucket of the image store.
    #[command(flatten)]
    pub storage: StorageArgs,

    /// Limits for requests, connections and users.
    #[command(flatten)]
    pub limits: LimitsArgs,
}

impl GatewayArgs {
    /// The limits of one user's tasks and objects.
    pub(super) const fn user_limits(&self) -> UserLimits {
        UserLimits {
            max_unfinished_tasks: self.max_unfinished_tasks,
            max_stored_bytes: self.max_stored_bytes,
        }
    }

    /// These settings, in which an empty variable counts as unset.
    #[must_use]
    pub fn without_empty(mut self) -> Self {
        let storage = &mut self.storage;
        let texts = [
            &mut self.database_url,
            &mut self.database_direct_url,
            &mut self.secret,
            &mut self.jwt_secret,
            &mut self.jwt_issuer,
            &mut self.jwt_audience,
            &mut self.nanobanana_api_key,
            &mut self.flux_kontext_api_key,
            &mut self.flux_kontext_webhook_key,
            &mut self.ace_data_api_key,
            &mut self.ace_data_platform_token,
            &mut self.ace_data_application_id,
            &mut storage.aws_access_key_id,
            &mut storage.aws_secret_access_key,
            &mut storage.aws_session_token,
            &mut storage.aws_region,
            &mut storage.aws_default_region,
            &mut storage.aws_endpoint_url,
            &mut storage.aws_endpoint,
        ];
        for text in texts {
            text.take_if(|text| text.is_empty());
        }
        self
    }
}

/// How long data is kept.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retention")]
pub struct RetentionArgs {
    /// Days to keep finished tasks and their images, except tasks with an image on a board
    /// [default: kept indefinitely]
    #[arg(long, alias = "keep-history-days", env = "PLANTAIN_HISTORY_RETENTION_DAYS", value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub history_retention_days: Option<u32>,

    /// Days to keep events and webhook deliveries; a subscriber cannot resume from an older cursor
    #[arg(long, alias = "keep-events-days", env = "PLANTAIN_EVENT_RETENTION_DAYS", value_name = "DAYS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub event_retention_days: u32,

    /// Days to recognize repeated callbacks; secrets are removed from its body once it is processed
    #[arg(long, alias = "keep-callbacks-days", env = "PLANTAIN_CALLBACK_RETENTION_DAYS", value_name = "DAYS", default_value_t = 7,
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub callback_retention_days: u32,
}

/// An amount that is not valid.
#[derive(Debug, thiserror::Error)]
#[error("credits must be a number from 0 to 1,000,000,000")]
struct InvalidCredits;

fn credits(text: &str) -> Result<Credits, InvalidCredits> {
    let credits: f64 = text.parse().map_err(|_| InvalidCredits)?;
    let credits = (0.0..=1e9).contains(&credits).then(|| Credits::from_f64(credits)).flatten();
    credits.ok_or(InvalidCredits)
}
