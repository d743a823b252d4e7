//! Settings: every flag has an environment variable, and the only place that reads either is here.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::auth::Expectations;
use crate::providers::{AceData, FluxKontext, NanoBanana};

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
    /// What the providers know the gateway by.
    pub keys: Keys,
    /// Everything that can be used as it was given.
    pub args: GatewayArgs,
}

/// What the providers know the gateway by; a provider without its key is off.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Of the `NanoBanana` API.
    pub nano_banana: Option<SecretString>,
    /// Of the Flux Kontext API.
    pub flux_kontext: Option<SecretString>,
    /// What kie.ai signs callbacks with.
    pub flux_kontext_webhook: Option<SecretString>,
    /// Of Ace Data Cloud.
    pub ace_data: Option<SecretString>,
    /// Of Ace Data Cloud's platform.
    pub ace_data_platform: Option<SecretString>,
}

impl Keys {
    /// An empty variable is as good as none.
    fn new(args: &GatewayArgs) -> Self {
        let secret = |text: &Option<String>| {
            text.clone().filter(|text| !text.is_empty()).map(SecretString::from)
        };
        Self {
            nano_banana: secret(&args.nanobanana_api_key),
            flux_kontext: secret(&args.flux_kontext_api_key),
            flux_kontext_webhook: secret(&args.flux_kontext_webhook_key),
            ace_data: secret(&args.ace_data_api_key),
            ace_data_platform: secret(&args.ace_data_platform_token),
        }
    }

    const fn are_missing(&self) -> bool {
        self.nano_banana.is_none() && self.flux_kontext.is_none() && self.ace_data.is_none()
    }
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
        if Keys::new(&args).are_missing() {
            problems.push(
                "NANOBANANA_API_KEY, FLUX_KONTEXT_API_KEY and ACE_DATA_API_KEY are missing; without one of them nothing can be generated"
                    .to_owned(),
            );
        }
        problems.extend(check_public_url(args.public_url.as_ref()));
        problems.extend(check_storage_url(args.storage_url.as_ref()));
        problems.extend(check_halves(&args));
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
            keys: Keys::new(&args),
            args,
        }
    }
}

/// Settings that would be ignored without another.
fn check_halves(args: &GatewayArgs) -> Vec<String> {
    let mut problems = Vec::new();
    if args.ace_data_platform_token.is_some() != args.ace_data_application_id.is_some() {
        problems.push(
            "ACE_DATA_PLATFORM_TOKEN and ACE_DATA_APPLICATION_ID read the balance together; set both or neither"
                .to_owned(),
        );
    }
    let unsigned = args
        .flux_kontext_base_url
        .domain()
        .is_some_and(|host| host == "fluxapi.ai" || host.ends_with(".fluxapi.ai"));
    if unsigned && args.flux_kontext_webhook_key.is_some() {
        problems.push(
            "FLUX_KONTEXT_WEBHOOK_KEY is set, but only kie.ai signs its callbacks, and every unsigned one would be ignored; leave it out for fluxapi.ai"
                .to_owned(),
        );
    }
    problems
}

/// The secret that `token` signs with: the configured one, or that of `dev`.
#[must_use]
pub fn dev_jwt_secret(configured: Option<&str>) -> SecretString {
    configured.unwrap_or(DEV_JWT_SECRET).into()
}

fn credits(text: &str) -> Result<f64, String> {
    let credits: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    let usable = (0.0..=1e9).contains(&credits);
    usable.then_some(credits).ok_or_else(|| "it must be 0 to 1,000,000,000".to_owned())
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

#[cfg(test)]
mod tests;
