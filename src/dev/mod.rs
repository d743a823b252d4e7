//! `plantain dev`: private Postgres, simulator and gateway on one machine, without configuration or
//! accounts.

mod simulator;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use plantain_dev_postgres::{Durability, PrivatePostgres};
use plantain_simulator::{Simulator, SimulatorOptions};
pub use simulator::{SimulatorArgs, run_simulator};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::auth::{Role, TokenSigner};
use crate::cli::DATABASE_URL_FILE;
use crate::clock::Clock;
use crate::config::{Config, GatewayArgs, is_loopback_url};
use crate::domain::UserId;
use crate::examples;
use crate::fail_point::clock_error;
use crate::http::{PageConfig, PageUser};
use crate::ids::Ids;
use crate::telemetry::{self, LogFormat};

/// The user whose token `dev` prints.
const DEV_USER: &str = "dev";
/// The development users of the console; several, to see what one user can see of another.
const DEV_USERS: [(&str, Role); 4] =
    [(DEV_USER, Role::User), ("ana", Role::User), ("ben", Role::User), ("operator", Role::Admin)];
/// 30 days, so that the token of a long-running `dev` does not expire.
const TOKEN_SECONDS: u32 = 30 * 24 * 3600;
/// The initial balance of the simulated provider accounts.
const SIMULATED_CREDITS: f64 = 10_000.0;

/// Settings of `plantain dev`.
#[derive(Debug, Clone, Args)]
pub struct DevArgs {
    /// The gateway's settings.
    #[command(flatten)]
    pub gateway: GatewayArgs,

    /// Address of the simulated providers; port 0 selects a free port
    #[arg(
        long,
        env = "PLANTAIN_SIMULATOR_BIND",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4001"
    )]
    pub simulator_bind: SocketAddr,

    /// Milliseconds that a simulated generation takes
    #[arg(
        long,
        env = "PLANTAIN_SIMULATOR_DELAY_MS",
        value_name = "MILLISECONDS",
        default_value_t = 3_000
    )]
    pub simulator_delay_ms: u64,
}

/// Runs everything until `shutdown` completes.
///
/// # Errors
/// When a part cannot be started; the message says which, and what to do.
pub async fn run(
    args: DevArgs,
    shutdown: impl Future<Output = ()>,
    print_line: &(dyn Fn(&str) + Send + Sync),
) -> anyhow::Result<()> {
    let args = DevArgs { gateway: args.gateway.without_empty(), ..args };
    let collector = args.gateway.otlp_endpoint.as_ref();
    let _telemetry = telemetry::start(LogFormat::Text, &args.gateway.log, collector)?;
    std::fs::create_dir_all(&args.gateway.data_dir).with_context(|| {
        format!(
            "cannot create {}; set PLANTAIN_DATA_DIR to a folder that you can write to",
            args.gateway.data_dir.display()
        )
    })?;
    let postgres = match args.gateway.database_url {
        Some(_) => None,
        None => Some(private_postgres(&args.gateway, print_line).await?),
    };
    if let Some(postgres) = &postgres {
        // For `plantain tasks`, `plantain providers` and `plantain doctor`.
        std::fs::write(args.gateway.data_dir.join(DATABASE_URL_FILE), postgres.url("plantain"))?;
    }
    let result = run_with(&args, postgres.as_ref(), shutdown, print_line).await;
    if let Some(postgres) = postgres {
        postgres.stop().await?;
    }
    result
}

async fn private_postgres(
    args: &GatewayArgs,
    print_line: &(dyn Fn(&str) + Send + Sync),
) -> anyhow::Result<PrivatePostgres> {
    let folder = args.data_dir.join("postgres");
    PrivatePostgres::start(&folder, Durability::Durable, print_line)
        .await
        .context("the private Postgres did not start; set DATABASE_URL to use another server")
}

async fn run_with(
    args: &DevArgs,
    postgres: Option<&PrivatePostgres>,
    shutdown: impl Future<Output = ()>,
    print_line: &(dyn Fn(&str) + Send + Sync),
) -> anyhow::Result<()> {
    let simulator = Simulator::build(SimulatorOptions {
        bind: args.simulator_bind,
        credits: SIMULATED_CREDITS,
        delay: Duration::from_millis(args.simulator_delay_ms),
        journal: Some(args.gateway.data_dir.join("simulator.jsonl")),
        enforce_limits: true,
        webhook_key: args.gateway.flux_kontext_webhook_key.clone(),
        clock: Clock::system(),
    })
    .await?;
    let config = config(args, postgres, &simulator)?;
    let clock = Clock::following();
    clock.correct(clock_error());
    let secret = config.auth.jwt_secret.as_ref().context("there is no secret for tokens")?;
    let signer = TokenSigner::new(secret, config.auth.claims.clone(), clock.clone());
    let token = issue(&signer, DEV_USER, Role::User)?;
    let users = if is_local_only(&args.gateway) { users(&signer)? } else { Vec::new() };
    let page = PageConfig { users, examples: examples::all() };
    let app = App::build(&config, page, clock, Ids::random()).await?;
    let address = app.address()?;
    tracing::info!("listening on http://{address}");
    print_line(&banner(address, &simulator, &token)?);
    let stop = CancellationToken::new();
    let _stop_simulator = stop.clone().drop_guard();
    tokio::select! {
        () = app.run_until(shutdown) => Ok(()),
        result = simulator.run_until(stop) => {
            result?;
            bail!("the simulator stopped unexpectedly")
        }
    }
}

/// Whether only this machine can open the pages. Whoever opens them can read the tokens of the
/// development users.
fn is_local_only(args: &GatewayArgs) -> bool {
    args.bind.ip().is_loopback() && args.public_url.as_ref().is_none_or(is_loopback_url)
}

fn users(signer: &TokenSigner) -> anyhow::Result<Vec<PageUser>> {
    let user = |(id, role): (&str, Role)| {
        Ok(PageUser { id: id.to_owned(), role, token: issue(signer, id, role)? })
    };
    DEV_USERS.into_iter().map(user).collect()
}

fn issue(signer: &TokenSigner, id: &str, role: Role) -> anyhow::Result<String> {
    let claim = (role == Role::Admin).then_some("admin");
    Ok(signer.issue(&UserId::parse(id)?, claim, TOKEN_SECONDS)?)
}

/// The gateway's settings. A provider without an API key is simulated; a key enables the real one, which costs money.
fn config(
    args: &DevArgs,
    postgres: Option<&PrivatePostgres>,
    simulator: &Simulator,
) -> anyhow::Result<Config> {
    let mut gateway = args.gateway.clone();
    if postgres.is_some() {
        // It would name another database.
        gateway.database_direct_url = None;
    }
    let private = postgres.map(|postgres| postgres.url("plantain"));
    let database_url = private.or_else(|| gateway.database_url.clone()).unwrap_or_default();
    let simulated = Some("simulated".to_owned());
    if gateway.nanobanana_api_key.is_none() {
        gateway.nanobanana_api_key.clone_from(&simulated);
        gateway.nanobanana_base_url = simulator.url()?;
    }
    if gateway.flux_kontext_api_key.is_none() {
        gateway.flux_kontext_api_key.clone_from(&simulated);
        gateway.flux_kontext_base_url = simulator.url()?;
    }
    if gateway.ace_data_api_key.is_none() {
        gateway.ace_data_api_key.clone_from(&simulated);
        gateway.ace_data_base_url = simulator.url()?;
        gateway.ace_data_platform_url = simulator.url()?;
        gateway.ace_data_platform_token.clone_from(&simulated);
        gateway.ace_data_application_id.clone_from(&simulated);
    }
    Ok(Config::for_dev(gateway, database_url)?)
}

fn banner(address: SocketAddr, simulator: &Simulator, token: &str) -> anyhow::Result<String> {
    let operation = r#"mutation { generateImages(input: {prompt: \"a tin robot watering basil\", waitSeconds: 30}) { ... on TaskAccepted { task { status images { url } } } } }"#;
    Ok(format!(
        r#"
  Plantain is ready.

  Console   http://{address}/
  GraphiQL  http://{address}/graphiql
  GraphQL   http://{address}/graphql
  Simulator {simulator}

  Access token of the user `{DEV_USER}`
  {token}

  Generate an image, then open the URL in the response:

  curl -s http://{address}/graphql -H 'content-type: application/json' -H 'authorization: Bearer {token}' -d '{{"query":"{operation}"}}'

  Ctrl-C stops everything. The history is kept.
"#,
        simulator = simulator.url()?,
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        gateway: GatewayArgs,
    }

    #[test]
    fn the_pages_contain_tokens_only_when_no_other_machine_is_meant_to_open_them() {
        let is_local_only = |flags: &[&str]| {
            let flags = ["dev"].iter().chain(flags);
            super::is_local_only(&Arguments::parse_from(flags).gateway)
        };
        let (local, public) = ("--bind=127.0.0.1:0", "--bind=0.0.0.0:0");
        assert!(is_local_only(&[local, "--public-url=http://localhost:4000"]));
        assert!(!is_local_only(&[local, "--public-url=https://tunnel.example.com"]));
        assert!(!is_local_only(&[public, "--public-url=http://localhost:4000"]));
    }
}
