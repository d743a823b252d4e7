//! The command line.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use plantain::app::App;
use plantain::auth::{ClaimRequirements, TokenSigner};
use plantain::causes::with_causes;
use plantain::cli::{DoctorArgs, ProvidersCommand, TasksCommand};
use plantain::clock::Clock;
use plantain::config::{self, Config, GatewayArgs, dev_token_secret, has_dev_token_secret};
#[cfg(feature = "dev")]
use plantain::dev::{self, DevArgs, SimulatorArgs};
use plantain::domain::UserId;
use plantain::http::PageConfig;
use plantain::ids::Ids;
use plantain::store::check_pooler;
use plantain::telemetry::{self, LogFormat};
use plantain::{examples, graphql, mcp, outbound, store};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Exit status when settings are missing, invalid or unsafe, or when the gateway cannot start.
const EXIT_CANNOT_START: u8 = 2;

/// One GraphQL endpoint in front of asynchronous AI image generation.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything on this machine: private Postgres, simulated providers and gateway
    #[cfg(feature = "dev")]
    Dev(DevArgs),
    /// Runs the gateway in production
    Serve(GatewayArgs),
    /// Applies the database migrations and exits
    Migrate(MigrateArgs),
    /// Prints the GraphQL schema
    Schema,
    /// Prints an access token for a user, signed with the configured secret or the one of `dev`
    Token(TokenArgs),
    /// Runs only the simulated providers
    #[cfg(feature = "dev")]
    Simulator(SimulatorArgs),
    /// Exits with status 0 when a gateway on this machine is ready, for container health checks
    Health(HealthArgs),
    /// Checks the settings, the database, the image store, the providers and the public URL
    Doctor(DoctorArgs),
    /// Lists and changes tasks of all users, for the person on call
    #[command(subcommand)]
    Tasks(TasksCommand),
    /// Lists, pauses and resumes providers, for the person on call
    #[command(subcommand)]
    Providers(ProvidersCommand),
    /// Runs an MCP server over stdio for desktop assistants, connected to a gateway
    Mcp(McpArgs),
}

#[derive(Debug, Args)]
struct MigrateArgs {
    /// Postgres 14 or newer, as <postgres://user:password@host/database>
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: String,

    /// The same database without a pooler: needed when `DATABASE_URL` names a pooler in
    /// transaction mode
    #[arg(long, env = "PLANTAIN_DATABASE_DIRECT_URL", value_name = "URL", hide_env_values = true)]
    database_direct_url: Option<String>,
}

#[derive(Debug, Args)]
struct TokenArgs {
    /// The user's id, 1 to 255 characters
    #[arg(long, value_name = "ID")]
    sub: String,

    /// `admin` gives the user the role ADMIN
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,

    /// Seconds until the token expires
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    ttl: u32,

    /// HS256 secret [default: the one of `dev` with this data folder]
    #[arg(long, env = "PLANTAIN_JWT_SECRET", value_name = "TEXT", hide_env_values = true)]
    jwt_secret: Option<String>,

    /// Folder with the secret of `dev`
    #[arg(long, env = "PLANTAIN_DATA_DIR", value_name = "FOLDER", default_value = ".plantain")]
    data_dir: PathBuf,

    /// Issuer (`iss`) of the token
    #[arg(long, env = "PLANTAIN_JWT_ISSUER", value_name = "TEXT")]
    jwt_issuer: Option<String>,

    /// Audience (`aud`) of the token
    #[arg(long, env = "PLANTAIN_JWT_AUDIENCE", value_name = "TEXT")]
    jwt_audience: Option<String>,
}

#[derive(Debug, Args)]
struct HealthArgs {
    /// Address of the gateway; one that stands for all addresses means this machine
    #[arg(long, env = "PLANTAIN_BIND", value_name = "ADDRESS", default_value = "127.0.0.1:4000")]
    bind: SocketAddr,
}

impl HealthArgs {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let ip =
            if self.bind.ip().is_unspecified() { "127.0.0.1".parse()? } else { self.bind.ip() };
        let url = format!("http://{}/readyz", SocketAddr::new(ip, self.bind.port()));
        let answer = outbound::probe(&url.parse()?).await;
        if let Err(error) = &answer {
            write_stderr(&format!("{url} does not answer with 200: {}", with_causes(error)));
        }
        Ok(if answer.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[derive(Debug, Args)]
struct McpArgs {
    /// URL of the gateway
    #[arg(long, env = "PLANTAIN_URL", value_name = "URL", default_value = "http://127.0.0.1:4000")]
    url: Url,

    /// The user's access token, such as from `plantain token`
    #[arg(long, env = "PLANTAIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: SecretString,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse_from(config::arguments(write_stderr)).command;
    match Box::pin(run(command)).await {
        Ok(code) => code,
        Err(error) => {
            write_stderr(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        #[cfg(feature = "dev")]
        Command::Dev(args) => Box::pin(dev::run(args, shutdown_signal()?, &write_stderr)).await?,
        Command::Serve(args) => return serve(args).await,
        Command::Migrate(args) => migrate(args).await?,
        Command::Schema => write_stdout(&graphql::sdl())?,
        Command::Token(args) => write_stdout(&(token(&args)? + "\n"))?,
        #[cfg(feature = "dev")]
        Command::Simulator(args) => dev::run_simulator(args, shutdown_signal()?).await?,
        Command::Health(args) => return args.run().await,
        Command::Doctor(args) => {
            let (text, is_healthy) = args.run().await?;
            write_stdout(&text)?;
            return Ok(if is_healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Tasks(command) => write_stdout(&command.run().await?)?,
        Command::Providers(command) => write_stdout(&command.run().await?)?,
        Command::Mcp(args) => mcp::bridge(&args.url, &args.token).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: GatewayArgs) -> anyhow::Result<ExitCode> {
    let config = match Config::for_serve(args) {
        Ok(config) => config,
        Err(errors) => {
            write_stderr(&errors.to_string());
            return Ok(ExitCode::from(EXIT_CANNOT_START));
        }
    };
    let _telemetry =
        telemetry::start(LogFormat::Json, &config.log, config.trace_collector.as_ref())?;
    let page = PageConfig { users: Vec::new(), examples: examples::all() };
    let mut shutdown = Box::pin(shutdown_signal()?);
    // The database may be away: a stop must not wait for it.
    let built = tokio::select! {
        built = App::build(&config, page, Clock::following(), Ids::random()) => built,
        () = &mut shutdown => return Ok(ExitCode::SUCCESS),
    };
    let app = match built {
        Ok(app) => app,
        Err(error) => {
            write_stderr(&format!("{error:#}").replace('\n', " "));
            return Ok(ExitCode::from(EXIT_CANNOT_START));
        }
    };
    tracing::info!(address = %app.address()?, "listening on http://{}", app.address()?);
    app.run_until(shutdown).await;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(args: MigrateArgs) -> anyhow::Result<()> {
    let direct_url = args.database_direct_url.filter(|url| !url.is_empty());
    let url = &direct_url.unwrap_or(args.database_url);
    match check_pooler(url, None).await {
        Err(error) if error.is_permanent() => return Err(error.into()),
        _ => {}
    }
    store::migrate(url).await.context("cannot apply the migrations")?;
    write_stderr("The database is up to date.");
    Ok(())
}

fn token(args: &TokenArgs) -> anyhow::Result<String> {
    let claim_requirements =
        ClaimRequirements { issuer: args.jwt_issuer.clone(), audience: args.jwt_audience.clone() };
    let secret = match args.jwt_secret.as_deref().filter(|secret| !secret.is_empty()) {
        Some(secret) => secret.into(),
        None => local_secret(&args.data_dir)?,
    };
    let user = UserId::parse(args.sub.clone()).context("--sub must have 1 to 255 characters")?;
    Ok(TokenSigner::new(&secret, claim_requirements, Clock::system()).issue(
        &user,
        args.role.as_deref(),
        args.ttl,
    )?)
}

/// The secret of `plantain dev` in this folder.
fn local_secret(data_folder: &Path) -> anyhow::Result<SecretString> {
    let is_new = !has_dev_token_secret(data_folder);
    let secret =
        dev_token_secret(data_folder).context("the folder of PLANTAIN_DATA_DIR cannot be used")?;
    if is_new {
        write_stderr(&format!(
            "Created a secret in {}: only a `plantain dev` that uses this folder accepts the token.",
            data_folder.display()
        ));
    }
    Ok(secret)
}

/// Completes on SIGINT (Ctrl-C) or SIGTERM.
fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Writes a line to standard error; standard output is for logs and results.
fn write_stderr(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn write_stdout(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())
}
