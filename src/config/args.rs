//! Flags and their environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use url::Url;

use super::StorageArgs;
use crate::http::Profile;
use crate::providers::{AceData, FluxKontext, NanoBanana};

/// Settings of the gateway.
#[derive(Debug, Clone, Args)]
pub struct GatewayArgs {
    /// Postgres 14 or newer, as <postgres://user:password@host/database>
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Connections to Postgres, at most
    #[arg(long, env = "PLANTAIN_DATABASE_CONNECTIONS", value_name = "COUNT", default_value_t = 20)]
    pub database_connections: u32,

    /// Apply missing migrations at the start
    #[arg(long, env = "PLANTAIN_MIGRATE", default_value_t = true, action = ArgAction::Set)]
    pub migrate: bool,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "PLANTAIN_BIND", value_name = "ADDRESS", default_value = "127.0.0.1:4000")]
    pub bind: SocketAddr,

    /// How the outside reaches the gateway: base of callback, image and upload links [default: http:// and
    /// the address]
    #[arg(long, env = "PLANTAIN_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<Url>,

    /// Signs callback paths, image links and upload links, 32 bytes or more; several, separated by commas: the
    /// first signs, all verify
    #[arg(long, env = "PLANTAIN_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub secret: Option<String>,

    /// HS256 secret of the users' tokens, 32 bytes or more; `serve` needs it or the next
    #[arg(long, env = "PLANTAIN_JWT_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// The issuer's public keys for RS256, ES256 and `EdDSA`, such as
    /// <https://project.supabase.co/auth/v1/.well-known/jwks.json>
    #[arg(long, env = "PLANTAIN_JWKS_URL", value_name = "URL")]
    pub jwks_url: Option<Url>,

    /// The issuer that tokens must have [default: not checked]
    #[arg(long, env = "PLANTAIN_JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,

    /// The audience that tokens must have [default: not checked]
    #[arg(long, env = "PLANTAIN_JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,

    /// Folder of the default image store and, under `dev`, of the private Postgres
    #[arg(long, env = "PLANTAIN_DATA_DIR", value_name = "FOLDER", default_value = ".plantain")]
    pub data_dir: PathBuf,

    /// Image store, as <file:///folder> or <s3://bucket/prefix> [default: the folder `images` in the data
    /// folder]
    #[arg(long, env = "PLANTAIN_STORAGE_URL", value_name = "URL")]
    pub storage_url: Option<Url>,

    /// How long after submission, and between, an unfinished task is asked for, in seconds
    #[arg(long, env = "PLANTAIN_POLL_SECONDS", value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub poll_seconds: u32,

    /// A task still unfinished after this many seconds fails as `UPSTREAM_TIMEOUT`
    #[arg(long, env = "PLANTAIN_TASK_TIMEOUT_SECONDS", value_name = "SECONDS", default_value_t = 900,
        value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub task_timeout_seconds: u32,

    /// Ask the provider before a callback is believed
    #[arg(long, env = "PLANTAIN_CONFIRM_CALLBACKS", default_value_t = true, action = ArgAction::Set)]
    pub confirm_callbacks: bool,

    /// Let fetches reach loopback and private addresses [default: `dev` true, `serve` false]
    #[arg(long, env = "PLANTAIN_ALLOW_PRIVATE_ADDRESSES", value_name = "BOOL")]
    pub allow_private_addresses: Option<bool>,

    /// Unfinished tasks one user may have
    #[arg(
        long,
        env = "PLANTAIN_MAX_UNFINISHED_TASKS",
        value_name = "COUNT",
        default_value_t = 10_000
    )]
    pub max_unfinished_tasks: u32,

    /// Credits each new user starts with [default: no allowance is kept]
    #[arg(long, env = "PLANTAIN_USER_QUOTA", value_name = "CREDITS", value_parser = credits)]
    pub user_quota: Option<f64>,

    /// Below this many credits, an allowance or an account is reported low
    #[arg(long, env = "PLANTAIN_CREDITS_LOW", value_name = "CREDITS", default_value_t = 20.0)]
    pub credits_low: f64,

    /// File of terms and /regular expressions/, one a line, that a prompt must not match
    #[arg(long, env = "PLANTAIN_BLOCKED_TERMS", value_name = "FILE")]
    pub blocked_terms: Option<PathBuf>,

    /// Key of the `NanoBanana` API; the provider is on when it is set
    #[arg(long, env = "NANOBANANA_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub nanobanana_api_key: Option<String>,

    /// Where the `NanoBanana` API is
    #[arg(long, env = "NANOBANANA_BASE_URL", value_name = "URL", default_value = NanoBanana::BASE_URL)]
    pub nanobanana_base_url: Url,

    /// Key of the Flux Kontext API, of kie.ai or fluxapi.ai; the provider is on when it is set
    #[arg(long, env = "FLUX_KONTEXT_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub flux_kontext_api_key: Option<String>,

    /// Where the Flux Kontext API is; <https://api.fluxapi.ai> is the other one
    #[arg(long, env = "FLUX_KONTEXT_BASE_URL", value_name = "URL", default_value = FluxKontext::BASE_URL)]
    pub flux_kontext_base_url: Url,

    /// The `webhookHmacKey` of the kie.ai account; when set, callbacks without a valid signature are
    /// ignored
    #[arg(long, env = "FLUX_KONTEXT_WEBHOOK_KEY", value_name = "KEY", hide_env_values = true)]
    pub flux_kontext_webhook_key: Option<String>,

    /// Key of Ace Data Cloud; the provider is on when it is set
    #[arg(long, env = "ACE_DATA_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub ace_data_api_key: Option<String>,

    /// Where Ace Data Cloud's API is
    #[arg(long, env = "ACE_DATA_BASE_URL", value_name = "URL", default_value = AceData::BASE_URL)]
    pub ace_data_base_url: Url,

    /// Platform token (`platform-…`) of Ace Data Cloud; with the application's id, the balance is read
    #[arg(long, env = "ACE_DATA_PLATFORM_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub ace_data_platform_token: Option<String>,

    /// The application of Ace Data Cloud whose balance is read
    #[arg(long, env = "ACE_DATA_APPLICATION_ID", value_name = "ID")]
    pub ace_data_application_id: Option<String>,

    /// Where Ace Data Cloud's platform is
    #[arg(long, env = "ACE_DATA_PLATFORM_URL", value_name = "URL", default_value = AceData::PLATFORM_URL)]
    pub ace_data_platform_url: Url,

    /// Tasks that Ace Data Cloud works on at the same time; it refuses more than 10 per token. 0
    /// keeps everything QUEUED
    #[arg(long, env = "ACE_DATA_JOBS_AT_ONCE", value_name = "COUNT", default_value_t = 10)]
    pub ace_data_jobs_at_once: u32,

    /// Questions to Ace Data Cloud per second, each about up to 100 tasks
    #[arg(long, env = "ACE_DATA_QUERIES_PER_SECOND", value_name = "COUNT", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub ace_data_queries_per_second: u32,

    /// Submissions in any 10 seconds to `NanoBanana`, and to Flux Kontext; they refuse more than 20. 0 keeps
    /// everything QUEUED
    #[arg(
        long,
        env = "PLANTAIN_SUBMISSIONS_PER_10_SECONDS",
        value_name = "COUNT",
        default_value_t = 18
    )]
    pub submissions_per_10_seconds: u32,

    /// Questions per second to `NanoBanana`, and to Flux Kontext; they refuse more than 10
    #[arg(long, env = "PLANTAIN_QUERIES_PER_SECOND", value_name = "COUNT", default_value_t = 9,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub queries_per_second: u32,

    /// Origins of web frontends, such as <https://app.example.com>, separated by commas [default: `dev`
    /// any on this machine, `serve` none]
    #[arg(long, env = "PLANTAIN_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,

    /// JSON file of GraphQL documents by their hashes, as Relay, GraphQL Code Generator or Apollo write it;
    /// nothing else runs
    #[arg(long, env = "PLANTAIN_TRUSTED_DOCUMENTS", value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,

    /// Statuses of GraphQL over HTTP
    #[arg(long, env = "PLANTAIN_HTTP_PROFILE", value_name = "PROFILE", default_value = "audited")]
    pub http_profile: Profile,

    /// Which log lines, such as `info` or `warn,plantain=debug`
    #[arg(long, env = "PLANTAIN_LOG", value_name = "FILTER", default_value = "info,sqlx=warn")]
    pub log: String,

    /// What is kept for how long.
    #[command(flatten)]
    pub keep: KeepArgs,

    /// Where a bucket is.
    #[command(flatten)]
    pub storage: StorageArgs,

    /// What one request may ask for.
    #[command(flatten)]
    pub bounds: BoundsArgs,
}

/// What is kept for how long.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Keeping")]
pub struct KeepArgs {
    /// Days that tasks and their images are kept once they are over; those with an image on a board stay
    /// [default: for ever]
    #[arg(long, env = "PLANTAIN_KEEP_HISTORY_DAYS", value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_history_days: Option<u32>,

    /// Days that events and deliveries of webhooks are kept: a subscriber that stays away longer cannot go
    /// on from its cursor
    #[arg(long, env = "PLANTAIN_KEEP_EVENTS_DAYS", value_name = "DAYS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_events_days: u32,

    /// Days that the record of callbacks is kept
    #[arg(long, env = "PLANTAIN_KEEP_CALLBACKS_DAYS", value_name = "DAYS", default_value_t = 7,
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_callbacks_days: u32,
}

/// What one request, one connection and one user may ask for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bounds")]
pub struct BoundsArgs {
    /// Bytes of a request over HTTP
    #[arg(
        long,
        env = "PLANTAIN_MAX_REQUEST_BYTES",
        value_name = "BYTES",
        default_value_t = 1_048_576
    )]
    pub max_request_bytes: usize,

    /// Bytes of a message on a WebSocket
    #[arg(
        long,
        env = "PLANTAIN_MAX_MESSAGE_BYTES",
        value_name = "BYTES",
        default_value_t = 65_536
    )]
    pub max_message_bytes: usize,

    /// Words, signs, spaces and comments in a document
    #[arg(long, env = "PLANTAIN_MAX_TOKENS", value_name = "COUNT", default_value_t = 10_000)]
    pub max_tokens: usize,

    /// Fields within fields
    #[arg(long, env = "PLANTAIN_MAX_DEPTH", value_name = "COUNT", default_value_t = 20)]
    pub max_depth: usize,

    /// Fields and fragments in a document, each spread counted as often as it is used
    #[arg(long, env = "PLANTAIN_MAX_FIELDS", value_name = "COUNT", default_value_t = 2_000)]
    pub max_fields: usize,

    /// Fields of a document that are given another name
    #[arg(long, env = "PLANTAIN_MAX_ALIASES", value_name = "COUNT", default_value_t = 100)]
    pub max_aliases: usize,

    /// Fields of the query or mutation itself
    #[arg(long, env = "PLANTAIN_MAX_ROOT_FIELDS", value_name = "COUNT", default_value_t = 50)]
    pub max_root_fields: usize,

    /// Directives in a document
    #[arg(long, env = "PLANTAIN_MAX_DIRECTIVES", value_name = "COUNT", default_value_t = 50)]
    pub max_directives: usize,

    /// Values that an answer may hold, by the sizes of the pages that are asked for
    #[arg(long, env = "PLANTAIN_MAX_COST", value_name = "COUNT", default_value_t = 50_000)]
    pub max_cost: usize,

    /// Bytes of an answer
    #[arg(
        long,
        env = "PLANTAIN_MAX_ANSWER_BYTES",
        value_name = "BYTES",
        default_value_t = 4_194_304
    )]
    pub max_answer_bytes: usize,

    /// Bytes of an image that is sent to be edited
    #[arg(long, env = "PLANTAIN_MAX_UPLOAD_BYTES", value_name = "BYTES", default_value_t = 20_971_520,
        value_parser = clap::value_parser!(u64).range(1..=134_217_728))]
    pub max_upload_bytes: u64,

    /// Seconds until a query or a mutation is stopped; `waitSeconds` is up to 60 of them
    #[arg(long, env = "PLANTAIN_OPERATION_SECONDS", value_name = "SECONDS", default_value_t = 75,
        value_parser = clap::value_parser!(u32).range(1..=600))]
    pub operation_seconds: u32,

    /// Operations that run at once on a WebSocket
    #[arg(
        long,
        env = "PLANTAIN_MAX_SOCKET_OPERATIONS",
        value_name = "COUNT",
        default_value_t = 100
    )]
    pub max_socket_operations: usize,

    /// Sockets, streams and calls of MCP that one user may have open at this gateway
    #[arg(long, env = "PLANTAIN_MAX_USER_SOCKETS", value_name = "COUNT", default_value_t = 200)]
    pub max_user_sockets: usize,

    /// Seconds of silence until a client of a socket is asked whether it is there; as long again, and its
    /// socket ends, as does one that takes nothing for so long
    #[arg(long, env = "PLANTAIN_PING_SECONDS", value_name = "SECONDS", default_value_t = 25,
        value_parser = clap::value_parser!(u32).range(1..=300))]
    pub ping_seconds: u32,
}

fn credits(text: &str) -> Result<f64, String> {
    let credits: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    let usable = (0.0..=1e9).contains(&credits);
    usable.then_some(credits).ok_or_else(|| "it must be 0 to 1,000,000,000".to_owned())
}
