//! State of the simulated providers: tasks, accounts and call counts.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use plantain_clock::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::SimulatorOptions;
use super::dialect::Dialect;
use super::limits::{self, RecentCalls};
use super::provider::Provider;
use super::script::{InjectedError, Script};

/// State of the simulated providers. Clones share it.
#[derive(Debug, Clone)]
pub struct SimulatorState {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    data: Mutex<Data>,
    delay: Duration,
    clock: Clock,
    enforce_limits: bool,
    webhook_key: Option<String>,
    http: reqwest::Client,
    /// Whether results wait.
    results_held: watch::Sender<bool>,
}

#[derive(Debug)]
struct Data {
    tasks: HashMap<String, SimTask>,
    returned_errors: HashMap<String, u32>,
    accounts: HashMap<Provider, Account>,
    inputs: Vec<String>,
    journal: Option<File>,
}

/// How often the simulated providers were called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Submissions, including rejected ones.
    pub submissions: u32,
    /// Accepted tasks.
    pub tasks: u32,
    /// Status queries.
    pub queries: u32,
    /// Submissions that exceeded a limit.
    pub submissions_over_limit: u32,
    /// Status queries that exceeded a limit.
    pub queries_over_limit: u32,
}

/// The gateway's account at one provider.
#[derive(Debug, Default)]
struct Account {
    credits: f64,
    counts: Counts,
    submissions: RecentCalls,
    queries: RecentCalls,
}

/// A task of a simulated provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SimTask {
    pub(super) id: String,
    pub(super) dialect: Dialect,
    pub(super) prompt: String,
    pub(super) images: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) png: bool,
    pub(super) callback_url: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) done_at: Timestamp,
    pub(super) cost: f64,
    pub(super) script: Script,
}

impl SimTask {
    /// The error code of a task that fails; `None` when it succeeds.
    pub(super) fn failure(&self) -> Option<i64> {
        self.script.fail.or(self.script.create_failed.then_some(500))
    }
}

impl SimulatorState {
    pub(super) fn open(options: &SimulatorOptions) -> std::io::Result<Self> {
        let mut tasks = HashMap::new();
        let mut journal = None;
        if let Some(path) = &options.journal {
            let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
            for line in BufReader::new(&file).lines() {
                // A kill may have truncated the last line.
                if let Ok(task) = serde_json::from_str::<SimTask>(&line?) {
                    tasks.insert(task.id.clone(), task);
                }
            }
            journal = Some(file);
        }
        let account = || Account { credits: options.credits, ..Account::default() };
        let accounts = Provider::ALL.map(|provider| (provider, account())).into();
        let data =
            Data { tasks, returned_errors: HashMap::new(), accounts, inputs: Vec::new(), journal };
        #[expect(clippy::disallowed_methods, reason = "the simulator is not the gateway")]
        let http = reqwest::Client::new();
        let shared = Shared {
            data: Mutex::new(data),
            delay: options.delay,
            clock: options.clock.clone(),
            enforce_limits: options.enforce_limits,
            webhook_key: options.webhook_key.clone(),
            http,
            results_held: watch::Sender::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// `true` holds back all results from now on; `false` sends them.
    pub fn hold_results(&self, held: bool) {
        self.shared.results_held.send_replace(held);
    }

    /// Waits until results are sent.
    pub(super) async fn results_released(&self) {
        let mut held = self.shared.results_held.subscribe();
        // Fails only without a sender, which `self` has.
        let _ = held.wait_for(|held| !held).await;
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.shared.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_account<T>(&self, of: Provider, apply: impl FnOnce(&mut Account) -> T) -> T {
        apply(self.data().accounts.entry(of).or_default())
    }

    /// Remaining credits of a provider's account.
    #[must_use]
    pub fn credits(&self, of: Provider) -> f64 {
        self.with_account(of, |account| account.credits)
    }

    /// Sets the credits of a provider's account.
    pub fn set_credits(&self, of: Provider, credits: f64) {
        self.with_account(of, |account| account.credits = credits);
    }

    /// URLs of the images to edit of the latest edit task.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        self.data().inputs.clone()
    }

    pub(super) fn record_inputs(&self, links: &[String]) {
        if !links.is_empty() {
            self.data().inputs = links.to_vec();
        }
    }

    /// Whether all tasks have finished, except those that never finish.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unfinished().iter().all(|task| task.script.never_finishes)
    }

    /// How often a provider was called.
    #[must_use]
    pub fn counts_of(&self, provider: Provider) -> Counts {
        self.with_account(provider, |account| account.counts)
    }

    /// How often all providers were called.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let all = Provider::ALL.map(|provider| self.counts_of(provider));
        all.into_iter().fold(Counts::default(), |sum, each| Counts {
            submissions: sum.submissions + each.submissions,
            tasks: sum.tasks + each.tasks,
            queries: sum.queries + each.queries,
            submissions_over_limit: sum.submissions_over_limit + each.submissions_over_limit,
            queries_over_limit: sum.queries_over_limit + each.queries_over_limit,
        })
    }

    /// Counts a submission and returns whether the limits permit it.
    pub(super) fn may_submit(&self, to: Provider) -> bool {
        let (now, unfinished_count) = (self.now(), self.unfinished_count(to));
        let enforced = self.shared.enforce_limits;
        self.with_account(to, |account| {
            account.counts.submissions += 1;
            let permitted =
                limits::permit_submission(to, &mut account.submissions, unfinished_count, now);
            account.counts.submissions_over_limit += u32::from(!permitted);
            permitted || !enforced
        })
    }

    /// Counts a status query and returns whether the limits permit it.
    pub(super) fn may_query(&self, provider: Provider) -> bool {
        let (now, enforced) = (self.now(), self.shared.enforce_limits);
        self.with_account(provider, |account| {
            account.counts.queries += 1;
            let permitted = limits::permit_query(provider, &mut account.queries, now);
            account.counts.queries_over_limit += u32::from(!permitted);
            permitted || !enforced
        })
    }

    fn unfinished_count(&self, provider: Provider) -> usize {
        let of_provider = |task: &&SimTask| task.dialect.provider() == provider;
        self.unfinished().iter().filter(of_provider).count()
    }

    pub(super) fn webhook_key(&self) -> Option<&str> {
        self.shared.webhook_key.as_deref()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) async fn sleep_until(&self, at: Timestamp) {
        self.shared.clock.sleep_until(at).await;
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    /// 32 hexadecimal digits, like the ids of the real providers.
    pub(super) fn new_id() -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    /// When a task that starts now finishes.
    pub(super) fn done_at(&self, script: &Script) -> Timestamp {
        if script.never_finishes {
            return Timestamp::MAX_UTC;
        }
        let delay = script.delay.unwrap_or(self.shared.delay);
        self.now() + TimeDelta::from_std(delay).unwrap_or_default()
    }

    /// The error code to return for this call; `None` after the configured number of errors.
    pub(super) fn next_error(&self, about: &str, next_error: Option<InjectedError>) -> Option<i64> {
        let next_error = next_error?;
        let mut data = self.data();
        let returned_errors = data.returned_errors.entry(about.to_owned()).or_default();
        if *returned_errors >= next_error.times {
            return None;
        }
        *returned_errors += 1;
        Some(next_error.code)
    }

    /// Stores a task and deducts its price, if the account has enough credits. Failures are not
    /// charged.
    pub(super) fn accept_task(&self, task: &SimTask) -> bool {
        let paid = self.with_account(task.dialect.provider(), |account| {
            let cost = if task.failure().is_none() { task.cost } else { 0.0 };
            let affordable = account.credits >= task.cost;
            if affordable {
                account.credits -= cost;
                account.counts.tasks += 1;
            }
            affordable
        });
        if !paid {
            return false;
        }
        let mut data = self.data();
        data.tasks.insert(task.id.clone(), task.clone());
        if let Some(journal) = &mut data.journal {
            let line = serde_json::to_string(task).unwrap_or_default() + "\n";
            if let Err(error) = journal.write_all(line.as_bytes()) {
                tracing::warn!(%error, "the simulator could not write a task to its journal");
            }
        }
        true
    }

    pub(super) fn task(&self, id: &str) -> Option<SimTask> {
        self.data().tasks.get(id).cloned()
    }

    /// Tasks whose callback is not due yet.
    pub(super) fn unfinished(&self) -> Vec<SimTask> {
        let now = self.now();
        self.data().tasks.values().filter(|task| task.done_at > now).cloned().collect()
    }
}
