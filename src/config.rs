//! Settings: every flag has an environment variable, and the only place that reads either is here.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::auth::Expectations;
use crate::providers::NanoBanana;

/// Signs tokens under `dev`, which only listens on this machine; `serve` refuses it.
const DEV_JWT_SECRET: &str = "plantain development only: not a secret at all";
/// Signs links under `dev`; `serve` refuses it.
const DEV_SECRET: &str = "plantain development only: signs callbacks and links";
const MIN_SECRET_BYTES: usize = 32;

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

    /// How the outside reaches the gateway: base of callback and image links [default: http:// and
    /// the address]
    #[arg(long, env = "PLANTAIN_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<Url>,

    /// Signs callback paths and image links, 32 bytes or more; several, separated by commas: the
    /// first signs, all verify
    #[arg(long, env = "PLANTAIN_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub secret: Option<String>,

    /// HS256 secret of the users' tokens, 32 bytes or more
    #[arg(long, env = "PLANTAIN_JWT_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// The issuer that tokens must have [default: not checked]
    #[arg(long, env = "PLANTAIN_JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,

    /// The audience that tokens must have [default: not checked]
    #[arg(long, env = "PLANTAIN_JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,

    /// Folder of the default image store and, under `dev`, of the private Postgres
    #[arg(long, env = "PLANTAIN_DATA_DIR", value_name = "FOLDER", default_value = ".plantain")]
    pub data_dir: PathBuf,

    /// Image store, as <file:///folder> [default: the folder `images` in the data folder]
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

    /// Below this many credits, an account is reported low
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

    /// Submissions per provider in any 10 seconds; providers refuse more than 20
    #[arg(
        long,
        env = "PLANTAIN_SUBMISSIONS_PER_10_SECONDS",
        value_name = "COUNT",
        default_value_t = 18
    )]
    pub submissions_per_10_seconds: u32,

    /// Which log lines, such as `info` or `warn,plantain=debug`
    #[arg(long, env = "PLANTAIN_LOG", value_name = "FILTER", default_value = "info,sqlx=warn")]
    pub log: String,
}

/// A complete and safe configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Postgres is.
    pub database_url: SecretString,
    /// Signs links, the first of them.
    pub secrets: Vec<SecretString>,
    /// Verifies tokens.
    pub jwt_secret: SecretString,
    /// What is asked of tokens.
    pub expectations: Expectations,
    /// Where images are kept.
    pub image_folder: PathBuf,
    /// Whether fetches may reach private addresses.
    pub allow_private_addresses: bool,
    /// Key of the `NanoBanana` API.
    pub nanobanana_key: Option<SecretString>,
    /// Everything that can be used as it was given.
    pub args: GatewayArgs,
}

impl Config {
    /// Settings for production.
    ///
    /// # Errors
    /// Every setting that is missing or unsafe, each with what to do.
    pub fn for_serve(args: GatewayArgs) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let database_url = args.database_url.clone().unwrap_or_else(|| {
            problems.push(
                "DATABASE_URL is missing; set it to postgres://user:password@host/database"
                    .to_owned(),
            );
            String::new()
        });
        let postgres = ["postgres://", "postgresql://"];
        if !database_url.is_empty()
            && !postgres.iter().any(|scheme| database_url.starts_with(scheme))
        {
            problems.push("DATABASE_URL must begin with postgres://".to_owned());
        }
        let secrets = check_secrets("PLANTAIN_SECRET", args.secret.as_deref(), &mut problems);
        let jwt_secret = args.jwt_secret.as_deref();
        check_secret("PLANTAIN_JWT_SECRET", jwt_secret.unwrap_or_default(), &mut problems);
        if args.nanobanana_api_key.as_deref().unwrap_or_default().is_empty() {
            problems.push(
                "NANOBANANA_API_KEY is missing; without a provider's key nothing can be generated"
                    .to_owned(),
            );
        }
        problems.extend(check_public_url(args.public_url.as_ref()));
        problems.extend(check_storage_url(args.storage_url.as_ref()));
        if !problems.is_empty() {
            return Err(problems);
        }
        let allow_private = args.allow_private_addresses.unwrap_or(false);
        let jwt_secret = jwt_secret.unwrap_or_default().into();
        Ok(Self::new(args, database_url, secrets, jwt_secret, allow_private))
    }

    /// Settings for one developer on one machine; what is left out has a working default.
    ///
    /// # Errors
    /// When the known development secrets would be reachable from other machines.
    pub fn for_dev(args: GatewayArgs, database_url: String) -> Result<Self, Vec<String>> {
        let mut problems = Vec::from_iter(check_storage_url(args.storage_url.as_ref()));
        let own_secrets = args.secret.is_some() && args.jwt_secret.is_some();
        if !args.bind.ip().is_loopback() && !own_secrets {
            problems.push(format!(
                "PLANTAIN_BIND is {}, which other machines can reach, and the development secrets are known to all; set PLANTAIN_SECRET and PLANTAIN_JWT_SECRET",
                args.bind,
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let secrets = split_secrets(args.secret.as_deref().unwrap_or(DEV_SECRET));
        let jwt_secret = dev_jwt_secret(args.jwt_secret.as_deref());
        let allow_private = args.allow_private_addresses.unwrap_or(true);
        Ok(Self::new(args, database_url, secrets, jwt_secret, allow_private))
    }

    fn new(
        args: GatewayArgs,
        database_url: String,
        secrets: Vec<SecretString>,
        jwt_secret: SecretString,
        allow_private_addresses: bool,
    ) -> Self {
        let image_folder = args.storage_url.as_ref().and_then(|url| url.to_file_path().ok());
        Self {
            database_url: database_url.into(),
            secrets,
            jwt_secret,
            expectations: Expectations {
                issuer: args.jwt_issuer.clone(),
                audience: args.jwt_audience.clone(),
            },
            image_folder: image_folder.unwrap_or_else(|| args.data_dir.join("images")),
            allow_private_addresses,
            nanobanana_key: args.nanobanana_api_key.clone().map(SecretString::from),
            args,
        }
    }
}

/// The secret that `token` signs with: the configured one, or that of `dev`.
#[must_use]
pub fn dev_jwt_secret(configured: Option<&str>) -> SecretString {
    configured.unwrap_or(DEV_JWT_SECRET).into()
}

fn split_secrets(text: &str) -> Vec<SecretString> {
    text.split(',').map(|secret| secret.trim().into()).collect()
}

fn check_secrets(name: &str, text: Option<&str>, problems: &mut Vec<String>) -> Vec<SecretString> {
    let secrets = split_secrets(text.unwrap_or_default());
    for secret in &secrets {
        check_secret(name, secret.expose_secret(), problems);
    }
    secrets
}

fn check_secret(name: &str, secret: &str, problems: &mut Vec<String>) {
    let problem = if secret.is_empty() {
        "is missing; set it to a random text of 32 bytes or more, such as from `openssl rand -hex 32`"
    } else if secret.len() < MIN_SECRET_BYTES {
        "is shorter than 32 bytes; use a random text such as from `openssl rand -hex 32`"
    } else if secret == DEV_SECRET || secret == DEV_JWT_SECRET {
        "is the development secret, which is known to all; use a random one"
    } else {
        return;
    };
    problems.push(format!("{name} {problem}"));
}

fn check_public_url(url: Option<&Url>) -> Option<String> {
    let url = url?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (!usable).then(|| {
        "PLANTAIN_PUBLIC_URL must be a plain http or https address without user, query or fragment".to_owned()
    })
}

fn check_storage_url(url: Option<&Url>) -> Option<String> {
    let url = url?;
    let usable = url.scheme() == "file" && url.to_file_path().is_ok();
    (!usable).then(|| "PLANTAIN_STORAGE_URL must be file:///folder".to_owned())
}
