//! `plantain doctor`: checks a gateway from its settings to its providers.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;
use url::Url;

use super::output::{duration, lines, print, printable};
use super::{CommonArgs, within_timeout};
use crate::app::Tools;
use crate::causes::with_causes;
use crate::config::{Config, GatewayArgs, is_loopback_url};
use crate::domain::{ProviderName, Timestamp};
use crate::outbound::probe;
use crate::providers::Provider;
use crate::store::{ProviderAccount, StoreError};

/// Maximum time of one check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(20);
/// A greater difference between the clocks of this machine and of the database is reported.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::seconds(5);
/// An older queued task is reported.
const MAX_QUEUE_AGE: TimeDelta = TimeDelta::minutes(10);
/// The oldest supported Postgres, as `server_version_num` has it.
const MIN_POSTGRES: u32 = 140_000;
/// The object with which the image store is tried.
const PROBE_FOLDER: &str = "doctor";

/// Arguments of `plantain doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    common: CommonArgs,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Error,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    /// What was found, and what to do.
    detail: String,
}

impl Check {
    fn new(name: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into() }
    }
}

impl DoctorArgs {
    /// Runs all checks. Returns what to print, and whether no check has found an error.
    ///
    /// # Errors
    /// When no check can run; a check that fails is a result.
    pub async fn run(self) -> anyhow::Result<(String, bool)> {
        within_timeout(async {
            let checks = self.checks().await?;
            let is_healthy = checks.iter().all(|check| check.status != Status::Error);
            let value = json!({ "healthy": is_healthy, "checks": checks });
            Ok((print(self.common.json, &value, || describe(&checks, is_healthy)), is_healthy))
        })
        .await
    }

    async fn checks(&self) -> anyhow::Result<Vec<Check>> {
        let (args, url, is_dev) = self.common.gateway()?;
        let mut checks = settings(&args, is_dev);
        let tools = Tools::new(&Config::for_operator(args.clone(), url))?;
        checks.push(database(&tools, &args).await);
        if checks.last().is_some_and(|check| check.status == Status::Error) {
            checks.push(Check::new(
                "other checks",
                Status::Warning,
                "Skipped: they need the database.",
            ));
            return Ok(checks);
        }
        checks.push(migrations(&tools).await);
        checks.push(clock(&tools).await);
        checks.push(image_store(&tools).await);
        checks.extend(providers(&tools, is_dev).await);
        checks.push(public_url(&args, is_dev).await);
        checks.push(callbacks(&tools).await);
        checks.push(queue(&tools).await);
        checks.push(accounts(&tools).await);
        Ok(checks)
    }
}

/// For people: a line for each check.
fn describe(checks: &[Check], is_healthy: bool) -> String {
    let line = |check: &Check| {
        let mark = match check.status {
            Status::Ok => "ok     ",
            Status::Warning => "warning",
            Status::Error => "ERROR  ",
        };
        format!("{mark}  {}: {}", check.name, check.detail)
    };
    let summary = if is_healthy { "No errors." } else { "There are errors." };
    lines(checks.iter().map(line).chain([summary.to_owned()]))
}

/// The settings of `serve`; those of `dev` have safe defaults.
fn settings(args: &GatewayArgs, is_dev: bool) -> Vec<Check> {
    if is_dev {
        return vec![Check::new("settings", Status::Ok, "Those of `plantain dev`.")];
    }
    match Config::for_serve(args.clone()) {
        Ok(_) => vec![Check::new("settings", Status::Ok, "Complete and safe.")],
        Err(errors) => {
            let each = errors
                .0
                .iter()
                .map(|error| Check::new("settings", Status::Error, error.to_string()));
            each.collect()
        }
    }
}

async fn database(tools: &Tools, args: &GatewayArgs) -> Check {
    let name = "database";
    let settings = match within(tools.reads.server_settings()).await {
        Ok(settings) => settings,
        Err(error) => return Check::new(name, Status::Error, error),
    };
    let setting = |name: &str| settings.get(name).map_or("", String::as_str);
    let version: u32 = setting("server_version_num").parse().unwrap_or_default();
    if version < MIN_POSTGRES {
        let detail = format!("Postgres {} is too old; 14 is needed.", setting("server_version"));
        return Check::new(name, Status::Error, detail);
    }
    let unsafe_settings: Vec<&str> = ["fsync", "full_page_writes", "synchronous_commit"]
        .into_iter()
        .filter(|name| setting(name) == "off")
        .collect();
    if !unsafe_settings.is_empty() {
        let detail = format!(
            "{} is off: a crash of the database can lose accepted tasks. Turn it on.",
            unsafe_settings.join(", ")
        );
        return Check::new(name, Status::Warning, detail);
    }
    let most: u32 = setting("max_connections").parse().unwrap_or_default();
    let used = args.database_connections;
    let detail = format!(
        "Postgres {}; a gateway uses up to {used} of {most} connections.",
        setting("server_version")
    );
    let status = if used * 2 > most { Status::Warning } else { Status::Ok };
    Check::new(name, status, detail)
}

async fn migrations(tools: &Tools) -> Check {
    match within(tools.reads.check()).await {
        Ok(true) => Check::new("migrations", Status::Ok, "All are applied."),
        Ok(false) => {
            Check::new("migrations", Status::Error, "Some are missing; run `plantain migrate`.")
        }
        Err(error) => Check::new("migrations", Status::Error, error),
    }
}

async fn clock(tools: &Tools) -> Check {
    let before = tools.clock.now();
    match within(tools.stores.clients.database_time()).await {
        Ok(time) => {
            let difference = (time - before).abs();
            let status =
                if difference > MAX_CLOCK_DIFFERENCE { Status::Warning } else { Status::Ok };
            let detail = format!(
                "{} ms between this machine and the database. Gateways follow the database; tokens and links need the right time.",
                difference.num_milliseconds()
            );
            Check::new("clocks", status, detail)
        }
        Err(error) => Check::new("clocks", Status::Error, error),
    }
}

/// Writes, reads and deletes an object.
async fn image_store(tools: &Tools) -> Check {
    let path = format!("{PROBE_FOLDER}/{}", tools.clock.now().timestamp_millis());
    let bytes = Bytes::from_static(b"plantain doctor");
    let probe = async {
        tools.image_store.put(&path, bytes.clone()).await?;
        let read = tools.image_store.get(&path).await?;
        tools.image_store.remove_folder(PROBE_FOLDER).await?;
        Ok::<bool, crate::image_store::ImageStoreError>(read == bytes)
    };
    match timeout(CHECK_TIMEOUT, probe).await {
        Ok(Ok(true)) => Check::new("image store", Status::Ok, "Written, read and deleted."),
        Ok(Ok(false)) => {
            Check::new("image store", Status::Error, "It returned other bytes than were written.")
        }
        Ok(Err(error)) => Check::new("image store", Status::Error, with_causes(&error).to_string()),
        Err(_) => Check::new("image store", Status::Error, "It did not answer within 20 s."),
    }
}

/// Whether each provider takes tasks, and its key works.
async fn providers(tools: &Tools, is_dev: bool) -> Vec<Check> {
    let accounts = within(tools.reads.list_provider_accounts()).await.unwrap_or_default();
    let mut checks = Vec::new();
    for name in ProviderName::ALL {
        let account = ProviderAccount::of(&accounts, name);
        let (status, detail) =
            match (tools.registry.get(name), problem(&account, tools.clock.now())) {
                (None, _) => continue,
                (Some(_), Some(problem)) => (Status::Warning, problem),
                (Some(_), None) if is_dev => (Status::Ok, "simulated by `plantain dev`".to_owned()),
                (Some(provider), None) => balance(&**provider).await,
            };
        checks.push(Check::new("provider", status, format!("{}: {detail}.", name.slug())));
    }
    checks
}

/// Why the provider takes no tasks.
fn problem(account: &ProviderAccount, now: Timestamp) -> Option<String> {
    if let Some(pause) = account.operator_pause {
        let reason = account.operator_reason.as_deref().unwrap_or_default();
        return Some(printable(&format!("an operator has set it to {}: {reason}", pause.name())));
    }
    let reason =
        account.breaker.current_reason(now).filter(|_| !account.breaker.is_available(now))?;
    Some(format!("its circuit breaker is open: {}", reason.name()))
}

/// Reads the balance with the key.
async fn balance(provider: &dyn Provider) -> (Status, String) {
    match timeout(CHECK_TIMEOUT, provider.balance()).await.ok().flatten() {
        Some(balance) => (Status::Ok, format!("{} credits", balance.as_f64())),
        None => (
            Status::Warning,
            "its balance could not be read: check the key, and whether this machine reaches the provider".to_owned(),
        ),
    }
}

/// Whether providers can reach the gateway, as far as this machine can find out.
async fn public_url(args: &GatewayArgs, is_dev: bool) -> Check {
    let name = "public URL";
    let Some(url) = &args.public_url else {
        return if is_dev {
            Check::new(name, Status::Ok, "Not needed: the simulated providers are on this machine.")
        } else {
            let detail = "PLANTAIN_PUBLIC_URL is not set: providers cannot send callbacks, so tasks are polled.";
            Check::new(name, Status::Warning, detail)
        };
    };
    if is_loopback_url(url) {
        let detail = format!("{url} is this machine: providers cannot reach it.");
        return Check::new(name, if is_dev { Status::Ok } else { Status::Error }, detail);
    }
    if url.scheme() != "https" {
        let detail = format!("{url} is not https: links and callbacks can be read on their way.");
        return Check::new(name, Status::Warning, detail);
    }
    match probe(&liveness(url)).await {
        Ok(()) => Check::new(name, Status::Ok, format!("{url} answers, with a valid certificate.")),
        Err(error) => {
            let detail = format!(
                "{url} does not answer from here: {}. Providers may still reach it.",
                with_causes(&error)
            );
            Check::new(name, Status::Warning, detail)
        }
    }
}

/// The URL of the liveness check below the public URL.
fn liveness(public_url: &Url) -> Url {
    let mut url = public_url.clone();
    url.set_path(&format!("{}/livez", public_url.path().trim_end_matches('/')));
    url
}

async fn callbacks(tools: &Tools) -> Check {
    let name = "callbacks";
    let now = tools.clock.now();
    let share = match within(tools.reads.callback_share(now - TimeDelta::hours(24))).await {
        Ok(share) => share,
        Err(error) => return Check::new(name, Status::Error, error),
    };
    if share.finished == 0 {
        return Check::new(name, Status::Ok, "No task has succeeded in the last 24 hours.");
    }
    let last = share.last.map_or_else(
        || "none was kept".to_owned(),
        |at| format!("the last one {} ago", duration((now - at).num_seconds())),
    );
    let detail = format!(
        "{} of {} finished calls of the last 24 hours had a callback, {last}.",
        share.called_back, share.finished
    );
    if share.called_back == 0 {
        let advice = "Providers do not reach PLANTAIN_PUBLIC_URL: check the proxy and the firewall. Tasks are polled meanwhile.";
        return Check::new(name, Status::Warning, format!("{detail} {advice}"));
    }
    Check::new(name, Status::Ok, detail)
}

async fn queue(tools: &Tools) -> Check {
    let queues = match within(tools.reads.list_queues()).await {
        Ok(queues) => queues,
        Err(error) => return Check::new("queue", Status::Error, error),
    };
    let now = tools.clock.now();
    let oldest = queues.iter().filter_map(|queue| queue.oldest).min();
    let depth: u64 = queues.iter().map(|queue| queue.depth).sum();
    let age = oldest.map(|at| now - at).unwrap_or_default();
    let detail = format!("{depth} jobs wait, the oldest for {}.", duration(age.num_seconds()));
    if age > MAX_QUEUE_AGE {
        let advice = "Is a gateway running? See `plantain providers list` and `plantain tasks list --status QUEUED --oldest`.";
        return Check::new("queue", Status::Warning, format!("{detail} {advice}"));
    }
    Check::new("queue", Status::Ok, detail)
}

async fn accounts(tools: &Tools) -> Check {
    match within(tools.reads.list_unbalanced_accounts()).await {
        Ok(accounts) if accounts.is_empty() => Check::new(
            "accounts",
            Status::Ok,
            "All totals equal their ledgers, as far as they were checked.",
        ),
        Ok(accounts) => {
            let users: Vec<&str> = accounts.iter().map(|account| account.user.as_str()).collect();
            let detail = format!(
                "The totals of {} users differ from their ledgers, which is a fault of the gateway: {}.",
                users.len(),
                users.join(", ")
            );
            Check::new("accounts", Status::Error, detail)
        }
        Err(error) => Check::new("accounts", Status::Error, error),
    }
}

/// The result of a read, or the reason why there is none.
async fn within<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
    match timeout(CHECK_TIMEOUT, read).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(with_causes(&error).to_string()),
        Err(_) => Err("The database did not answer within 20 s.".to_owned()),
    }
}
