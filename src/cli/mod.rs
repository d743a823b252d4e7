//! Commands for the person on call: they read and change the database of a gateway, which need not be running.

mod doctor;
mod output;
mod providers;
mod tasks;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser};
use tokio::time::timeout;

pub use doctor::DoctorArgs;
pub use providers::ProvidersCommand;
pub use tasks::TasksCommand;

use crate::app::Tools;
use crate::commands::Operator;
use crate::config::{Config, GatewayArgs};

/// Maximum time of one command.
const TIMEOUT: Duration = Duration::from_mins(5);
/// The file in which `plantain dev` writes the URL of its private Postgres, in the data folder.
pub(crate) const DATABASE_URL_FILE: &str = "database-url";

/// Which gateway, and how the result is printed.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// The gateway's database [default: the one of `plantain dev` with this data folder]. All other settings come from
    /// the same environment variables as those of `plantain serve`
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,

    /// Data folder of `plantain dev`
    #[arg(long, env = "PLANTAIN_DATA_DIR", value_name = "FOLDER", default_value = ".plantain")]
    data_dir: PathBuf,

    /// Who acts, for the audit log
    #[arg(long = "as", env = "USER", value_name = "NAME", default_value = "unknown")]
    name: String,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads the gateway's settings from the environment alone.
#[derive(Debug, Parser)]
struct Environment {
    #[command(flatten)]
    gateway: GatewayArgs,
}

impl CommonArgs {
    /// The gateway's settings, the URL of its database, and whether that is the private one of `plantain dev`.
    fn gateway(&self) -> anyhow::Result<(GatewayArgs, String, bool)> {
        let (url, is_dev) = self.database()?;
        let environment = Environment::try_parse_from(["plantain"])?;
        let data_dir = self.data_dir.clone();
        let mut args = GatewayArgs { data_dir, ..environment.gateway }.without_empty();
        args.database_url = Some(url.clone());
        if is_dev {
            // As `plantain dev` does.
            let simulated = || Some("simulated".to_owned());
            args.nanobanana_api_key = args.nanobanana_api_key.or_else(simulated);
            args.flux_kontext_api_key = args.flux_kontext_api_key.or_else(simulated);
            args.ace_data_api_key = args.ace_data_api_key.or_else(simulated);
        }
        Ok((args, url, is_dev))
    }

    /// The URL of the database, and whether it is the private one of `plantain dev`.
    fn database(&self) -> anyhow::Result<(String, bool)> {
        if let Some(url) = self.database_url.clone().filter(|url| !url.is_empty()) {
            return Ok((url, false));
        }
        let file = self.data_dir.join(DATABASE_URL_FILE);
        let url = std::fs::read_to_string(&file).with_context(|| {
            "DATABASE_URL is not set, and no `plantain dev` has run with this data folder; set DATABASE_URL, or PLANTAIN_DATA_DIR"
        })?;
        Ok((url.trim().to_owned(), true))
    }

    /// Who uses the command line.
    fn operator(&self) -> Operator {
        Operator(format!("cli:{}", self.name))
    }

    fn tools(&self) -> anyhow::Result<Tools> {
        let (args, url, _) = self.gateway()?;
        Tools::new(&Config::for_operator(args, url))
    }
}

/// Stops a command that a silent database would block.
async fn within_timeout<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    timeout(TIMEOUT, work).await.context("the command has not finished within 5 minutes")?
}
